/**
 * The mempool after a commit: what a reorganisation took off comes back, what was confirmed or died
 * is deleted, orphans are tried again (store-protocol section 5, the janitor). It may stop at any
 * point: every answer is derived from the rows, and the tick finds the rest by the chain's log.
 */
import type { ChainChange, ChainView } from '../chain/types.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { logKey } from '../ports/store.ts';
import { decodeLog, decodeText, encodeText, type TipMove } from '../store/layout.ts';
import type { BlockHash, Reject, Txid } from '../types.ts';
import { accept, type MempoolParts, retryOrphans } from './accept.ts';
import type { MempoolContext } from './context.ts';
import { MEMPOOL_LIMITS } from './context.ts';
import { readFamily } from './family.ts';
import type { PoolCache } from './pool-cache.ts';
import { takeOut } from './removal.ts';
import { RECONCILED_KEY, type StoredTx } from './rows.ts';
import type { MempoolEntry } from './types.ts';

export async function reconcile(
  ctx: MempoolContext,
  parts: MempoolParts,
  change: ChainChange,
): Promise<{ accepted: readonly MempoolEntry[] }> {
  // First what comes back: what builds on it is alive again before the dead are counted.
  const back = await takeBack(ctx, parts, change.returned);
  tellLost(ctx, back);
  const accepted = [...back.accepted];
  await buryDead(ctx, parts, change.version, {
    confirmed: new Set(change.confirmed),
    takenBack: new Set(change.disconnected),
  });
  accepted.push(...(await retryWaiting(ctx, parts, change.confirmed)));
  ctx.telemetry.metric('MempoolTx', parts.cache.pool.size);
  return { accepted };
}

interface TakenBack {
  readonly accepted: readonly MempoolEntry[];
  /** Those that lack a parent or a coin. */
  readonly missing: readonly Uint8Array[];
  /** Why the rules refuse others now. */
  readonly refused: readonly Reject[];
}

/** Parents first. What is in the chain again is `known`. */
async function takeBack(
  ctx: MempoolContext,
  parts: MempoolParts,
  raws: readonly Uint8Array[],
): Promise<TakenBack> {
  const accepted: MempoolEntry[] = [];
  const missing: Uint8Array[] = [];
  const refused: Reject[] = [];
  for (const raw of raws) {
    const outcome = await accept(ctx, parts, raw, { returned: true });
    if (outcome.status === 'accepted') accepted.push(outcome.entry, ...(outcome.also ?? []));
    else if (outcome.status !== 'rejected') continue;
    else if (outcome.reject.kind === 'missing') missing.push(raw);
    else refused.push(outcome.reject);
  }
  return { accepted, missing, refused };
}

/** Payments that were confirmed and now are nowhere: nobody but their owners can bring them back. */
function tellLost(
  { telemetry }: MempoolContext,
  { missing, refused }: Pick<TakenBack, 'missing' | 'refused'>,
): void {
  const count = missing.length + refused.length;
  if (count === 0) return;
  const reasons = new Set(refused.map(({ reason }) => reason));
  if (missing.length > 0) reasons.add('bad-txns-inputs-missingorspent');
  telemetry.log('warn', 'transactions of blocks that were taken off did not come back', {
    count,
    reasons: [...reasons].join(', '),
  });
}

/**
 * Deletes what is dead as of `version`. Had the chain moved on, a reorganisation's transactions
 * might not be back yet, and their children would seem dead: then it is left to who moved it. Whoever
 * moved it before may have died, or be slow: what else is dead than `confirmed` is deleted only after
 * a look at the log, which spares most blocks that look (`isCaughtUp`: it was just done). `takenBack`:
 * blocks whose transactions the caller brought back itself.
 */
export async function buryDead(
  ctx: MempoolContext,
  parts: MempoolParts,
  version: number,
  options: {
    readonly confirmed?: ReadonlySet<Txid>;
    readonly takenBack?: ReadonlySet<BlockHash>;
    readonly isCaughtUp?: boolean;
  } = {},
): Promise<void> {
  const { confirmed = new Set<Txid>(), isCaughtUp = false } = options;
  const { done, doubtful: found } = await findDead(ctx, parts, version, confirmed);
  let doubtful = found;
  if (doubtful.length > 0 && !isCaughtUp) {
    const reached = await catchUp(ctx, parts, options.takenBack);
    doubtful = reached === version ? (await findDead(ctx, parts, version, confirmed)).doubtful : [];
  }
  const reasonOf = ({ txid }: StoredTx) => (confirmed.has(txid) ? 'confirmed' : 'conflict');
  await takeOut(ctx, parts, [...done, ...doubtful], reasonOf);
}

interface Dead {
  readonly done: readonly StoredTx[];
  /** Dead for another reason than that they were confirmed; their rows are there. */
  readonly doubtful: readonly StoredTx[];
}

const NOBODY: Dead = { done: [], doubtful: [] };

