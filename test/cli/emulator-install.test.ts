/** Installing the emulator, beside somebody who does the same: by a Python that installs nothing. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { installEmulator } from '../../cli/cloud/emulator.ts';
import { tempDir } from '../helpers/cli.ts';

/** Paths that are looked for before they are there. */
const unseen = vi.hoisted(() => new Set<string>());
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, existsSync: (path: string) => !unseen.has(path) && fs.existsSync(path) };
});

const DEAD_PID = 2 ** 22 + 1;
let venv: string;
let python: string;
const whose = (): string => readFileSync(join(venv, 'whose'), 'utf8');
const beside = (): string[] => readdirSync(dirname(venv));

/** `python3` that makes environments of two files, whose pip does what `pip` says. */
function fakePython(pip = ''): void {
  const bin = join(tempDir(), 'bin');
  mkdirSync(bin);
  const script = `#!/bin/sh
case "$1 $2" in
  "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && printf ours > "$3/whose" ;;
  "-m pip") ${pip || ':'} ;;
esac
`;
  writeFileSync(join(bin, 'python3'), script);
  chmodSync(join(bin, 'python3'), 0o755);
  vi.stubEnv('PATH', [bin, process.env['PATH']].join(delimiter));
}

beforeEach(() => {
  venv = join(tempDir(), 'emulator-1');
  python = join(venv, 'bin', 'python');
});
afterEach(() => {
  unseen.clear();
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

it('makes an environment once, and leaves nothing beside it', async () => {
  fakePython();
  const said: string[] = [];
  const note = (line: string): void => void said.push(line);
  expect(await installEmulator({ venv, note })).toBe(python);
  expect(await installEmulator({ venv, note })).toBe(python);
  expect([whose(), beside(), said.length]).toEqual(['ours', ['emulator-1'], 1]);
});

it('takes what another run has put there meanwhile, also in the last moment', async () => {
  // Theirs comes while we install, and is not there yet where we look.
  fakePython(`mkdir -p "${venv}/bin" && : > "${python}" && printf theirs > "${venv}/whose"`);
  unseen.add(venv);
  expect(await installEmulator({ venv })).toBe(python);
  expect([whose(), beside()]).toEqual(['theirs', ['emulator-1']]);
});

it('makes it anew where its Python has gone', async () => {
  fakePython();
  mkdirSync(join(venv, 'bin'), { recursive: true });
  writeFileSync(join(venv, 'whose'), 'theirs');
  symlinkSync('/nonexistent/python3.9', python);
  expect(await installEmulator({ venv })).toBe(python);
  expect([whose(), existsSync(python)]).toEqual(['ours', true]);
});

it('clears what a dead run left, and nothing of one that lives, whoever runs it', async () => {
  fakePython();
  const theirs = [`${venv}.${DEAD_PID}`, `${venv}.${process.ppid}`];
  for (const dir of theirs) mkdirSync(dir);
  vi.spyOn(process, 'kill').mockImplementation((pid) => {
    throw Object.assign(new Error(), { code: pid === DEAD_PID ? 'ESRCH' : 'EPERM' });
  });
  await installEmulator({ venv });
  expect(beside().sort()).toEqual(['emulator-1', `emulator-1.${process.ppid}`]);
});

it('says why it could not, and leaves nothing', async () => {
  fakePython('echo no network here >&2; exit 1');
  await expect(installEmulator({ venv })).rejects.toMatchObject({
    exit: 3,
    message: 'Error: MiniStack could not be installed with pip: no network here',
  });
  expect(beside()).toEqual([]);
});
