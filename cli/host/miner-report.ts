/** What `mine` prints: minerd's lines, or with --json an object a line. Owns neither the counts nor the words. */
import type { FoundBlock, MinerStats } from '../../miner/miner.ts';
import {
  longPollText,
  NEW_WORK_TEXT,
  shareText,
  stamped,
  startedText,
  threadText,
} from '../../miner/minerd-lines.ts';
import type { Context } from '../command.ts';

export interface MinerReport {
  started(threads: number): void;
  newWork(): void;
  /** `stats` count the block; `reason`: why the node did not take it. */
  share(stats: MinerStats, block: FoundBlock, reason: string | null): void;
  /** Since the last time. */
  rates(stats: MinerStats): void;
}

export function createMinerReport({ settings, print }: Context, url: string): MinerReport {
  const { json, quiet } = settings;
  const line = (text: string): void => {
    if (!json) void print(stamped(new Date(), text));
  };
  const event = (value: object): void => {
    if (json) void print(JSON.stringify(value));
  };
  let seen: readonly number[] = [];
  let seenAtMs = performance.now();
  return {
    started(threads) {
      line(startedText(threads));
      line(longPollText(url));
      event({ event: 'started', url, threads });
    },
    newWork: () => line(NEW_WORK_TEXT),
    share({ found, stale, rejected, hashRate }, { hash, height }, reason) {
      const shares = { accepted: found, rejected: stale + rejected };
      line(shareText(shares, hashRate, reason === null));
      if (reason === null) event({ event: 'found', height, hash });
      else event({ event: 'lost', height, hash, reason });
    },
    rates({ threads, hashRate, height }) {
      const nowMs = performance.now();
      const seconds = (nowMs - seenAtMs) / 1000;
      event({ event: 'rate', hashRate: Math.round(hashRate), height });
      for (const [index, count] of quiet ? [] : threads.entries()) {
        const hashes = count - (seen[index] ?? 0);
        line(threadText(index, hashes, hashes / seconds));
      }
      seen = threads;
      seenAtMs = nowMs;
    },
  };
}
