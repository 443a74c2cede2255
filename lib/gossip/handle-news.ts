/**
 * News: inv, headers, block, tx, notfound. Owns what we fetch because of it, what an unasked thing
 * may cost, and blame for what is wrong.
 */
import type { BlockOutcome } from '../chain/types.ts';
import { decodeBlock, decodeHeader } from '../codec/index.ts';
import { checkHeader } from '../consensus/check-header.ts';
import { merkleRoot } from '../crypto/merkle.ts';
import type { TxOutcome } from '../mempool/types.ts';
import { rejectOf } from '../rejects.ts';
import type { BlockHash, BlockHeader, Reject, Txid } from '../types.ts';
import type { GossipContext } from './context.ts';
import {
  areHeadersAsked,
  isAskedOf,
  noteHeadersAsked,
  noteRefused,
  refusedLately,
  releaseLeases,
  takeLeases,
} from './leases.ts';
import { LIMITS } from './limits.ts';
import type { InvItem } from './messages.ts';
import { addPoints, pointsForBlock, pointsForTx, takeUnasked } from './scores.ts';
import { say, type Turn } from './turn.ts';

const HEADER_BYTES = 80;
/** Further behind than this, transactions are of no use yet. */
const BEHIND_BLOCKS = 3;

/** Lays it on the sender; what else it sent in this request is not looked at. */
async function blame(
  ctx: GossipContext,
  turn: Turn,
  offence: { readonly points: number; readonly reason: string },
): Promise<void> {
  if (offence.points === 0) return;
  turn.stopped = true;
  await addPoints(ctx, turn.identity.scoreKey, offence);
}

export async function onInv(
  ctx: GossipContext,
  turn: Turn,
  named: readonly InvItem[],
): Promise<void> {
  // What is named costs the sender 36 bytes, and us reads and a lease: so much a request, not a message.
  const items = named.slice(0, turn.invLookUps);
  turn.invLookUps -= items.length;
  const blocks = items.flatMap((item) => (item.kind === 'block' ? [item.hash] : []));
  const txs = items.flatMap((item) => (item.kind === 'tx' ? [item.hash] : []));
  const wanted: InvItem[] = [];
  const known = await Promise.all(blocks.map((hash) => ctx.chain.hasBody(hash)));
  const fresh = blocks.filter((_, i) => !known[i]).slice(0, LIMITS.bodiesPerAsk);
  const { scoreKey } = turn.identity;
  for (const hash of await takeLeases(ctx, fresh, scoreKey)) wanted.push({ kind: 'block', hash });
  if (txs.length > 0 && !(await isBehind(ctx, turn))) {
    const unknown = await unknownTxs(ctx, txs);
    for (const hash of await takeLeases(ctx, unknown, scoreKey)) wanted.push({ kind: 'tx', hash });
  }
  if (wanted.length > 0) say(turn, { type: 'getdata', items: wanted });
}

async function unknownTxs(ctx: GossipContext, txids: readonly Txid[]): Promise<Txid[]> {
  const refused = await refusedLately(ctx, txids);
  const open = [...new Set(txids)].filter((txid) => !refused.has(txid));
  const known = await Promise.all(
    open.map(async (txid) => {
      if ((await ctx.mempool.get(txid)) !== undefined) return true;
      return ctx.chain.view((view) => view.isConfirmed(txid));
    }),
  );
  return open.filter((_, i) => !known[i]);
}

async function isBehind(ctx: GossipContext, turn: Turn): Promise<boolean> {
  if (turn.isBehind === undefined) {
    const [best, tip] = await Promise.all([ctx.chain.bestHeader(), ctx.chain.tip()]);
    turn.isBehind = best.height > tip.entry.height + BEHIND_BLOCKS;
  }
  return turn.isBehind;
}

/** Asks the sender for what follows our best chain. */
async function askHeaders(ctx: GossipContext, turn: Turn, from?: BlockHash): Promise<void> {
  const start = from ?? (await ctx.chain.bestHeader()).hash;
  if (!turn.identity.reply) await noteHeadersAsked(ctx, turn.identity.scoreKey);
  say(turn, { type: 'getheaders', locator: await ctx.chain.locator(start) });
}

export async function onHeaders(
  ctx: GossipContext,
  turn: Turn,
  headers: readonly BlockHeader[],
): Promise<void> {
  const [first] = headers;
  if (first === undefined) return;
  const { scoreKey } = turn.identity;
  const isAsked = turn.headersAsked || (await areHeadersAsked(ctx, scoreKey));
  if (!isAsked) {
    const isNext = first.prevHash === (await ctx.chain.tip()).entry.hash && headers.length === 1;
    const want = { kind: 'headers', count: headers.length } as const;
    if (!isNext && !(await takeUnasked(ctx, scoreKey, want))) return;
  }
  const outcome = await ctx.chain.acceptHeaders(headers);
  if (outcome.status === 'stored') {
    turn.wantsBodies = true;
    // Who can be called is asked for more by sync, which keeps to its time.
    const isFull = headers.length === LIMITS.headersMax && !turn.identity.reply;
    if (isFull && outcome.added > 0) await askHeaders(ctx, turn, outcome.last.hash);
  } else if (outcome.status === 'orphan' && !isAsked) await askHeaders(ctx, turn);
  else if (outcome.status === 'orphan') {
    const reason = 'headers that do not answer the question';
    await blame(ctx, turn, { points: LIMITS.malformedPoints, reason });
  } else if (outcome.status === 'rejected') {
    const { reject } = outcome;
    await blame(ctx, turn, { points: pointsForBlock(reject), reason: reject.reason });
  }
}

