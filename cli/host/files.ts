/** Small files of a data directory: written whole or not at all, secrets for their owner only. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { makeDir } from '../../lib/adapters/make-dir.ts';

const SECRET_MODE = 0o600;
const DIR_MODE = 0o700;

/** The file's text; undefined if there is none. Throws what else the system says. */
export function readText(path: string, bytesMax: number): string | undefined {
  try {
    if (statSync(path).size > bytesMax) throw new Error(`${path} is too large`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Writes a file so that a crash leaves the old one or the new one. `once`: an existing file stays,
 * and false is the answer.
 */
export function writeText(
  path: string,
  text: string,
  options: { readonly once?: boolean; readonly secret?: boolean } = {},
): boolean {
  makeDir(dirname(path), DIR_MODE);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    writeNew(temporary, text, options.secret === true ? SECRET_MODE : 0o644);
    if (options.once !== true) renameSync(temporary, path);
    else if (!putOnce(temporary, path)) return false;
    syncDirectory(dirname(path));
    return true;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeNew(path: string, text: string, mode: number): void {
  const file = openSync(path, 'wx', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Some file systems have no links (exFAT, mounts of containers). */
const NO_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'ENOSYS']);

/** A link fails where the name is taken, a rename would not: of two processes one wins. */
function putOnce(temporary: string, path: string): boolean {
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (!NO_LINKS.has(code)) throw error;
    if (existsSync(path)) return false;
    renameSync(temporary, path);
    return true;
  }
}

/** A file's name is the directory's: without this a power cut may take it back. */
function syncDirectory(dir: string): void {
  let handle: number;
  try {
    handle = openSync(dir, 'r');
  } catch {
    // Windows opens no directories, and needs it not.
    return;
  }
  try {
    fsyncSync(handle);
  } catch {
    // Not every file system does it; the content itself is safe.
  } finally {
    closeSync(handle);
  }
}
