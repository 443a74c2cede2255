/** Small files of a data directory: written whole or not at all, secrets for their owner only. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

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
  mkdirSync(dirname(path), { recursive: true, mode: DIR_MODE });
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  const file = openSync(temporary, 'wx', options.secret === true ? SECRET_MODE : 0o644);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  try {
    if (options.once !== true) {
      renameSync(temporary, path);
      return true;
    }
    // A link fails where the name is taken, a rename would not: of two processes one wins.
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}
