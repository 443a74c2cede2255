/**
 * Announcing: new blocks and transactions to peers by address, never to where they came from. Small
 * ones are pushed whole. Owns the mark of the last announced tip, by which `tick` finds what a dead
 * process failed to announce, and saying again what waits long. Ends when all sends have.
 */
import type { BlockHash, Txid } from '../types.ts';
import { type GossipContext, workText } from './context.ts';
import { canReach, exchange } from './exchange.ts';
import { LIMITS } from './limits.ts';
import type { Message } from './messages.ts';
import { type AnnouncedRow, announcedKey, listPeers, type PeerRow, urlScoreKey } from './peers.ts';
import { encodeJson, ROWS, readOne, readRows } from './rows.ts';
import { isBanned, type ScoreRow, scoreRowKey } from './scores.ts';
import type { KnownBlock } from './types.ts';

/** Peers without those that are banned. */
export async function unbanned(ctx: GossipContext, peers: readonly PeerRow[]): Promise<PeerRow[]> {
  const keys = peers.map((peer) => scoreRowKey(urlScoreKey(peer.url)));
  const scores = await readRows<ScoreRow>(ctx, keys);
  return peers.filter((_, i) => !isBanned(scores[i]));
}

/** Runs a task for each, a few at a time; all have ended when it does, well or not. */
export async function forEachPeer(
  peers: readonly PeerRow[],
  task: (peer: PeerRow) => Promise<unknown>,
): Promise<void> {
  const left = [...peers];
  const worker = async (): Promise<void> => {
    for (let peer = left.shift(); peer !== undefined; peer = left.shift()) await task(peer);
  };
  const ends = await Promise.allSettled(Array.from({ length: LIMITS.parallelSends }, worker));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/**
 * A URL that fails may take its ten seconds, and waits until `tick` finds it back. A queue says at
 * once whether it is there: it is tried again as soon as its peer is due.
 */
const isInReach = (ctx: GossipContext, peer: PeerRow): boolean =>
  peer.failures === 0 || (peer.kind === 'sqs' && peer.nextAt <= ctx.now());

/** Those that are told: reachable as far as we know. */
export async function listeners(ctx: GossipContext, except: string): Promise<PeerRow[]> {
  const peers = (await listPeers(ctx)).filter(
    (peer) =>
      isInReach(ctx, peer) &&
      peer.address !== except &&
      peer.url !== except &&
      canReach(ctx, peer, 'tell') &&
      (peer.lastSeen > 0 || peer.origin !== 'learned'),
  );
  return unbanned(ctx, peers);
}

export const lastAnnounced = async (ctx: GossipContext): Promise<string | undefined> =>
  (await readOne<AnnouncedRow>(ctx, announcedKey))?.tip;

export async function blockNews(
  ctx: GossipContext,
  hash: BlockHash,
  known?: Uint8Array,
): Promise<Message | undefined> {
  const raw = known ?? (await ctx.chain.blockRaw(hash));
  if (raw === undefined) return undefined;
  return raw.length <= LIMITS.pushBytesMax
    ? { type: 'block', raw }
    : { type: 'inv', items: [{ kind: 'block', hash }] };
}

export async function announceBlock(
  ctx: GossipContext,
  hash: BlockHash,
  except: string,
  known: KnownBlock = {},
): Promise<void> {
  const peers = await (known.peers ?? listeners(ctx, except));
  if (peers.length === 0 && except === '') return;
  const entry = known.entry ?? (await ctx.chain.entry(hash));
  if (entry === undefined) return;
  const claim = { height: entry.height, tip: hash, work: workText(entry.chainwork) };
  const news = peers.length === 0 ? undefined : await blockNews(ctx, hash, known.raw);
  if (news !== undefined) await sendBlock(ctx, news, peers, claim);
  const row: AnnouncedRow = { ...claim, at: ctx.now() };
  await ctx.store.put([{ ...announcedKey, value: encodeJson(row) }]);
}

async function sendBlock(
  ctx: GossipContext,
  news: Message,
  peers: readonly PeerRow[],
  then: Omit<AnnouncedRow, 'at'>,
): Promise<void> {
  await forEachPeer(peers, (peer) =>
    exchange(ctx, peer, [news], {
      way: 'tell',
      // On a queue nobody says whether it was heard.
      ...(peer.kind !== 'sqs' && then.work > peer.work && { then }),
    }),
  );
}

async function txNews(ctx: GossipContext, txids: readonly Txid[]): Promise<Message[]> {
  const entries = await Promise.all(txids.map((txid) => ctx.mempool.get(txid)));
  return entries.flatMap((entry): Message[] => {
    if (entry === undefined) return [];
    const { raw } = entry.tx;
    return raw.length <= LIMITS.pushBytesMax
      ? [{ type: 'tx', raw }]
      : [{ type: 'inv', items: [{ kind: 'tx', hash: entry.txid }] }];
  });
}

export async function announceTxs(
  ctx: GossipContext,
  txids: readonly Txid[],
  except: string,
): Promise<void> {
  const peers = await listeners(ctx, except);
  if (peers.length === 0) return;
  const news = await txNews(ctx, txids);
  if (news.length === 0) return;
  await forEachPeer(peers, (peer) => exchange(ctx, peer, news, { way: 'tell' }));
}

/* What waits long */

interface RetoldRow {
  /** Unix seconds. */
  readonly at: number;
  /** The last that was said again; '' when all were. */
  readonly after: string;
}

const retoldKey = { pk: ROWS.self, sk: 'retold' };

/**
 * Makes the call that says transactions again which have waited long, our users' own among them: some
 * peer may not have been there. A page at a time; no row is written while there is nothing to say.
 */
export function createRetelling(ctx: GossipContext): () => Promise<void> {
  // Only spares looking: a new process looks at once.
  let lookedAt = 0;
  return async () => {
    const now = ctx.now();
    if (now - lookedAt < LIMITS.retellSeconds / 10) return;
    lookedAt = now;
    const told = await readOne<RetoldRow>(ctx, retoldKey);
    if (told !== undefined && now - told.at < LIMITS.retellSeconds) return;
    const page = await ctx.mempool.list({
      limit: LIMITS.retellMax,
      ...(told?.after && { after: told.after as Txid }),
    });
    const waiting = page.filter(({ addedAt }) => now - addedAt >= LIMITS.retellSeconds);
    // Where the last one left the mempool, or all were said, it begins anew.
    const last = waiting.length === LIMITS.retellMax ? waiting.at(-1) : undefined;
    if (waiting.length === 0 && (told?.after ?? '') === '') return;
    const row: RetoldRow = { at: waiting.length === 0 ? 0 : now, after: last?.txid ?? '' };
    await announceTxs(
      ctx,
      waiting.map(({ txid }) => txid),
      '',
    );
    await ctx.store.put([{ ...retoldKey, value: encodeJson(row) }]);
  };
}
