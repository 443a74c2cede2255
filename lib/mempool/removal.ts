/**
 * Taking transactions out: each row is deleted on the nonce that was seen, so that a stalled janitor
 * throws out nobody who came back meanwhile. Claims stay behind: whoever wants the coin sees that
 * the claimant is gone.
 */
import type { Txid } from '../types.ts';
import type { MempoolContext } from './context.ts';
import { inParallel } from './context.ts';
import type { Feed } from './feed.ts';
import type { PoolCache } from './pool-cache.ts';
import { poolKey, type StoredTx } from './rows.ts';

export type LeaveReason = 'confirmed' | 'conflict' | 'replaced' | 'evicted' | 'expired';

/**
 * Deletes those that are still there as seen, tells the feed, and answers which they were. Of what
 * was confirmed the feed tells one: the rest is seen by the chain, and a row costs as much as a coin.
 */
export async function takeOut(
  ctx: MempoolContext,
  parts: { readonly cache: PoolCache; readonly feed: Feed },
  entries: readonly StoredTx[],
  reasonOf: (entry: StoredTx) => LeaveReason,
): Promise<ReadonlySet<Txid>> {
  const gone = new Set<Txid>();
  await inParallel(entries, async ({ txid, nonce }) => {
    const op = { op: 'delete', ...poolKey(txid), if: { nonce } } as const;
    if ((await ctx.store.transact([op])).ok) gone.add(txid);
  });
  parts.cache.remove(entries);
  let confirmed = 0;
  const left = entries.filter((entry) => {
    if (!gone.has(entry.txid)) return false;
    return reasonOf(entry) !== 'confirmed' || confirmed++ === 0;
  });
  await parts.feed.publish(
    left.map((entry) => ({
      txid: entry.txid,
      entered: false,
      nonce: entry.nonce,
      reason: reasonOf(entry),
    })),
  );
  return gone;
}
