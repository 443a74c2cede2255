/** What every part of the chain is given, and the chain's own limits. */
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { ChainParams } from '../params/chain-params.ts';
import type { Clock } from '../ports/clock.ts';
import type { Snapshot, Store } from '../ports/store.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import type { Verifier } from '../ports/verifier.ts';
import { decodeHead } from '../store/layout.ts';
import type { BlockHash } from '../types.ts';
import type { Totals } from './effects-rows.ts';

export interface ChainContext {
  readonly params: ChainParams;
  readonly store: Store;
  readonly verifier: Verifier;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly genesis: BlockEntry;
  readonly hints: ChainHints;
}

/** What one process remembers to save work. Nothing depends on it: a new process starts without. */
export interface ChainHints {
  /** The last time given to a body, so that two of one millisecond keep their order. */
  receivedAt: number;
  /** Rows and bytes put off the chain since the quota was last enforced. */
  offRows: number;
  offBytes: number;
  /** The tip at which the quota was last enforced. */
  quotaTip: BlockHash | undefined;
  /** The parked branch that was told of last. */
  alarmed: BlockHash | undefined;
  /** Running totals of addresses, by partition, as of one version of the store, and of no other. */
  totals: { version: number; byAddress: Map<string, Totals> };
}

export const noHints = (): ChainHints => ({
  receivedAt: 0,
  offRows: 0,
  offBytes: 0,
  quotaTip: undefined,
  alarmed: undefined,
  totals: { version: 0, byAddress: new Map() },
});

/** The snapshot's tip. */
export function tipOf(snapshot: Snapshot): BlockEntry {
  if (snapshot.head === undefined) throw new Fault('store-damaged', 'the store holds no chain');
  return decodeHead(snapshot.head);
}

/** When something came, in milliseconds; never the same twice in a process. */
export function receivedNow({ clock, hints }: ChainContext): number {
  hints.receivedAt = Math.max(clock.nowMs(), hints.receivedAt + 1);
  return hints.receivedAt;
}

/** Design section 3, "Cheap work buys no storage". */
export const CHAIN_LIMITS = {
  /** Optimistic commits before the Fault `commit-contention`. */
  commitTriesMax: 10,
  /** Blocks found invalid in one call before it gives up until the next. */
  invalidBranchesMax: 100,
  siblingsMax: 16,
  /** A branch this far behind the tip is neither taken nor kept. */
  sideDepthMax: 288,
  /** The work threshold is this many blocks of the tip's work below the tip. */
  thresholdBlocks: 144n,
  offBytesMax: 64 * 1024 * 1024,
  offHeadersMax: 20_000,
  orphansMax: 16,
  /** Blocks that `P` names besides the newest; when a writer of one no longer lives. */
  pendingMax: 16,
  pendingMs: 600_000,
  orphanSeconds: 3600,
  /** Its bytes outlive it, whoever's clock it is. */
  orphanBytesSeconds: 7200,
  headersMax: 2000,
  /** One commit of a sync window. */
  windowChangesMax: 50_000,
  /** Transactions of disconnected blocks that go back to the mempool. */
  returnedBytesMax: 20_000_000,
  /** A chain cannot hold more blocks a second: each sixth moves the median time. */
  blocksPerSecondMax: 6,
  /** New rows or bytes off the chain after which the quota is enforced at once. */
  quotaSlackRows: 2_000,
  quotaSlackBytes: 8 * 1024 * 1024,
  /** Addresses whose totals are remembered. */
  totalsMax: 50_000,
  /** A locator of more hashes is cut. */
  locatorMax: 101,
  pageRows: 10_000,
} as const;
