/** The Snapshot port on a sorted map's own frozen view. Owns reading chain cells; writes nothing. */
import { Fault } from '../../faults.ts';
import type { CellState, ChainRow, RangeOptions, RowKey, Snapshot } from '../../ports/store.ts';
import { checkKeys, checkRange } from '../../store/limits.ts';
import {
  CHAIN,
  chainKey,
  claimKey,
  decodeClaim,
  HEAD_KEY,
  partitionRange,
  readVersion,
  sortKeyOf,
  VERSION_BYTES,
  valueAfter,
} from './cells.ts';
import type { KvView } from './kv.ts';

export interface SnapshotOptions {
  /** False: the store is known to hold no claim, so none is looked up. */
  readonly claims: boolean;
  /** Throws when the snapshot may not be read any more. */
  readonly check: () => void;
  readonly onRelease: (snapshot: KvSnapshot) => void;
}

export class KvSnapshot implements Snapshot {
  readonly version: number;
  readonly head: Uint8Array | undefined;
  readonly #view: KvView;
  readonly #options: SnapshotOptions;
  #released = false;

  constructor(view: KvView, options: SnapshotOptions) {
    this.#view = view;
    this.#options = options;
    const head = view.get(HEAD_KEY);
    this.version = head === undefined ? 0 : readVersion(head);
    this.head = head === undefined ? undefined : valueAfter(head, VERSION_BYTES);
  }

  async get(key: RowKey): Promise<ChainRow | undefined> {
    this.#check();
    checkKeys([key]);
    const cell = this.#view.get(chainKey(key));
    if (cell === undefined) return undefined;
    const claim = this.#options.claims ? this.#view.get(claimKey(key)) : undefined;
    return toRow(key, cell, claim);
  }

  async getMany(keys: readonly RowKey[]): Promise<(ChainRow | undefined)[]> {
    const { cells, claims } = await this.#read(keys);
    return keys.map((key, i) => {
      const cell = cells[i];
      return cell && toRow(key, cell, claims[i]);
    });
  }

  async cells(keys: readonly RowKey[]): Promise<CellState[]> {
    const { cells, claims } = await this.#read(keys);
    return keys.map((_, i) => {
      const cell = cells[i];
      const claim = claims[i];
      return {
        version: cell === undefined ? 0 : readVersion(cell),
        ...(cell && { value: valueAfter(cell, VERSION_BYTES) }),
        ...(claim && { claim: decodeClaim(claim).claim }),
      };
    });
  }

  async range(pk: string, options: RangeOptions = {}): Promise<ChainRow[]> {
    this.#check();
    const limit = checkRange(pk, options);
    const found = await this.#view.scan(partitionRange(CHAIN, pk, { ...options, limit }));
    const keys = found.map(([cell]) => ({ pk, sk: sortKeyOf(cell, pk) }));
    const claims = this.#options.claims ? await this.#view.getMany(keys.map(claimKey)) : [];
    return found.map(([, cell], i) => toRow(keys[i] as RowKey, cell, claims[i]));
  }

  async firstMany(
    queries: readonly { pk: string; prefix: string }[],
  ): Promise<(ChainRow | undefined)[]> {
    this.#check();
    const ranges = queries.map(({ pk, prefix }) =>
      partitionRange(CHAIN, pk, { prefix, limit: checkRange(pk, { prefix, limit: 1 }) }),
    );
    const found = await this.#view.firsts(ranges);
    const keys = found.map((entry, i) => {
      const { pk } = queries[i] as { pk: string };
      return { pk, sk: entry === undefined ? '' : sortKeyOf(entry[0], pk) };
    });
    const claims = this.#options.claims ? await this.#view.getMany(keys.map(claimKey)) : [];
    return found.map((entry, i) => entry && toRow(keys[i] as RowKey, entry[1], claims[i]));
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#view.release();
    this.#options.onRelease(this);
  }

  #check(): void {
    if (this.#released) throw new Fault('store-closed', 'the snapshot was released');
    this.#options.check();
  }

  async #read(keys: readonly RowKey[]): Promise<{
    cells: (Uint8Array | undefined)[];
    claims: (Uint8Array | undefined)[];
  }> {
    this.#check();
    checkKeys(keys);
    const wanted = keys.map(chainKey);
    if (this.#options.claims) for (const key of keys) wanted.push(claimKey(key));
    const found = await this.#view.getMany(wanted);
    return { cells: found.slice(0, keys.length), claims: found.slice(keys.length) };
  }
}

function toRow(key: RowKey, cell: Uint8Array, claim: Uint8Array | undefined): ChainRow {
  return {
    pk: key.pk,
    sk: key.sk,
    value: valueAfter(cell, VERSION_BYTES),
    version: readVersion(cell),
    ...(claim && { claim: decodeClaim(claim).claim }),
  };
}
