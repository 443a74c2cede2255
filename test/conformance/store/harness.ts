/** What the cases of the store suite share: how a store is opened, and short words for rows. */
import type { Clock } from '../../../lib/ports/clock.ts';
import type {
  Change,
  Commit,
  CommitResult,
  LooseRow,
  Op,
  RowKey,
  Snapshot,
  Store,
} from '../../../lib/ports/store.ts';

/** A store whose underlying writes fail from the n-th on, as if the process had died there. */
export interface DyingStore {
  readonly store: Store;
  /** Whether the n-th write was reached. */
  died(): boolean;
}

export interface TestStore {
  readonly store: Store;
  /** A second handle on the same data. */
  another(): Promise<Store>;
  /** The same data after the process that held them ended. */
  reopen?(): Promise<Store>;
  /** `write`: 1 is the first underlying write; `done`: it takes effect but is not answered. */
  dying?(write: number, options: { done: boolean }): Promise<DyingStore>;
  destroy(): Promise<void>;
}

export interface StoreSuiteOptions {
  readonly name: string;
  /** Why a group of cases cannot run on this adapter; undefined: it runs. */
  readonly skips?: { readonly crash?: string };
  /** For slow databases: commits and writers are the same, only the counts are less. */
  readonly scale?: { readonly raceRounds?: number; readonly historyRuns?: number };
  /** A new, empty store. */
  open(options?: { readonly clock?: Clock }): Promise<TestStore>;
}

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
export const text = (value: Uint8Array | undefined): string | undefined =>
  value && new TextDecoder().decode(value);

export const key = (pk: string, sk: string): RowKey => ({ pk, sk });
export const put = (pk: string, sk: string, value: string): Change => ({
  pk,
  sk,
  value: bytes(value),
});
export const del = (pk: string, sk: string): Change => ({ pk, sk });
export const loose = (
  pk: string,
  sk: string,
  value: string,
  more: Partial<LooseRow> = {},
): LooseRow => ({ pk, sk, value: bytes(value), ...more });
export const putOp = (pk: string, sk: string, value: string, more: object = {}): Op => ({
  op: 'put',
  pk,
  sk,
  value: bytes(value),
  ...more,
});
export const claimOp = (pk: string, sk: string, claim: string | null, more: object = {}): Op => ({
  op: 'claim',
  pk,
  sk,
  claim,
  ...more,
});

export const commitOf = (changes: readonly Change[], mark = 'x'): Commit => ({
  head: bytes(`head ${mark}`),
  log: bytes(`log ${mark}`),
  changes,
});

/** Commits on the present version, which must succeed. */
export async function commitNow(
  store: Store,
  changes: readonly Change[],
  mark = 'x',
): Promise<number> {
  const version = await versionOf(store);
  const result: CommitResult = await store.commit(version, commitOf(changes, mark));
  if (!result.ok) throw new Error('an uncontended commit was refused');
  return result.version;
}

export async function look<T>(store: Store, read: (view: Snapshot) => Promise<T>): Promise<T> {
  const view = await store.snapshot();
  try {
    return await read(view);
  } finally {
    view.release();
  }
}

export const versionOf = (store: Store): Promise<number> =>
  look(store, async (view) => view.version);

export const valueOf = (store: Store, pk: string, sk: string): Promise<string | undefined> =>
  look(store, async (view) => text((await view.get(key(pk, sk)))?.value));

/** The code of the fault that the call throws, else what it answered. */
export async function faultOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

export function fakeClock(startMs = 1_700_000_000_000): Clock & { advance(ms: number): void } {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
  };
}
