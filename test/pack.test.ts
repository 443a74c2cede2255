/**
 * What others get: the package is built and packed, installed into an empty project, and used there
 * by the plain Node of this machine: the command, the example, the types.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const NODE_MIN = 22;

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function start(file: string, args: readonly string[], cwd: string): Promise<Ended> {
  const env = { ...process.env, NODE_OPTIONS: '', NO_COLOR: '1', FORCE_COLOR: undefined };
  try {
    const ended = await promisify(execFile)(file, args, { cwd, env, maxBuffer: 64 * 1024 * 1024 });
    return { code: 0, ...ended };
  } catch (error) {
    const { code, stdout, stderr } = error as Ended & { code: unknown };
    if (typeof code !== 'number') throw error;
    return { code, stdout, stderr };
  }
}

async function must(file: string, args: readonly string[], cwd: string): Promise<string> {
  const ended = await start(file, args, cwd);
  expect(ended.code, `${file} ${args.join(' ')}\n${ended.stderr}\n${ended.stdout}`).toBe(0);
  return ended.stdout;
}

/** The Nodes of this machine that no package brought, and the one that runs the tests. */
async function nodes(): Promise<{ path: string; major: number }[]> {
  const dirs = (process.env['PATH'] ?? '').split(delimiter);
  const plain = dirs.filter((dir) => !dir.includes('node_modules')).map((dir) => join(dir, 'node'));
  const found: { path: string; major: number }[] = [];
  for (const path of [process.execPath, ...plain]) {
    const version = await start(path, ['-p', 'process.versions.node'], root).catch(() => undefined);
    const major = Number.parseInt(version?.stdout ?? '', 10);
    if (major > 0 && !found.some((node) => node.major === major)) found.push({ path, major });
  }
  return found;
}

let project: string;
let bin: string;
beforeAll(async () => {
  project = await mkdtemp(join(tmpdir(), 'stackchain-pack-'));
  // Builds first: prepack.
  const packed = await must('npm', ['pack', '--json', '--pack-destination', project], root);
  const [{ filename = '' } = {}] = JSON.parse(packed.slice(packed.indexOf('['))) as {
    filename?: string;
  }[];
  await writeFile(
    join(project, 'package.json'),
    JSON.stringify({ name: 'empty', private: true, type: 'module' }),
  );
  const quiet = ['--no-audit', '--no-fund', '--prefer-offline', '--fetch-retries', '5'];
  await must('npm', ['install', ...quiet, `./${filename}`], project);
  bin = join(project, 'node_modules', 'stackchain', 'bin', 'stackchain.js');
}, 600_000);
afterAll(() => rm(project, { recursive: true, force: true }));

describe('the installed package', () => {
  it('holds what runs, and nothing of the checkout besides', async () => {
    const names = await readdir(join(project, 'node_modules', 'stackchain'));
    expect(names).toEqual(expect.arrayContaining(['bin', 'dist', 'docs', 'examples', 'LICENSE']));
    for (const name of ['lib', 'cli', 'test', 'infra', 'node_modules']) {
      expect(names).not.toContain(name);
    }
    expect(await readdir(join(project, 'node_modules', '.bin'))).toContain('stackchain');
  });

  it('runs its command, or says which Node it needs', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    for (const { path, major } of await nodes()) {
      const ended = await start(path, [bin, '--version'], project);
      if (major < NODE_MIN) {
        expect([ended.code, ended.stdout], path).toEqual([3, '']);
        expect(ended.stderr).toMatch(/^[^\n]*needs Node 22[^\n]*\n$/);
        continue;
      }
      expect([ended.code, ended.stdout.trim()], path).toEqual([0, version]);
      const dir = join(project, `data-${major}`);
      const run = (...args: string[]): Promise<string> =>
        must(path, [bin, ...args, '--data-dir', dir], project);
      const [, address = ''] = /^New address: (\S+)\n$/.exec(await run('create-wallet')) ?? [];
      expect(await run('list-addresses')).toBe(`${address}\n`);
    }
  });

  it('founds a chain and pays on it', async () => {
    const dir = join(project, 'chain');
    const run = (...args: string[]): Promise<string> =>
      must(process.execPath, [bin, ...args, '--data-dir', dir], project);
    const made = async (): Promise<string> =>
      (await run('create-wallet')).replace('New address: ', '').trim();
    const [alice, bob] = [await made(), await made()];
    expect(await run('init-blockchain', '--address', alice)).toBe('Done\n');
    expect(await run('send', '--from', alice, '--to', bob, '--amount', '10')).toBe('Success!\n');
    expect(await run('get-balance', '--address', bob)).toBe(`Balance of '${bob}': 10\n`);
  });

  it('runs its example, where it lies and copied', async () => {
    const installed = join(project, 'node_modules', 'stackchain', 'examples', 'two-nodes.js');
    const copied = join(project, 'two-nodes.js');
    await cp(installed, copied);
    for (const { path, major } of await nodes()) {
      if (major < NODE_MIN) continue;
      for (const script of [installed, copied]) {
        expect(await must(path, [script], project)).toMatch(/confirmedSats: 1000000000,/);
      }
    }
    const lines = (await readFile(installed, 'utf8')).trimEnd().split('\n');
    expect(lines.length).toBeLessThan(40);
  });

  it('is typed', async () => {
    await mkdir(join(project, 'typed'));
    await writeFile(
      join(project, 'typed', 'use.ts'),
      `import { createNode, parseAddress, type Node, type Verdict } from 'stackchain';
import { generateBlocks } from 'stackchain/miner';
export const make: (options: Parameters<typeof createNode>[0]) => Promise<Node> = createNode;
export const checked: Verdict<{ version: number; hash160: Uint8Array }> = parseAddress('x');
export const mine = (node: Node) => generateBlocks({ node, count: 1, payTo: new Uint8Array(25) });
// @ts-expect-error an amount is a number, not a text
export const wrong: number = parseAddress('x');
`,
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const strict = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023'];
    const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')];
    await must(
      process.execPath,
      [tsc, ...strict, ...types, '--skipLibCheck', 'true', join('typed', 'use.ts')],
      project,
    );
  });
});

describe('the checkout', () => {
  it('runs the example on its sources', async () => {
    const printed = await must('npm', ['run', '--silent', 'example'], root);
    expect(printed).toMatch(/confirmedSats: 1000000000,/);
  });
});
