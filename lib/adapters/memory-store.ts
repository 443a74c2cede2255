/**
 * The Store port in memory: for tests, simulations and examples. Owns nothing but a tree; all
 * handles of one store see the same data, and the data end with the process.
 */
import type { Clock } from '../ports/clock.ts';
import type { Kv, KvView } from './kv/kv.ts';
import { KvCore } from './kv/kv-core.ts';
import { KvStore, type SharedStore } from './kv/kv-store.ts';
import { Tree } from './kv/tree.ts';
import { systemClock } from './system-clock.ts';

export type MemoryStore = SharedStore;

/**
 * A new empty store. `store()` gives a second handle on the same data.
 *
 * @example
 * const store = createMemoryStore();
 * await store.commit(0, { head: tip, log: move, changes: [{ pk: 'A', sk: '1', value: coin }] });
 */
export function createMemoryStore(options: { readonly clock?: Clock } = {}): MemoryStore {
  const { clock = systemClock } = options;
  return new KvStore(new KvCore(new MemoryKv(), { clock, claims: false }));
}

class MemoryKv implements Kv {
  readonly #tree = new Tree();

  view(): KvView {
    const frozen = this.#tree.freeze();
    const copyOf = (key: string): Uint8Array | undefined => frozen.get(key)?.slice();
    return {
      get: copyOf,
      getMany: async (keys) => keys.map(copyOf),
      scan: async (range) =>
        frozen.scan(range).map(([key, value]) => [key, value.slice()] as const),
      firsts: async (ranges) =>
        ranges.map((range) => {
          const [entry] = frozen.scan({ ...range, limit: 1 });
          return entry && ([entry[0], entry[1].slice()] as const);
        }),
      release() {},
    };
  }

  async batch(writes: Parameters<Kv['batch']>[0]): Promise<void> {
    for (const write of writes) {
      if (write.type === 'put') this.#tree.put(write.key, write.value);
      else this.#tree.delete(write.key);
    }
  }

  async close(): Promise<void> {}
}
