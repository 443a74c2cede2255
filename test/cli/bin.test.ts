/** The real command: what a shell sees of it. */
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { liveNodeFile } from '../../cli/host/data-dir.ts';
import { ok, tempDir } from '../helpers/cli.ts';
import { StackchainProcess, waitFor } from '../helpers/stackchain-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'bin', 'stackchain.js');

/** The system's own Node, where it is too old to run the sources. */
function oldNode(): string | undefined {
  const dirs = (process.env['PATH'] ?? '').split(delimiter);
  const found = dirs
    .filter((dir) => dir !== '' && !dir.includes('node_modules'))
    .map((dir) => join(dir, 'node'))
    .find(existsSync);
  if (found === undefined) return undefined;
  const major = Number(/^v(\d+)/.exec(execFileSync(found, ['-v'], { encoding: 'utf8' }))?.[1]);
  return major < 22 ? found : undefined;
}
const old = oldNode();

const run = (args: readonly string[], node = process.execPath) =>
  spawnSync(node, [BIN, ...args], { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });

describe('the bin', () => {
  test('ends with the command’s exit code, results and errors apart', () => {
    const dir = tempDir();
    const made = run(['create-wallet', '--data-dir', dir]);
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(made.stdout).toMatch(/^New address: 1\w+\n$/);
    expect(run(['nonsense'])).toMatchObject({ status: 2, stdout: '' });
    expect(run(['print-blockchain', '--data-dir', dir])).toMatchObject({ status: 1, stdout: '' });
    expect(run(['status', '--node', 'http://127.0.0.1:9'])).toMatchObject({ status: 4 });
  });

  test('survives a reader that has seen enough', async () => {
    const dir = tempDir();
    const at = ['--data-dir', dir, '--network', 'regtest'];
    const [line = ''] = await ok(['create-wallet', ...at]);
    const address = line.slice('New address: '.length);
    await ok(['init-blockchain', '--address', address, ...at]);
    await ok(['generate', '300', '--address', address, ...at]);
    const script = `"${process.execPath}" "${BIN}" print-blockchain --data-dir "${dir}" | head -n 1`;
    const piped = spawnSync('bash', ['-o', 'pipefail', '-c', script], { encoding: 'utf8' });
    expect(piped).toMatchObject({ status: 0, stdout: '{\n', stderr: '' });
  });

  /** Runs it on pipes whose reader has gone before it starts; `others` redirects what is left. */
  const unread = (others: string, words: readonly string[]) => {
    const gone = join(tempDir(), 'gone');
    const script = `mkfifo "$0" && { read -r _ < "$0" && "$@" ${others}; } | { exec <&-; echo > "$0"; }`;
    return spawnSync(
      'bash',
      ['-o', 'pipefail', '-c', script, gone, process.execPath, BIN, ...words],
      {
        encoding: 'utf8',
        env: { ...process.env, NO_COLOR: '1' },
      },
    );
  };

  test('fails as ever where nobody reads its notices any more', () => {
    for (const others of ['2>&1', '2>&1 >/dev/null']) {
      const far = unread(others, ['status', '--node', 'http://127.0.0.1:9']);
      expect(far).toMatchObject({ status: 4, stdout: '', stderr: '' });
      expect(unread(others, ['nonsense']).status).toBe(2);
    }
  });

  test('a node ends as by Ctrl-C where nobody reads anything of it any more', () => {
    const dir = tempDir();
    const script = '"$@" 2>&1 | sed "/^Ready/q"';
    const args = ['network', '--nodes', '1', '--port', '0', '--data-dir', dir];
    const words = ['-o', 'pipefail', '-c', script, 'bash', process.execPath, BIN, ...args];
    expect(spawnSync('bash', words, { encoding: 'utf8' }).status).toBe(0);
    expect(existsSync(join(dir, 'node0', 'network.json'))).toBe(true);
    expect(existsSync(join(dir, 'node0', 'node.json'))).toBe(false);
  });

  test('a node goes on where only its notices are read no more', async () => {
    const dir = tempDir();
    const args = ['up', '--network', 'stacknet', '--no-mining', '--port', '0', '--data-dir', dir];
    const node = new StackchainProcess(args);
    node.child.stderr?.destroy();
    await node.line(/^Press /);
    expect(await liveNodeFile(dir)).toBeDefined();
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
  });

  test.skipIf(!existsSync('/dev/full'))('ends as ever where nobody can be told', () => {
    const full = openSync('/dev/full', 'w');
    try {
      const told = (stdout: number | 'pipe', stderr: number | 'pipe', ...words: string[]) =>
        spawnSync(process.execPath, [BIN, ...words], { stdio: ['ignore', stdout, stderr] }).status;
      expect(told('pipe', full, 'nonsense')).toBe(2);
      expect(told('pipe', full, 'status', '--data-dir', tempDir())).toBe(1);
      expect(told(full, 'pipe', 'create-wallet', '--data-dir', tempDir())).toBe(3);
    } finally {
      closeSync(full);
    }
  });

  test('says what Node it needs where it is installed and the Node is old', () => {
    const place = tempDir();
    mkdirSync(join(place, 'bin'));
    cpSync(BIN, join(place, 'bin', 'stackchain.js'));
    cpSync(join(ROOT, 'package.json'), join(place, 'package.json'));
    // Newer ones go on to the built files, which are not here.
    const ran = spawnSync(old ?? process.execPath, [join(place, 'bin', 'stackchain.js')], {
      encoding: 'utf8',
    });
    expect(ran.stdout).toBe('');
    if (old !== undefined) {
      expect(ran.status).toBe(3);
      expect(ran.stderr).toMatch(
        /^Error: stackchain needs Node 22 or later; this is Node [\d.]+\.\n$/,
      );
    } else {
      expect(ran.stderr).toContain('dist/cli/main.js');
    }
  });
});

describe.skipIf(old === undefined)('under a Node that is too old for the sources', () => {
  test('the project’s own takes over, with signals and exit codes', async () => {
    expect(run(['nonsense'], old)).toMatchObject({ status: 2, stdout: '' });
    const dir = tempDir();
    const args = ['up', '--network', 'regtest', '--no-mining', '--port', '0', '--data-dir', dir];
    const node = new StackchainProcess(args, { node: old as string });
    await node.line(/^Press /);
    const { pid } = JSON.parse(readFileSync(join(dir, 'node.json'), 'utf8'));
    expect(pid).not.toBe(node.child.pid);
    expect(await node.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
    expect(existsSync(join(dir, 'node.json'))).toBe(false);
  });

  test('and does not outlive a starter that was killed', async () => {
    const dir = tempDir();
    const args = ['up', '--network', 'regtest', '--no-mining', '--port', '0', '--data-dir', dir];
    const node = new StackchainProcess(args, { node: old as string });
    await node.line(/^Press /);
    expect(await liveNodeFile(dir)).toBeDefined();
    node.child.kill('SIGKILL');
    await waitFor(
      async () => ((await liveNodeFile(dir)) === undefined ? true : undefined),
      120_000,
    );
  });
});
