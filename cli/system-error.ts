/** What the system refuses a command: one sentence, and a code that stays. */
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemWords } from '../lib/adapters/system-error.ts';

const CODES: Readonly<Record<string, string>> = {
  ENOSPC: 'disk-full',
  EDQUOT: 'disk-full',
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  EROFS: 'no-permission',
  ENOTDIR: 'no-directory',
  EISDIR: 'no-directory',
};
/** Tells an error of the system from one of ours. */
const SYSTEM_ERROR = /^E[A-Z0-9]+$/;

/** Undefined: no error of the system's. */
export function systemError(
  error: unknown,
): { readonly sentence: string; readonly code: string } | undefined {
  const { code, path, message } = (error ?? {}) as NodeJS.ErrnoException;
  if (typeof code !== 'string' || !SYSTEM_ERROR.test(code)) return undefined;
  return { sentence: sentenceOf(code, path, error) ?? message, code: CODES[code] ?? 'system' };
}

function sentenceOf(code: string, path: string | undefined, error: unknown): string | undefined {
  const words = systemWords(error);
  if (words === undefined || path === undefined) return words;
  return code === 'ENOTDIR'
    ? `${nearestFile(path)} is no directory`
    : `${path} cannot be used (${words})`;
}

/** Of a path that goes through a file, that file. */
function nearestFile(path: string): string {
  for (let at = path; at !== dirname(at); at = dirname(at)) {
    try {
      statSync(at);
      return at;
    } catch {
      // Farther up.
    }
  }
  return path;
}
