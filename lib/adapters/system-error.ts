/** What errors of the system mean, in words for people. */

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is no directory',
  EEXIST: 'the name is taken',
  EISDIR: 'a directory is in its place',
  ENOENT: 'nothing can be made there',
  EMFILE: 'too many files are open',
  EFBIG: 'it is too large',
  EIO: 'the disk fails',
};

/** LevelDB hands on the C library's text alone. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/No space left on device/i, 'ENOSPC'],
  [/Disk quota exceeded/i, 'EDQUOT'],
  [/Permission denied/i, 'EACCES'],
  [/Read-only file system/i, 'EROFS'],
  [/Too many open files/i, 'EMFILE'],
  [/Not a directory/i, 'ENOTDIR'],
  [/Input\/output error/i, 'EIO'],
];

/** The words for an error or for what caused it; undefined where the system did not say. */
export function systemWords(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, message } = at as NodeJS.ErrnoException;
    const told = WORDS[code ?? ''] ?? WORDS[TEXTS.find(([text]) => text.test(message))?.[1] ?? ''];
    if (told !== undefined) return told;
  }
  return undefined;
}

/** ` (the disk is full)`, or nothing. */
export function systemReason(error: unknown): string {
  const words = systemWords(error);
  return words === undefined ? '' : ` (${words})`;
}
