/**
 * The Store port on LevelDB files, the default on a laptop or a server: one process owns the
 * directory. Owns opening (whose files are these, are they whole) and the map interface over
 * classic-level; the protocol is in kv/.
 */
import { readdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { Fault } from '../faults.ts';
import type { Clock } from '../ports/clock.ts';
import { logKey } from '../ports/store.ts';
import { chainKey, FORMAT_KEY, HEAD_KEY, readVersion } from './kv/cells.ts';
import { holdsClaims, KvCore } from './kv/kv-core.ts';
import { KvStore, type SharedStore } from './kv/kv-store.ts';
import { LevelKv } from './kv/level-kv.ts';
import { makeDir } from './make-dir.ts';
import { systemClock } from './system-clock.ts';
import { systemReason } from './system-error.ts';

export type LevelStore = SharedStore;
/** The part of classic-level that the adapter uses; a test may put a failing one in its place. */
export type Level = ClassicLevel<string, Uint8Array>;

export interface LevelStoreOptions {
  readonly clock?: Clock;
  /** Bytes of uncompressed blocks kept in memory, default 64 MiB. */
  readonly cacheBytes?: number;
  /** Makes the database object: for fault tests. */
  readonly level?: (dir: string) => Level;
}

/** The marker's text begins so; the number is the format of the cells (kv/cells.ts). */
const MARKER = 'stackchain store ';
const FORMAT = 1;
const CACHE_BYTES_DEFAULT = 64 * 1024 * 1024;
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024;
/** Log entries that are checked on opening: more than the write-ahead file can hold is not needed. */
const LOG_ENTRIES_CHECKED = 2000;

/**
 * Opens the chain's files in `dir`, which is made if it is missing. Throws Fault `store-in-use`,
 * `store-damaged`, `store-newer`, `store-foreign` or `store-io`, each with one plain sentence.
 */
export async function openLevelStore(
  dir: string,
  options: LevelStoreOptions = {},
): Promise<LevelStore> {
  await checkDirectory(dir);
  const { clock = systemClock, cacheBytes = CACHE_BYTES_DEFAULT, level = createLevel } = options;
  const db = level(dir);
  try {
    await db.open({ cacheSize: cacheBytes, writeBufferSize: WRITE_BUFFER_BYTES });
  } catch (error) {
    throw openFault(dir, error);
  }
  try {
    await checkFormat(dir, db);
    await checkLog(dir, db);
    const kv = new LevelKv(db);
    return new KvStore(new KvCore(kv, { clock, claims: await holdsClaims(kv) }));
  } catch (error) {
    await db.close();
    throw error instanceof Fault ? error : openFault(dir, error);
  }
}

const createLevel = (dir: string): Level =>
  new ClassicLevel(dir, { keyEncoding: 'utf8', valueEncoding: 'view' });

/** LevelDB would make a new database among foreign files, and throw away one that lost CURRENT. */
async function checkDirectory(dir: string): Promise<void> {
  let names: string[];
  try {
    makeDir(dir);
    names = await readdir(dir);
  } catch (cause) {
    throw new Fault('store-io', `The directory ${dir} cannot be used${systemReason(cause)}.`, {
      cause,
    });
  }
  if (names.includes('CURRENT')) return;
  // Left behind by a process that died while it made a database: nothing was stored yet.
  const isUnborn = (name: string): boolean =>
    /^(LOCK|LOG|LOG\.old|MANIFEST-000001)$/.test(name) || name.endsWith('.dbtmp');
  const rest = names.filter((name) => !isUnborn(name));
  if (rest.length === 0) return;
  if (rest.some((name) => /\.(ldb|sst|log)$|^MANIFEST-/.test(name))) throw damaged(dir);
  throw foreign(dir);
}

const damaged = (dir: string, cause?: unknown): Fault =>
  new Fault(
    'store-damaged',
    `The chain data in ${dir} are damaged: move them away and let the node fetch them again.`,
    { cause },
  );

const foreign = (dir: string): Fault =>
  new Fault('store-foreign', `The directory ${dir} holds data of another program.`);

function openFault(dir: string, error: unknown): Fault {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  const reason = cause?.code ?? code;
  if (reason === 'LEVEL_LOCKED') {
    return new Fault('store-in-use', `The chain data in ${dir} are in use by another process.`, {
      cause: error,
    });
  }
  if (reason === 'LEVEL_CORRUPTION') return damaged(dir, error);
  const text = String((cause as Error | undefined)?.message ?? error);
  // A missing file that the manifest names shows as an I/O or an invalid-argument error.
  if (/corrupt|missing files|no meta|CURRENT file|bad record|No such file/i.test(text)) {
    return damaged(dir, error);
  }
  return new Fault('store-io', `The chain data in ${dir} cannot be opened${systemReason(error)}.`, {
    cause: error,
  });
}

async function checkFormat(dir: string, db: Level): Promise<void> {
  const marker = db.getSync(FORMAT_KEY);
  if (marker !== undefined) {
    const text = new TextDecoder().decode(marker);
    const format = Number(text.slice(MARKER.length));
    if (!text.startsWith(MARKER) || !Number.isInteger(format)) throw foreign(dir);
    if (format > FORMAT) {
      throw new Fault(
        'store-newer',
        `The chain data in ${dir} were written by a newer version of stackchain.`,
      );
    }
    return;
  }
  const others = await db.keys({ limit: 1 }).all();
  if (others.length > 0) throw foreign(dir);
  await db.put(FORMAT_KEY, new TextEncoder().encode(MARKER + FORMAT), { sync: true });
}

/**
 * LevelDB passes over a broken record of its write-ahead file without a word, and with it a whole
 * commit, though later ones are there. The log has an entry for every commit, so a hole tells.
 */
async function checkLog(dir: string, db: Level): Promise<void> {
  const head = db.getSync(HEAD_KEY);
  if (head === undefined) return;
  const latest = readVersion(head);
  const first = Math.max(1, latest - LOG_ENTRIES_CHECKED);
  const keys = Array.from({ length: latest - first + 1 }, (_, i) => chainKey(logKey(first + i)));
  const entries = await db.getMany(keys);
  entries.forEach((entry, i) => {
    if (entry === undefined || readVersion(entry) !== first + i) throw damaged(dir);
  });
}
