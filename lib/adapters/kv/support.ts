/**
 * What the memory and the LevelDB store share: one writer at a time, the meaning of conditions, the
 * life of a handle. Owns no data.
 */
import { Fault } from '../../faults.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Condition, ConditionName } from '../../ports/store.ts';
import { SNAPSHOT_SECONDS_MAX } from '../../store/limits.ts';

/** Runs tasks one after the other, in the order of the calls. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T> | T): Promise<T> {
    const mine = this.#last.then(task);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}

/** The three cells of a key as a condition sees them. */
export interface Cells {
  readonly loose?: { readonly nonce?: string | undefined } | undefined;
  /** Version of the chain cell's value; undefined: it has none. */
  readonly version?: number | undefined;
  /** Whether any commit is known to have written the chain cell. */
  readonly inChain: boolean;
  readonly claim?: string | undefined;
}

/** The name of the first part of the condition that does not hold. */
export function failedCondition(
  condition: Condition | undefined,
  cells: Cells,
): ConditionName | undefined {
  if (condition === undefined) return undefined;
  const { row, nonce, version, neverInChain, claim } = condition;
  if (row !== undefined && (row === 'present') !== (cells.loose !== undefined)) return 'row';
  if (nonce !== undefined && cells.loose?.nonce !== nonce) return 'nonce';
  if (version !== undefined && cells.version !== version) return 'version';
  if (neverInChain !== undefined && cells.inChain) return 'neverInChain';
  if (claim !== undefined && (cells.claim ?? null) !== claim) return 'claim';
  return undefined;
}

/** Guards a handle or a snapshot: open, then closed, for a snapshot also too old. */
export class Lifetime {
  #closed = false;
  readonly #what: string;

  constructor(what: string) {
    this.#what = what;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** True for the first call. */
  close(): boolean {
    const first = !this.#closed;
    this.#closed = true;
    return first;
  }

  check(): void {
    if (this.#closed) throw new Fault('store-closed', `the ${this.#what} is closed`);
  }
}

/** A check that throws once a snapshot taken now has lived its 15 minutes. */
export function snapshotAgeCheck(clock: Clock): () => void {
  const deadlineMs = clock.nowMs() + SNAPSHOT_SECONDS_MAX * 1000;
  return () => {
    if (clock.nowMs() > deadlineMs) {
      throw new Fault('snapshot-too-old', 'the snapshot is older than 15 minutes');
    }
  };
}
