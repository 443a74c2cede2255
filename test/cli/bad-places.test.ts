/** Directories that cannot be used and disks that take nothing: one sentence, exit 3, a code that stays. */
import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { toCliError } from '../../cli/errors.ts';
import { openLevelStore } from '../../lib/adapters/leveldb-store.ts';
import { makeDir } from '../../lib/adapters/make-dir.ts';
import { systemWords } from '../../lib/adapters/system-error.ts';
import { cli, tempDir } from '../helpers/cli.ts';

const BIN = fileURLToPath(new URL('../../bin/stackchain.js', import.meta.url));
const ADDRESS = '1BgGZ9tcN4rm9KBzDn7KprQz87SZ26SAMH';
const errno = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: raw, open '${path}'`), { code, path });

describe.each([
  ['create-wallet'],
  ['list-addresses'],
  ['status'],
  ['init-blockchain', '--address', ADDRESS],
  ['up', '--port', '0'],
  ['network', '--port', '0', '--nodes', '1'],
])('`%s`', (...words) => {
  it('says of a file that it is no directory', async () => {
    const file = join(tempDir(), 'file');
    writeFileSync(file, '');
    const { code, stdout, stderr } = await cli([...words, '--json', '--data-dir', join(file, 'x')]);
    expect([code, stdout]).toEqual([3, '']);
    expect(JSON.parse(stderr)).toMatchObject({
      code: 'no-directory',
      detail: `${file} is no directory.`,
    });
  });
});

it('a place where nothing can be made is given up, not tried for ever', async () => {
  // Node's own recursive mkdir never returns there; where there is no /proc it cannot be made either.
  expect(() => makeDir('/proc/stackchain/a')).toThrow();
  const refused = openLevelStore('/proc/stackchain/chain');
  await expect(refused).rejects.toThrow(/^The directory \/proc\/stackchain\/chain cannot be used/);
  const deep = join(tempDir(), 'a', 'b', 'c');
  makeDir(deep);
  makeDir(deep);
  expect(readdirSync(deep)).toEqual([]);
}, 20_000);

it('a file that could not be written leaves nothing of itself', () => {
  const dir = tempDir();
  const script = 'trap "" XFSZ; ulimit -f 0; exec "$@"';
  const words = ['init-blockchain', '--address', ADDRESS, '--data-dir', dir, '--json'];
  const { status, stderr } = spawnSync(
    'bash',
    ['-c', script, 'bash', process.execPath, BIN, ...words],
    { encoding: 'utf8' },
  );
  expect([status, JSON.parse(stderr).detail]).toEqual([3, 'it is too large.']);
  expect(readdirSync(dir)).toEqual([]);
});

describe('the system’s refusals in words', () => {
  it.each([
    [errno('ENOSPC'), 'disk-full', 'Error: the disk is full.'],
    [errno('EACCES', '/a/b'), 'no-permission', 'Error: /a/b cannot be used (no permission).'],
    [errno('EISDIR', '/a/b'), 'no-directory', 'Error: /a/b cannot be used (a directory is'],
    [errno('ECONNRESET'), 'system', 'Error: ECONNRESET: raw'],
  ])('%s', (error, code, sentence) => {
    const { exit, message, problem } = toCliError(error);
    expect([exit, problem.code]).toEqual([3, code]);
    expect(message).toContain(sentence);
  });

  it('are found behind the errors of LevelDB', () => {
    const cause = new Error('IO error: /d/000003.log: No space left on device');
    expect(systemWords(new Error('Database is not open', { cause }))).toBe('the disk is full');
    expect(systemWords(new Error('anything else'))).toBeUndefined();
  });
});
