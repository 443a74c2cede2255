/**
 * What the host's periodic call does for the mempool: makes up for what died half-way, expires,
 * keeps to the cap. What is remembered here only spares reads; a new process starts with nothing.
 */
import type { Txid } from '../types.ts';
import type { MempoolParts } from './accept.ts';
import type { MempoolContext } from './context.ts';
import { MEMPOOL_LIMITS } from './context.ts';
import { decayFloor, evictOverCap } from './evict.ts';
import { hintRows } from './hints.ts';
import { buryDead, catchUp } from './reconcile.ts';
import { takeOut } from './removal.ts';
import type { StoredTx } from './rows.ts';

const MS_PER_SECOND = 1000;

export function createTick(ctx: MempoolContext, parts: MempoolParts): () => Promise<void> {
  const { cache, feed, orphans } = parts;
  let version = -1;
  let orphansMs = 0;
  let decayedMs = 0;

  return async () => {
    const nowMs = ctx.clock.nowMs();
    await cache.sync();
    const unheard = cache.takeUnheard();
    await feed.publish(
      unheard.map(({ txid, nonce }) => ({ txid, entered: true, nonce, reason: '' })),
      unheard.flatMap((entry) => hintRows(ctx, entry)),
    );
    const { version: tipVersion } = await ctx.chain.tip();
    if (tipVersion !== version) {
      const reached = await catchUp(ctx, parts);
      await buryDead(ctx, parts, reached, { isCaughtUp: true });
      version = reached;
    }
    await takeOut(ctx, parts, expired(ctx, parts, nowMs), () => 'expired');
    const cutOff = cache.pending.filter(({ pendingUntil = 0 }) => pendingUntil <= nowMs);
    await takeOut(ctx, parts, cutOff, () => 'conflict');
    await evictOverCap(ctx, parts);
    if (nowMs - decayedMs >= MEMPOOL_LIMITS.floorWriteMs) {
      decayedMs = nowMs;
      await decayFloor(ctx, cache.pool.bytes);
    }
    if (nowMs - orphansMs >= MEMPOOL_LIMITS.orphanTickMs) {
      orphansMs = nowMs;
      await orphans.expire();
    }
  };
}

/** What came in too long ago, with all that builds on it. */
function expired(
  { policy }: MempoolContext,
  { cache: { pool } }: MempoolParts,
  nowMs: number,
): StoredTx[] {
  const oldest = nowMs - policy.expirySeconds * MS_PER_SECOND;
  const txids = new Set<Txid>();
  for (const { txid, addedMs } of pool.all()) {
    if (addedMs > oldest) continue;
    for (const id of [txid, ...pool.descendants(txid)]) txids.add(id);
  }
  return [...txids].flatMap((txid) => pool.get(txid) ?? []);
}
