/**
 * The Snapshot port on DynamoDB: every row as of one version, by its stamp and the value before.
 * Waits for no commit: rows of a version that is not visible yet show what they were. Owns reading.
 */
import { Fault } from '../../faults.ts';
import type { CellState, ChainRow, RangeOptions, RowKey, Snapshot } from '../../ports/store.ts';
import { checkKeys, checkRange } from '../../store/limits.ts';
import { type DynamoPorts, inParallel } from './attempt.ts';
import { cellAt, type Item, rowAt } from './items.ts';
import { getItems, plainAttempt, queryItems } from './reads.ts';

const QUERIES_AT_ONCE = 16;

export interface SnapshotState {
  readonly version: number;
  readonly head: Uint8Array | undefined;
  /** Throws when the snapshot may not be read any more. */
  readonly check: () => void;
  readonly onRelease: (snapshot: Snapshot) => void;
}

export class DynamoSnapshot implements Snapshot {
  readonly version: number;
  readonly head: Uint8Array | undefined;
  readonly #ports: DynamoPorts;
  readonly #state: SnapshotState;
  #released = false;

  constructor(ports: DynamoPorts, state: SnapshotState) {
    this.#ports = ports;
    this.#state = state;
    this.version = state.version;
    this.head = state.head;
  }

  async get(key: RowKey): Promise<ChainRow | undefined> {
    return (await this.getMany([key]))[0];
  }

  async getMany(keys: readonly RowKey[]): Promise<(ChainRow | undefined)[]> {
    const items = await this.#items(keys);
    return keys.map((key, i) => rowAt(key, items[i], this.version));
  }

  async cells(keys: readonly RowKey[]): Promise<CellState[]> {
    const items = await this.#items(keys);
    return items.map((item) => cellAt(item, this.version));
  }

  async range(pk: string, options: RangeOptions = {}): Promise<ChainRow[]> {
    this.#check();
    const limit = checkRange(pk, options);
    const pick = (item: Item): ChainRow | undefined =>
      rowAt({ pk, sk: item['sk']?.S as string }, item, this.version);
    return queryItems(this.#ports, pk, { ...options, limit, pick });
  }

  async firstMany(
    queries: readonly { pk: string; prefix: string }[],
  ): Promise<(ChainRow | undefined)[]> {
    const rows = new Array<ChainRow | undefined>(queries.length);
    await inParallel(queries, QUERIES_AT_ONCE, async ({ pk, prefix }, i) => {
      rows[i] = (await this.range(pk, { prefix, limit: 1 }))[0];
    });
    return rows;
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#state.onRelease(this);
  }

  async #items(keys: readonly RowKey[]): Promise<(Item | undefined)[]> {
    this.#check();
    checkKeys(keys);
    return getItems(plainAttempt(this.#ports), keys);
  }

  #check(): void {
    if (this.#released) throw new Fault('store-closed', 'the snapshot was released');
    this.#state.check();
  }
}
