/**
 * The few steps on files that the keystore is made of, each durable or without effect when it
 * returns. Owns modes, fsync and exclusive creation; a test puts a failing one in its place.
 */
import { link, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { makeDir } from './make-dir.ts';

/** Far above ten thousand keys; a file beyond it is not ours. */
const FILE_BYTES_MAX = 64 * 1024 * 1024;

export interface KeystoreFs {
  /** Made with mode 0700 where it is missing. */
  makeDir(path: string): Promise<void>;
  /** Names in a directory; none if it is missing. */
  list(path: string): Promise<readonly string[]>;
  /** Undefined if it is missing. */
  read(path: string): Promise<Uint8Array | undefined>;
  /** A new file of mode 0600, on the disk when this returns. */
  create(path: string, bytes: Uint8Array): Promise<void>;
  /** A second name for a file, by which it is all there at once. False: the name is taken. */
  link(from: string, to: string): Promise<boolean>;
  remove(path: string): Promise<void>;
  /** Makes names in a directory last. */
  syncDir(path: string): Promise<void>;
  /** Milliseconds since the file was written; undefined if it is missing. */
  ageMs(path: string): Promise<number | undefined>;
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code);

async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export const nodeKeystoreFs: KeystoreFs = {
  async makeDir(path) {
    makeDir(path, 0o700);
  },

  async list(path) {
    return (await unlessMissing(readdir(path))) ?? [];
  },

  async read(path) {
    const found = await unlessMissing(stat(path));
    if (found === undefined) return undefined;
    if (!found.isFile() || found.size > FILE_BYTES_MAX) {
      throw Object.assign(new Error(`${path} is no file of ours`), { code: 'EFBIG' });
    }
    return unlessMissing(readFile(path));
  },

  async create(path, bytes) {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
  },

  async link(from, to) {
    try {
      await link(from, to);
      return true;
    } catch (error) {
      if (codeOf(error) === 'EEXIST') return false;
      throw error;
    }
  },

  async remove(path) {
    await rm(path, { force: true });
  },

  async syncDir(path) {
    // Windows keeps names without being asked, and opens no directory.
    if (process.platform === 'win32') return;
    const dir = await open(path, 'r');
    try {
      await dir.sync();
    } finally {
      await dir.close();
    }
  },

  async ageMs(path) {
    const found = await unlessMissing(stat(path));
    return found && Date.now() - found.mtimeMs;
  },
};
