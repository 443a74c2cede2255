/**
 * Catching up with whoever has more work: headers first, then bodies. Owns the lease that keeps it
 * single among processes, its cursor and the choice of peers. What is left to do follows from the
 * store alone, so any call may go on where another stopped.
 */
import { announceBlock, lastAnnounced, unbanned } from './announce.ts';
import { type GossipContext, workText } from './context.ts';
import { canReach } from './exchange.ts';
import { shakeHands } from './handshake.ts';
import { LIMITS } from './limits.ts';
import { listPeers, NO_CLAIM, type PeerRow, updatePeer } from './peers.ts';
import { encodeJson, newNonce, ROWS, readOne, updateRow } from './rows.ts';
import { type BodiesEnd, fetchBodies } from './sync-bodies.ts';
import { fetchHeaders } from './sync-headers.ts';

/** Lease and cursor in one row. */
interface SyncRow {
  readonly owner: string;
  /** Unix seconds; past it the sync is dead and another may go on. */
  readonly until: number;
  readonly phase: 'headers' | 'bodies';
  readonly height: number;
}

const syncKey = { pk: ROWS.self, sk: 'sync' };
const stallKey = { pk: ROWS.self, sk: 'stall' };
const HEADER_PEERS_MAX = 8;
/** A lease that is younger needs no renewal. */
const RENEW_BEFORE_SECONDS = 40;

async function holdLease(
  ctx: GossipContext,
  owner: string,
  cursor: Pick<SyncRow, 'phase' | 'height'>,
): Promise<boolean> {
  const now = ctx.now();
  const row = await updateRow<SyncRow>(ctx, syncKey, (held) =>
    held !== undefined && held.owner !== owner && held.until > now
      ? undefined
      : { value: { owner, until: now + LIMITS.syncLeaseSeconds, ...cursor } },
  );
  return row?.owner === owner;
}

const dropLease = (ctx: GossipContext, owner: string): Promise<unknown> =>
  updateRow<SyncRow>(ctx, syncKey, (held) =>
    held?.owner === owner ? { value: { ...held, until: 0 } } : undefined,
  );

/** Whoever holds the lease is dead. */
export const giveUpSync = (ctx: GossipContext): Promise<void> => ctx.store.remove([syncKey]);

/** Keeps the lease without a write a window. */
function renewer(
  ctx: GossipContext,
  owner: string,
  phase: SyncRow['phase'],
): () => Promise<boolean> {
  let renewedAt = 0;
  return async () => {
    if (ctx.now() - renewedAt < LIMITS.syncLeaseSeconds - RENEW_BEFORE_SECONDS) return true;
    renewedAt = ctx.now();
    const { entry } = await ctx.chain.tip();
    return holdLease(ctx, owner, { phase, height: entry.height });
  };
}

/** Peers that may be asked, most work first. */
async function candidates(ctx: GossipContext): Promise<PeerRow[]> {
  const peers = (await listPeers(ctx)).filter(
    (peer) => canReach(ctx, peer, 'ask') && (peer.failures === 0 || peer.nextAt <= ctx.now()),
  );
  // One that failed may be back long before a tick finds it.
  const unsure = peers.filter((peer) => peer.lastHandshake === 0 || peer.failures > 0);
  await Promise.all(unsure.slice(0, HEADER_PEERS_MAX).map((peer) => shakeHands(ctx, peer)));
  const known = await listPeers(ctx);
  const open = known.filter(
    (peer) => canReach(ctx, peer, 'ask') && peer.failures === 0 && peer.lastHandshake > 0,
  );
  const honest = await unbanned(ctx, open);
  return honest.sort((a, b) =>
    a.work === b.work ? b.lastSeen - a.lastSeen : a.work > b.work ? -1 : 1,
  );
}

/** Whether anybody is known to have more than us, or bodies are missing. */
export async function isBehind(ctx: GossipContext): Promise<boolean> {
  const stall = await readOne<number>(ctx, stallKey);
  if (stall !== undefined && stall > ctx.now()) return false;
  if ((await ctx.chain.missingBodies(1)).length > 0) return true;
  const best = workText((await ctx.chain.bestHeader()).chainwork);
  const peers = await listPeers(ctx);
  return peers.some((peer) => peer.work > best && peer.failures === 0 && peer.lastHandshake > 0);
}

async function headersPhase(
  ctx: GossipContext,
  peers: readonly PeerRow[],
  until: { readonly deadlineMs: number; readonly renew: () => Promise<boolean> },
): Promise<boolean> {
  for (const peer of peers.slice(0, HEADER_PEERS_MAX)) {
    const best = workText((await ctx.chain.bestHeader()).chainwork);
    if (peer.work <= best) continue;
    const end = await fetchHeaders(ctx, peer, until);
    if (end === 'more') return true;
    const after = workText((await ctx.chain.bestHeader()).chainwork);
    // It does not have what it said: not asked again before it says so anew.
    if (peer.work > after) await updatePeer(ctx, peer.id, () => ({ work: NO_CLAIM.work }));
  }
  return false;
}

async function run(ctx: GossipContext, owner: string, deadlineMs: number): Promise<BodiesEnd> {
  const peers = await candidates(ctx);
  if (peers.length === 0) return 'stalled';
  const headers = renewer(ctx, owner, 'headers');
  if (await headersPhase(ctx, peers, { deadlineMs, renew: headers })) return 'more';
  const good = await unbanned(ctx, peers);
  const renew = renewer(ctx, owner, 'bodies');
  const end = await fetchBodies(ctx, good, { deadlineMs, renew });
  if (end === 'stalled') {
    await ctx.store.put([{ ...stallKey, value: encodeJson(ctx.now() + LIMITS.stallSeconds) }]);
  }
  return end;
}

/**
 * True while there is more to do for this caller: time was up, or something came after the last look
 * while the lease sent away whoever was woken for it.
 */
export async function sync(ctx: GossipContext, deadlineMs: number): Promise<boolean> {
  const owner = newNonce(ctx.random);
  const { entry } = await ctx.chain.tip();
  if (!(await holdLease(ctx, owner, { phase: 'headers', height: entry.height }))) return false;
  let end: BodiesEnd;
  try {
    end = await run(ctx, owner, deadlineMs);
    if (end !== 'more') await announceTip(ctx);
  } finally {
    await dropLease(ctx, owner);
  }
  if (end !== 'done') return end === 'more';
  return (await ctx.chain.missingBodies(1)).length > 0;
}

/** Says the tip to peers, if that was not done: after a sync, or for a process that died before. */
export async function announceTip(ctx: GossipContext): Promise<void> {
  const { entry } = await ctx.chain.tip();
  if (entry.height === 0 || (await lastAnnounced(ctx)) === entry.hash) return;
  await announceBlock(ctx, entry.hash, '');
}

export async function progress(ctx: GossipContext): Promise<{ syncing: boolean; headers: number }> {
  const [best, tip] = await Promise.all([ctx.chain.bestHeader(), ctx.chain.tip()]);
  return { syncing: best.chainwork > tip.entry.chainwork, headers: best.height };
}
