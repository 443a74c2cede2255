/**
 * What must happen now and then: calling peers that are due, saying what a dead process did not say,
 * catching up. Owns the order; when something is due stands in the rows.
 */
import { forEachPeer, unbanned } from './announce.ts';
import type { GossipContext } from './context.ts';
import { canReach } from './exchange.ts';
import { call } from './handshake.ts';
import { LIMITS } from './limits.ts';
import { listPeers } from './peers.ts';
import { announceTip, isBehind, sync } from './sync.ts';

export async function tick(ctx: GossipContext, retell: () => Promise<void>): Promise<void> {
  await callDue(ctx);
  await announceTip(ctx);
  await retell();
  if (await isBehind(ctx)) await sync(ctx, ctx.clock.nowMs() + LIMITS.tickSyncMs);
}

async function callDue(ctx: GossipContext): Promise<void> {
  const peers = (await listPeers(ctx)).filter((peer) => canReach(ctx, peer, 'ask'));
  // The operator's own first: who polls need not poll everybody it ever heard of.
  const polled = new Set(
    [...peers]
      .filter((peer) => !peer.push)
      .sort((a, b) => Number(a.origin === 'learned') - Number(b.origin === 'learned'))
      .slice(0, LIMITS.pollPeersMax)
      .map((peer) => peer.id),
  );
  const due = peers.filter((peer) => peer.nextAt <= ctx.now());
  if (due.length === 0) return;
  await forEachPeer(await unbanned(ctx, due), (peer) =>
    call(ctx, peer, { asks: polled.has(peer.id) }),
  );
}
