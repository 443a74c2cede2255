/**
 * The mempool's feed: who entered and left, by time; its newest rows are the mempool's sequence. For
 * peers that poll, for long polls and for the copy in memory. Rows are put right after the admission
 * or removal that they tell of: one may be missing after a crash, so nothing that must hold rests on
 * them.
 */
import { toHex } from '../codec/index.ts';
import { sha256 } from '../crypto/hash.ts';
import type { LooseRow } from '../ports/store.ts';
import { decodeText, encodeText } from '../store/layout.ts';
import type { Txid } from '../types.ts';
import type { MempoolContext } from './context.ts';
import { MEMPOOL_LIMITS } from './context.ts';
import {
  decodeFeed,
  encodeFeed,
  type FeedItem,
  feedKey,
  feedPartition,
  feedPartitions,
  feedStamp,
  feedTime,
} from './rows.ts';

const MS_PER_SECOND = 1000;
const SEQUENCE_DIGITS = 16;

export type Feed = ReturnType<typeof createFeed>;

export interface FeedRow extends FeedItem {
  /** Its place in the feed: a cursor. */
  readonly at: string;
}

export function createFeed({ store, clock }: MempoolContext) {
  let lastMs = 0;

  /** Strictly increasing in this process: a reader's cursor passes over nothing. */
  const stamp = (): number => {
    lastMs = Math.max(clock.nowMs(), lastMs + 1);
    return lastMs;
  };

  /** `more`: other rows that may go with them. */
  const publish = async (
    items: readonly FeedItem[],
    more: readonly LooseRow[] = [],
  ): Promise<void> => {
    if (items.length === 0) return;
    const rows: LooseRow[] = items.map((item) => {
      const ms = stamp();
      const expiresAt = Math.floor(ms / MS_PER_SECOND) + MEMPOOL_LIMITS.feedKeepSeconds;
      return { ...feedKey(ms, item.txid), value: encodeFeed(item), expiresAt };
    });
    await store.put([...rows, ...more]);
  };

  /** The next rows after a place of the feed, in order. */
  const rowsAfter = async (after: string, limit: number): Promise<FeedRow[]> => {
    const found: FeedRow[] = [];
    const fromMs = feedTime(after) ?? clock.nowMs();
    // One partition further: another process's clock may be ahead.
    for (const pk of feedPartitions(fromMs, clock.nowMs() + MEMPOOL_LIMITS.feedOverlapMs)) {
      for (let last = pk === feedPartition(fromMs) ? after : undefined; found.length < limit; ) {
        const page = Math.min(MEMPOOL_LIMITS.pageRows, limit - found.length);
        const rows = await store.list(pk, {
          limit: page,
          ...(last !== undefined && { after: last }),
        });
        for (const row of rows) found.push({ ...decodeFeed(row), at: row.sk });
        last = rows.at(-1)?.sk;
        if (rows.length < page) break;
      }
    }
    return found;
  };

  return {
    publish,
    rowsAfter,
    /**
     * One small read: the newest rows. Several, since the clocks of processes differ and a later row
     * may sort before an earlier one. `recent`: as the store's list.
     */
    async sequence(options: { readonly recent?: boolean } = {}): Promise<string> {
      const nowMs = clock.nowMs();
      const { sequenceRows: limit, sequenceMs } = MEMPOOL_LIMITS;
      const rows = await store.list(feedPartition(nowMs), { reverse: true, limit, ...options });
      const newest = rows[0];
      if (newest === undefined || (newest.expiresAt ?? 0) * MS_PER_SECOND <= nowMs) return '0';
      const newestMs = feedTime(newest.sk) ?? 0;
      const near = rows.filter(({ sk }) => (feedTime(sk) ?? 0) > newestMs - sequenceMs);
      const text = near.map(({ sk, value }) => `${sk} ${decodeText(value)}`).join(' ');
      return toHex(sha256(encodeText(text))).slice(0, SEQUENCE_DIGITS);
    },
    /** For polling peers: see Mempool.feed. A cursor that is none starts ten minutes ago. */
    async entered(
      cursor: string,
      limit: number,
    ): Promise<{ txids: readonly Txid[]; cursor: string }> {
      const now = clock.nowMs();
      const given = feedTime(cursor);
      const startMs = given ?? now - MEMPOOL_LIMITS.feedStartMs;
      // Stamps may run ahead of this clock: by another's clock, or by many in one millisecond.
      const isInReach =
        startMs <= now + MEMPOOL_LIMITS.clockSkewMs && startMs >= now - MEMPOOL_LIMITS.feedReachMs;
      const fromMs = Math.min(Math.max(startMs, now - MEMPOOL_LIMITS.feedReachMs), now);
      const after = given !== undefined && isInReach ? cursor : feedStamp(fromMs);
      const rows = await rowsAfter(after, limit);
      // What is written late must still come behind the cursor.
      const quiet = feedStamp(now - MEMPOOL_LIMITS.feedOverlapMs);
      const last = rows.at(-1)?.at ?? after;
      const next = rows.length < limit && quiet > last ? quiet : last;
      return {
        txids: [...new Set(rows.flatMap(({ txid, entered }) => (entered ? [txid] : [])))],
        cursor: next,
      };
    },
  };
}
