/**
 * The little that KvStore asks of a sorted map from strings to bytes: LevelDB is one, the memory
 * tree another. Owns the interface only. Keys are ASCII, so their order is that of their bytes.
 */

export type KvWrite =
  | { readonly type: 'put'; readonly key: string; readonly value: Uint8Array }
  | { readonly type: 'del'; readonly key: string };

export interface KvRange {
  /** From this key on. */
  readonly from: string;
  /** Up to this key, without it. */
  readonly to: string;
  readonly reverse?: boolean;
  readonly limit: number;
}

export type KvEntry = readonly [key: string, value: Uint8Array];

/** The map as it was when the view was made. */
export interface KvView {
  get(key: string): Uint8Array | undefined;
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>;
  scan(range: KvRange): Promise<KvEntry[]>;
  /** The first entry of each range; faster than a scan each, where the map can. */
  firsts(ranges: readonly Pick<KvRange, 'from' | 'to'>[]): Promise<(KvEntry | undefined)[]>;
  release(): void;
}

export interface Kv {
  view(): KvView;
  /** All or nothing, in order, durable when the promise resolves. */
  batch(writes: readonly KvWrite[]): Promise<void>;
  close(): Promise<void>;
}