/** Nobody, if the chain has left `version`. */
async function findDead(
  ctx: MempoolContext,
  { cache }: MempoolParts,
  version: number,
  confirmed: ReadonlySet<Txid>,
): Promise<Dead> {
  await cache.sync();
  return ctx.chain.view(async (view) => {
    const examined = await cache.examine(view, { keepDead: true });
    if (examined.tip.version !== version) return NOBODY;
    const entries = examined.dead.map(({ entry }) => entry);
    const done = entries.filter(({ txid }) => confirmed.has(txid));
    const others = entries.filter(({ txid }) => !confirmed.has(txid));
    if (others.length === 0) return { done, doubtful: [] };
    // Others may have deleted them: a refused delete costs as much as one that is done.
    const present = await cache.forgetGone(others);
    const alive = await stillAlive(ctx, cache, view, present);
    return { done, doubtful: present.filter(({ txid }) => !alive.has(txid)) };
  });
}

/**
 * Those that only seem dead because the copy in memory lacks a parent which the store holds: a feed
 * row was late, or never came. The copy learns of the parents.
 */
async function stillAlive(
  ctx: MempoolContext,
  cache: PoolCache,
  view: ChainView,
  entries: readonly StoredTx[],
): Promise<ReadonlySet<Txid>> {
  if (entries.length === 0) return new Set();
  const txids = entries.map(({ txid }) => txid);
  const family = await readFamily(ctx, view, txids);
  const alive = entries.filter(({ txid }) => family.health(txid) === undefined);
  for (const ancestor of new Set(alive.flatMap((entry) => family.ancestors(entry)))) {
    if (cache.pool.get(ancestor.txid) === undefined) cache.add(ancestor);
  }
  return new Set(alive.map(({ txid }) => txid));
}

/** Orphans whose parents were confirmed. Most blocks meet no orphan at all: one small read. */
async function retryWaiting(
  ctx: MempoolContext,
  parts: MempoolParts,
  confirmed: readonly Txid[],
): Promise<readonly MempoolEntry[]> {
  if (confirmed.length === 0) return [];
  const waiting = await parts.orphans.list();
  const arrived = new Set(confirmed);
  const parents = new Set(
    waiting.flatMap(({ missing }) => missing.filter((parent) => arrived.has(parent))),
  );
  return retryOrphans(ctx, parts, [...parents]);
}

/**
 * Makes up for reconciles that never ran: goes through the chain's log since the last look and takes
 * back what reorganisations took off, but for moves away from blocks that `takenBack` names. Answers
 * the version that it came to.
 */
export async function catchUp(
  ctx: MempoolContext,
  parts: MempoolParts,
  takenBack: ReadonlySet<BlockHash> = new Set(),
): Promise<number> {
  const [row] = await ctx.store.read([RECONCILED_KEY]);
  let done = row === undefined ? 0 : Number(decodeText(row.value));
  /** What lacks a parent that a later move may bring back. */
  let waiting: Uint8Array[] = [];
  const refused: Reject[] = [];
  const take = async (raws: readonly Uint8Array[]): Promise<readonly Uint8Array[]> => {
    const back = await takeBack(ctx, parts, raws);
    refused.push(...back.refused);
    return back.missing;
  };
  for (;;) {
    const { version, moves } = await ctx.chain.view(async (view) => ({
      version: view.tip.version,
      moves: await movesBack(view, done),
    }));
    if (done === version) return version;
    for (const move of moves) {
      if (takenBack.has(move.from)) continue;
      waiting.push(...(await take(await returnedBy(ctx, move))));
    }
    for (let before = Infinity; waiting.length > 0 && waiting.length < before; ) {
      before = waiting.length;
      waiting = [...(await take(waiting))];
    }
    done = version;
    // Else the chain has moved on, and what they lack was taken off the chain meanwhile.
    if (waiting.length === 0 || (await ctx.chain.tip()).version === version) break;
  }
  tellLost(ctx, { missing: waiting, refused });
  await ctx.store.put([{ ...RECONCILED_KEY, value: encodeText(String(done)) }]);
  return done;
}

/** Of the log after `done`, at most the last thousand: the moves that took blocks off, oldest first. */
async function movesBack(view: ChainView, done: number): Promise<TipMove[]> {
  const last = view.tip.version;
  const first = Math.max(done + 1, last - MEMPOOL_LIMITS.logRowsMax + 1);
  const keys = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => logKey(first + i));
  if (keys.length === 0) return [];
  const rows = await view.snapshot.getMany(keys);
  const moves = rows.flatMap((row) => (row === undefined ? [] : [decodeLog(row.value)]));
  // Each begins where the one before it ended.
  return moves.filter(({ forkHeight }, i) => forkHeight < (moves[i - 1]?.height ?? Infinity));
}

/** Transactions of the blocks that a move took off, lowest block first. */
async function returnedBy(ctx: MempoolContext, move: TipMove): Promise<Uint8Array[]> {
  const blocks: Uint8Array[][] = [];
  let bytes = 0;
  let hash: BlockHash = move.from;
  for (;;) {
    const entry: BlockEntry | undefined = await ctx.chain.entry(hash);
    if (entry === undefined || entry.height <= move.forkHeight) break;
    const block = await ctx.chain.block(hash);
    const raws = (block?.txs ?? []).slice(1).map(({ raw }) => raw);
    bytes += raws.reduce((sum, raw) => sum + raw.length, 0);
    if (bytes > MEMPOOL_LIMITS.returnedBytesMax) break;
    blocks.push(raws);
    hash = entry.header.prevHash;
  }
  return blocks.reverse().flat();
}
