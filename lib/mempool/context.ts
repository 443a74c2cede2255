/** What every part of the mempool is given. Owns the mempool's own limits, no behaviour. */
import type { Chain } from '../chain/types.ts';
import type { ChainParams } from '../params/chain-params.ts';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Verifier } from '../ports/verifier.ts';
import type { MempoolPolicy } from './types.ts';

export interface MempoolContext {
  readonly params: ChainParams;
  readonly policy: MempoolPolicy;
  readonly store: Store;
  readonly chain: Chain;
  readonly clock: Clock;
  readonly random: Random;
  readonly verifier: Verifier;
  readonly telemetry: Telemetry;
}

export const MEMPOOL_LIMITS = {
  /** Rounds of read, assess and write that one admission may take before it is a Fault. */
  admissionTriesMax: 32,
  /** A large transaction makes its claims within this time or counts as dead. */
  pendingMs: 60_000,
  /** The copy in memory is held against the store's sequence this often, and read anew this often. */
  freshMs: 10_000,
  reloadMs: 300_000,
  /** Feed rows that other processes write late are still seen. */
  feedOverlapMs: 2000,
  /** How far back a cursor reaches; where one starts that is none; how long rows are kept. */
  feedReachMs: 3_600_000,
  feedStartMs: 600_000,
  feedKeepSeconds: 7200,
  clockSkewMs: 60_000,
  /** The newest rows of the feed that make the sequence: at most so many, of so long a time. */
  sequenceRows: 16,
  sequenceMs: 5000,
  orphanMs: 300_000,
  /** A claim or hint outlives its transaction's expiry by this, so that no reader meets it half. */
  afterlifeSeconds: 86_400,
  /** A hint this old whose transaction is gone is removed by whoever meets it. */
  hintMs: 60_000,
  /** Single conditional writes under way at once. */
  writesAtOnce: 16,
  pageRows: 1000,
  /** The floor's decay is written down this often, while there is one. */
  floorWriteMs: 60_000,
  /** Orphans are looked at this often. */
  orphanTickMs: 15_000,
  /** Commits that a tick looks back over. */
  logRowsMax: 1000,
  /** Bytes of transactions that one look back returns. */
  returnedBytesMax: 20_000_000,
} as const;

/** Runs `task` over the items, a bounded number at a time. */
export async function inParallel<T>(
  items: readonly T[],
  task: (item: T) => Promise<void>,
  atOnce: number = MEMPOOL_LIMITS.writesAtOnce,
): Promise<void> {
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < items.length; i = next++) await task(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
}
