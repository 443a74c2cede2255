/**
 * Announcing: new blocks and transactions to peers by address, never to where they came from. Small
 * ones are pushed whole. Owns the mark of the last announced tip, by which `tick` finds what a dead
 * process failed to announce, and the list of our users' own transactions. Ends when all sends have.
 */
import type { BlockHash, Txid } from '../types.ts';
import { type GossipContext, workText } from './context.ts';
import { canReach, exchange } from './exchange.ts';
import { LIMITS } from './limits.ts';
import type { Message } from './messages.ts';
import { type AnnouncedRow, announcedKey, listPeers, type PeerRow, urlScoreKey } from './peers.ts';
import { decodeJson, encodeJson, ROWS, readOne, readRows } from './rows.ts';
import { isBanned, type ScoreRow, scoreRowKey } from './scores.ts';

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

/** Those that are told: reachable as far as we know. Who fails waits until `tick` finds it back. */
async function listeners(ctx: GossipContext, except: string): Promise<PeerRow[]> {
  const peers = (await listPeers(ctx)).filter(
    (peer) =>
      peer.failures === 0 &&
      peer.address !== except &&
      peer.url !== except &&
      canReach(ctx, peer, 'tell') &&
      (peer.lastSeen > 0 || peer.origin !== 'learned'),
  );
  return unbanned(ctx, peers);
}

export const lastAnnounced = async (ctx: GossipContext): Promise<string | undefined> =>
  (await readOne<AnnouncedRow>(ctx, announcedKey))?.tip;

export async function blockNews(ctx: GossipContext, hash: BlockHash): Promise<Message | undefined> {
  const raw = await ctx.chain.blockRaw(hash);
  if (raw === undefined) return undefined;
  return raw.length <= LIMITS.pushBytesMax
    ? { type: 'block', raw }
    : { type: 'inv', items: [{ kind: 'block', hash }] };
}

export async function announceBlock(
  ctx: GossipContext,
  hash: BlockHash,
  except: string,
): Promise<void> {
  const peers = await listeners(ctx, except);
  if (peers.length === 0 && except === '') return;
  const entry = await ctx.chain.entry(hash);
  if (entry === undefined) return;
  const claim = { height: entry.height, tip: hash, work: workText(entry.chainwork) };
  await sendBlock(ctx, hash, peers, claim);
  const row: AnnouncedRow = { ...claim, at: ctx.now() };
  await ctx.store.put([{ ...announcedKey, value: encodeJson(row) }]);
}

async function sendBlock(
  ctx: GossipContext,
  hash: BlockHash,
  peers: readonly PeerRow[],
  then: Omit<AnnouncedRow, 'at'>,
): Promise<void> {
  const news = peers.length === 0 ? undefined : await blockNews(ctx, hash);
  if (news === undefined) return;
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

/* Our users' own */

/** Remembers a transaction of our own user's, which is said again until it is in a block. */
export const noteOwnTx = (ctx: GossipContext, txid: Txid): Promise<void> =>
  ctx.store.put([
    {
      pk: ROWS.own,
      sk: txid,
      value: encodeJson(ctx.now()),
      expiresAt: ctx.now() + LIMITS.ownTxSeconds,
    },
  ]);

/** Says again what has waited long; forgets what is confirmed or gone. */
export async function announceOwnAgain(ctx: GossipContext): Promise<void> {
  const rows = await ctx.store.list(ROWS.own, { limit: LIMITS.ownTxMax });
  const due = rows.filter(
    (row) => ctx.now() - decodeJson<number>(row) >= LIMITS.ownTxIntervalSeconds,
  );
  if (due.length === 0) return;
  const entries = await Promise.all(due.map((row) => ctx.mempool.get(row.sk as Txid)));
  const gone = due.filter((_, i) => entries[i] === undefined);
  if (gone.length > 0) await ctx.store.remove(gone);
  const waiting = entries.flatMap((entry) => (entry === undefined ? [] : [entry.txid]));
  if (waiting.length === 0) return;
  await announceTxs(ctx, waiting, '');
  await Promise.all(waiting.map((txid) => noteOwnTx(ctx, txid)));
}
