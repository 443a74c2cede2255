/**
 * The mempool's feed: who entered and left, by time; and a sequence that changes after each change.
 * For peers that poll, for long polls and for the copy in memory. Rows are put right after the
 * admission or removal that they tell of: one may be missing after a crash, so nothing that must
 * hold rests on them.
 */
import { toHex } from '../codec/index.ts';
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
  SEQUENCE_KEY,
} from './rows.ts';

const SEQUENCE_BYTES = 8;
const MS_PER_SECOND = 1000;

export type Feed = ReturnType<typeof createFeed>;

export interface FeedRow extends FeedItem {
  /** Its place in the feed: a cursor. */
  readonly at: string;
}

export function createFeed({ store, clock, random }: MempoolContext) {
  let lastMs = 0;
  let bumping: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  /** Strictly increasing in this process: a reader's cursor passes over nothing. */
  const stamp = (): number => {
    lastMs = Math.max(clock.nowMs(), lastMs + 1);
    return lastMs;
  };

  const bump = async (): Promise<void> => {
    const value = encodeText(toHex(random.bytes(SEQUENCE_BYTES)));
    await store.put([{ ...SEQUENCE_KEY, value }]);
  };

  /** Callers that come while one write is under way share the next one. */
  const bumpSoon = (): Promise<void> => {
    if (bumping === undefined) {
      bumping = bump().finally(() => {
        bumping = undefined;
      });
      return bumping;
    }
    next ??= bumping
      .catch(() => undefined)
      .then(() => {
        next = undefined;
        return bumpSoon();
      });
    return next;
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
    // After the rows: who sees the new sequence finds them.
    await bumpSoon();
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
    /** One small read. */
    async sequence(): Promise<string> {
      const [row] = await store.read([SEQUENCE_KEY]);
      return row === undefined ? '0' : decodeText(row.value);
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