/** What a body with a known header may have against it: its bytes are not those of the hash. */
function mutation(raw: Uint8Array): Reject | undefined {
  const block = decodeBlock(raw);
  if (!block.ok) return block.reject;
  const { root, mutated } = merkleRoot(block.value.txs.map(({ txid }) => txid));
  if (root !== block.value.header.merkleRoot) return rejectOf('bad-txnmrklroot');
  return mutated ? rejectOf('bad-txns-duplicate') : undefined;
}

export async function onBlock(ctx: GossipContext, turn: Turn, raw: Uint8Array): Promise<void> {
  const header = decodeHeader(raw.subarray(0, HEADER_BYTES));
  if (!header.ok) return blameBlock(ctx, turn, header.reject);
  const { hash, prevHash } = header.value;
  // Before anything is read for it.
  const work = checkHeader(header.value, ctx.params);
  if (!work.ok)
    return afterBlock(ctx, turn, { status: 'rejected', hash, reject: work.reject }, hash);
  const { scoreKey, origin } = turn.identity;
  const [asked, tip] = await Promise.all([
    turn.asked.has(hash) || isAskedOf(ctx, hash, scoreKey),
    ctx.chain.tip(),
  ]);
  // What would be the tip is new, but for a race: acceptBlock sees that, and blames as we do here.
  const isNext = prevHash === tip.entry.hash;
  if (!isNext && (await ctx.chain.hasBody(hash))) {
    const reject = mutation(raw);
    if (reject !== undefined) await blameBlock(ctx, turn, reject);
    return;
  }
  if (!asked && !isNext) {
    if (!(await takeUnasked(ctx, scoreKey, { kind: 'bodies', count: 1 }))) return;
  }
  const outcome = await ctx.acceptBlock(raw, { asked, from: origin });
  await afterBlock(ctx, turn, outcome, hash);
}

async function afterBlock(
  ctx: GossipContext,
  turn: Turn,
  outcome: BlockOutcome,
  hash: BlockHash,
): Promise<void> {
  if (outcome.status === 'rejected') {
    // The hash may be an honest block's, whose body somebody else has.
    await releaseLeases(ctx, [hash], turn.identity.scoreKey);
    await blameBlock(ctx, turn, outcome.reject);
  } else if (outcome.status === 'orphan') await askHeaders(ctx, turn);
  else {
    turn.wantsBodies = true;
    if (outcome.status === 'tip') {
      const { height, chainwork } = outcome.change.to;
      const work = chainwork.toString(16).padStart(64, '0');
      turn.news = { ...turn.news, height, tip: outcome.change.to.hash, work };
    }
  }
}

const blameBlock = (ctx: GossipContext, turn: Turn, reject: Reject): Promise<void> =>
  blame(ctx, turn, { points: pointsForBlock(reject), reason: reject.reason });

export async function onTx(ctx: GossipContext, turn: Turn, raw: Uint8Array): Promise<void> {
  if (await isBehind(ctx, turn)) return;
  const outcome: TxOutcome = await ctx.admitTx(raw);
  if (outcome.status === 'accepted') {
    turn.accepted.push(outcome.entry.txid, ...(outcome.also ?? []).map(({ txid }) => txid));
  } else if (outcome.status === 'orphan') {
    const unknown = await unknownTxs(ctx, outcome.missing.slice(0, LIMITS.invMax));
    const free = await takeLeases(ctx, unknown, turn.identity.scoreKey);
    const items = free.map((parent) => ({ kind: 'tx', hash: parent }) as const);
    if (items.length > 0) say(turn, { type: 'getdata', items });
  } else if (outcome.status === 'rejected') {
    if (outcome.txid !== undefined) await noteRefused(ctx, outcome.txid);
    const { reject } = outcome;
    const points = pointsForTx(reject);
    const isUnreadable = outcome.txid === undefined && reject.kind === 'mutated';
    await blame(ctx, turn, {
      points: isUnreadable ? LIMITS.malformedPoints : points,
      reason: reject.reason,
    });
  }
}

export async function onNotFound(
  ctx: GossipContext,
  turn: Turn,
  items: readonly InvItem[],
): Promise<void> {
  await releaseLeases(
    ctx,
    items.map(({ hash }) => hash),
    turn.identity.scoreKey,
  );
}

/**
 * The bodies that come next on the best header chain, asked of a sender that seems to have them. A
 * long way is left to sync, if whoever knows it can be called.
 */
export async function askBodies(
  ctx: GossipContext,
  turn: Turn,
  options: { readonly syncCanDoIt: boolean },
): Promise<void> {
  const missing = await ctx.chain.missingBodies(LIMITS.bodiesPerAsk + 1);
  if (missing.length === 0) return;
  if (missing.length > LIMITS.bodiesPerAsk && options.syncCanDoIt) return;
  const next = missing.slice(0, LIMITS.bodiesPerAsk);
  const free = await takeLeases(ctx, next, turn.identity.scoreKey);
  const items = free.map((hash) => ({ kind: 'block', hash }) as const);
  if (items.length > 0) say(turn, { type: 'getdata', items });
}
