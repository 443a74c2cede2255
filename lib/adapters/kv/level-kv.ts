/** LevelDB as the sorted map that KvStore asks for. Owns the translation of calls and of errors. */
import type { ClassicLevel } from 'classic-level';
import { Fault } from '../../faults.ts';
import { systemReason } from '../system-error.ts';
import type { Kv, KvEntry, KvRange, KvView, KvWrite } from './kv.ts';

/** Below this many keys the thread pool costs more than it gives. */
const SYNC_KEYS_MAX = 8;
/** Entries and bytes that an iterator fetches at once. */
const ENTRIES_PER_FETCH = 1000;
const FETCH_BYTES = 1024 * 1024;

/** Iterators at work at once in `firsts`. */
const ITERATORS_MAX = 16;
/** Fewer are not worth an iterator of their own. */
const RANGES_PER_ITERATOR = 4;

type Level = ClassicLevel<string, Uint8Array>;

function toFault(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const code = (cause as { code?: string }).code;
  if (code === 'LEVEL_CORRUPTION') {
    return new Fault('store-damaged', 'the chain data are damaged', { cause });
  }
  if (code === 'LEVEL_DATABASE_NOT_OPEN') {
    return new Fault('store-closed', 'the store is closed', { cause });
  }
  const why = systemReason(cause);
  return new Fault('store-io', `the chain data cannot be read or written${why}`, { cause });
}

async function guarded<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (error) {
    throw toFault(error);
  }
}

export class LevelKv implements Kv {
  readonly #db: Level;

  constructor(db: Level) {
    this.#db = db;
  }

  view(): KvView {
    const db = this.#db;
    let snapshot: ReturnType<Level['snapshot']>;
    try {
      snapshot = db.snapshot();
    } catch (error) {
      throw toFault(error);
    }
    const get = (key: string): Uint8Array | undefined => {
      try {
        return db.getSync(key, { snapshot });
      } catch (error) {
        throw toFault(error);
      }
    };
    return {
      get,
      getMany: async (keys) =>
        keys.length <= SYNC_KEYS_MAX
          ? keys.map(get)
          : guarded(() => db.getMany([...keys], { snapshot })),
      scan: (range) => guarded(() => scan(db, snapshot, range)),
      firsts: (ranges) => guarded(() => firsts(db, snapshot, ranges)),
      release: () => {
        // Reads under way end first; what closing may say then is of no use to anybody.
        snapshot.close().catch(() => undefined);
      },
    };
  }

  batch(writes: readonly KvWrite[]): Promise<void> {
    return guarded(() => this.#db.batch(writes as KvWrite[], { sync: true }));
  }

  close(): Promise<void> {
    return guarded(() => this.#db.close());
  }
}

/** Iterators are moved from range to range: opening one for each costs half as much again. */
async function firsts(
  db: Level,
  snapshot: ReturnType<Level['snapshot']>,
  ranges: readonly Pick<KvRange, 'from' | 'to'>[],
): Promise<(KvEntry | undefined)[]> {
  const found = new Array<KvEntry | undefined>(ranges.length);
  let next = 0;
  const work = async (): Promise<void> => {
    const iterator = db.iterator({ snapshot, highWaterMarkBytes: FETCH_BYTES });
    try {
      for (let i = next++; i < ranges.length; i = next++) {
        const { from, to } = ranges[i] as KvRange;
        iterator.seek(from);
        const [entry] = await iterator.nextv(1);
        if (entry !== undefined && entry[0] < to) found[i] = entry;
      }
    } finally {
      await iterator.close();
    }
  };
  const workers = Math.min(ITERATORS_MAX, Math.ceil(ranges.length / RANGES_PER_ITERATOR));
  await Promise.all(Array.from({ length: workers }, work));
  return found;
}

async function scan(
  db: Level,
  snapshot: ReturnType<Level['snapshot']>,
  range: KvRange,
): Promise<KvEntry[]> {
  const { from, to, reverse = false, limit } = range;
  const iterator = db.iterator({
    gte: from,
    lt: to,
    reverse,
    limit,
    snapshot,
    highWaterMarkBytes: FETCH_BYTES,
  });
  try {
    const found: KvEntry[] = [];
    for (;;) {
      const part = await iterator.nextv(Math.min(limit, ENTRIES_PER_FETCH));
      if (part.length === 0) return found;
      for (const entry of part) found.push(entry);
      if (found.length >= limit) return found;
    }
  } finally {
    await iterator.close();
  }
}
