/**
 * Removes what expired from a sorted map: loose rows past their time, and claims on rows that hold
 * no value. Owns the walk over the expiry index. An index entry is only a hint; the cell decides.
 */
import { ORPHAN_CLAIM_SECONDS } from '../../store/limits.ts';
import {
  CHAIN,
  CLAIM,
  claimMark,
  decodeClaim,
  decodeLoose,
  decodeMark,
  expiredRange,
  expiryOf,
} from './cells.ts';
import type { KvEntry, KvView, KvWrite } from './kv.ts';
import type { KvCore } from './kv-core.ts';

/** Index entries of one batch: writers wait no longer than one batch takes. */
const ENTRIES_PER_BATCH = 1000;

/** Removes all that expired before `now` (Unix seconds). */
export async function sweepExpired(core: KvCore, now: number): Promise<void> {
  for (let more = true; more; ) {
    more = await core.exclusively(async (view) => {
      const entries = await view.scan(expiredRange(now, ENTRIES_PER_BATCH));
      if (entries.length === 0) return false;
      const writes: KvWrite[] = entries.map(([key]) => ({ type: 'del', key }));
      for (const entry of entries) writes.push(...expire(view, entry, now));
      await core.kv.batch(writes);
      return entries.length === ENTRIES_PER_BATCH;
    });
  }
}

function expire(view: KvView, [indexKey, mark]: KvEntry, now: number): KvWrite[] {
  const { expiresAt, cell } = expiryOf(indexKey);
  const value = view.get(cell);
  if (value === undefined) return [];
  const gone: KvWrite = { type: 'del', key: cell };
  if (!cell.startsWith(CLAIM)) {
    const row = decodeLoose({ pk: '', sk: '' }, value);
    return row.expiresAt !== undefined && row.expiresAt < now ? [gone] : [];
  }
  const claim = decodeClaim(value);
  const inChain = view.get(CHAIN + cell.slice(1)) !== undefined;
  // A live row keeps its claim; when it leaves the chain the commit marks the claim anew.
  if (inChain || claim.claim !== decodeMark(mark)) return [];
  if (expiresAt !== 0) return claim.expiresAt < now ? [gone] : [];
  const later = Math.max(claim.expiresAt, now + ORPHAN_CLAIM_SECONDS);
  return [claimMark(later, cell, claim.claim)];
}
