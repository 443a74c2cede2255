/**
 * The Store port: an ordered store of rows by (partition, sort key), shaped by what DynamoDB does
 * well (../../docs/storage.md). A row has cells that never touch each other:
 *
 *   chain cell  value + version   written by `commit` only, read through `snapshot`
 *   claim cell  claim             written by `transact` only, survives every commit
 *   loose cell  value + nonce     written by `transact` and `put` only, shown by `read` and `list`
 *
 * Keys are non-empty printable ASCII (0x21..0x7e), so that byte order and string order are one.
 * Every adapter refuses what DynamoDB would refuse: see store/limits.ts. All writes of one call are
 * durable when its promise resolves.
 */

export interface RowKey {
  readonly pk: string;
  readonly sk: string;
}

export interface ChainRow extends RowKey {
  readonly value: Uint8Array;
  /** The commit (1, 2, ...) that wrote the value. Never reused. */
  readonly version: number;
  readonly claim?: string;
}

/** What is known of a key whose chain cell may be empty: admission compares all three. */
export interface CellState {
  /** Absent: deleted, or never in the chain. */
  readonly value?: Uint8Array;
  /** The commit that last touched the cell, 0: never in the chain. LevelDB may answer 0 for a deleted one. */
  readonly version: number;
  readonly claim?: string;
}

export interface LooseRow extends RowKey {
  readonly value: Uint8Array;
  readonly nonce?: string;
  /** Unix seconds; past it the row may vanish. Readers that care compare it themselves. */
  readonly expiresAt?: number;
}

export interface Change extends RowKey {
  /** Absent: delete. */
  readonly value?: Uint8Array;
}

export interface Commit {
  /** The new head value, opaque to the adapter, at most 4 KB. */
  readonly head: Uint8Array;
  /** One entry of the log, readable at `logKey(version)` of a snapshot; at most 4 KB. */
  readonly log: Uint8Array;
  /** Any number; the last change of a key wins. */
  readonly changes: readonly Change[];
  /**
   * Loose rows that go in the same step, at most 60, in a commit without changes: what nobody can
   * have built on who commits on an older version. Their keys hold no other cell.
   */
  readonly removes?: readonly RowKey[];
}

export type CommitResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly conflict: true };

/** All fields that are present must hold. */
export interface Condition {
  /** On the loose cell. */
  readonly row?: 'absent' | 'present';
  /** The loose cell is there and bears this nonce. */
  readonly nonce?: string;
  /** The chain cell has a value, written by this version. */
  readonly version?: number;
  /** No commit ever wrote the chain cell (a deleted one may count as never written on LevelDB and memory only if versions cannot recur). */
  readonly neverInChain?: true;
  /** null: no claim. */
  readonly claim?: string | null;
}

export type ConditionName = keyof Condition;

export type Op =
  | ({
      readonly op: 'put';
      readonly value: Uint8Array;
      readonly nonce?: string;
      readonly expiresAt?: number;
      readonly if?: Condition;
    } & RowKey)
  | ({ readonly op: 'delete'; readonly if?: Condition } & RowKey)
  /** Writes the claim cell; null clears it. expiresAt counts only while the chain cell is empty. */
  | ({
      readonly op: 'claim';
      readonly claim: string | null;
      readonly expiresAt?: number;
      readonly if?: Condition;
    } & RowKey)
  | ({ readonly op: 'check'; readonly if: Condition } & RowKey);

export type TransactResult =
  | { readonly ok: true }
  /** The first op whose condition failed and the name of that condition. Nothing was written. */
  | { readonly ok: false; readonly index: number; readonly condition: ConditionName };

export interface RangeOptions {
  /** Only sort keys that start with this. */
  readonly prefix?: string;
  /** Exclusive start: the sort key where the page before ended. */
  readonly after?: string;
  readonly reverse?: boolean;
  /** Default 1,000, at most 10,000. */
  readonly limit?: number;
}

export interface ListOptions extends RangeOptions {
  /**
   * As the rows stand or stood a moment ago, at half the price on DynamoDB (an eventually consistent
   * read): two of them may even go back in time. For asking whether to look closer; what is then done
   * is decided on what is read without it.
   */
  readonly recent?: boolean;
}

/** The head as it is, or was a moment ago: no snapshot, and nothing to commit on. */
export type RecentHead = Pick<Snapshot, 'version' | 'head'>;

/** One version, whole, for at most 15 minutes. Throws Fault `snapshot-too-old` when it cannot be read any more. */
export interface Snapshot {
  readonly version: number;
  /** Absent on an empty store. */
  readonly head: Uint8Array | undefined;
  get(key: RowKey): Promise<ChainRow | undefined>;
  /** Same order as the keys. Any number; one round trip where the adapter can. */
  getMany(keys: readonly RowKey[]): Promise<(ChainRow | undefined)[]>;
  /** Like getMany, with version and claim of empty cells too. */
  cells(keys: readonly RowKey[]): Promise<CellState[]>;
  /** Rows with a value, by sort key. */
  range(pk: string, options?: RangeOptions): Promise<ChainRow[]>;
  /** For each query the first row of that range: one round trip where the adapter can. */
  firstMany(queries: readonly { pk: string; prefix: string }[]): Promise<(ChainRow | undefined)[]>;
  /** Frees what it holds. Reading after it throws. */
  release(): void;
}

export interface Store {
  snapshot(): Promise<Snapshot>;
  /** What a snapshot would show as head, `recent` in the sense of ListOptions. Finishes nobody's intent. */
  recentHead(): Promise<RecentHead>;
  /** Atomic, of any size; succeeds only if nobody committed since expectedVersion. */
  commit(expectedVersion: number, commit: Commit): Promise<CommitResult>;
  /** At most 100 ops, no key twice, 4 MB. Never touches head, so it never disturbs a commit. */
  transact(ops: readonly Op[]): Promise<TransactResult>;
  /** Unconditional loose rows (bodies, undo, feed), any number, idempotent. Not atomic as a whole. */
  put(rows: readonly LooseRow[]): Promise<void>;
  /** Unconditional removal of loose rows. Not atomic as a whole. */
  remove(keys: readonly RowKey[]): Promise<void>;
  read(keys: readonly RowKey[]): Promise<(LooseRow | undefined)[]>;
  list(pk: string, options?: ListOptions): Promise<LooseRow[]>;
  /** Removes loose rows and claims that expired before `now`; nothing to do where the database does it. */
  sweep(now: number): Promise<void>;
  close(): Promise<void>;
}

/** Where commit n's log entry lies: a chain row. */
export const logKey = (version: number): RowKey => ({
  pk: `F#${Math.floor(version / 1000)}`,
  sk: String(version).padStart(12, '0'),
});

/** Runs `read` on a snapshot, again on a new one if it grew too old, and releases it. */
export async function withSnapshot<T>(
  store: Store,
  read: (view: Snapshot) => Promise<T>,
  triesMax = 5,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const view = await store.snapshot();
    try {
      return await read(view);
    } catch (error) {
      if ((error as { code?: string }).code !== 'snapshot-too-old' || attempt >= triesMax)
        throw error;
    } finally {
      view.release();
    }
  }
}
