import { type ChildProcess, spawn } from 'node:child_process';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { toHex } from '../../../lib/codec/hex.ts';
import type { Block } from '../../../lib/types.ts';
import { readOptions, UsageError } from '../../../miner/options.ts';
import { rateText, statsLine } from '../../../miner/report.ts';
import { quickest, timed } from '../../helpers/quickest.ts';
import { FakeSource, PAY_TO, until } from './fake-source.ts';
import { serveSource } from './serve-source.ts';

const MAIN = fileURLToPath(new URL('../../../miner/main.ts', import.meta.url));
/** Of PAY_TO. */
const ADDRESS = '1eA9ctCNq41iLLnQErtTUVdxpRyZ9hZmW';

const running: (ChildProcess | Server)[] = [];
afterEach(() => {
  for (const one of running.splice(0)) {
    if ('kill' in one) one.kill('SIGKILL');
    else one.close();
  }
});

async function serve(source: FakeSource): Promise<string> {
  const { server, url } = await serveSource(source);
  running.push(server);
  return url;
}

function start(args: readonly string[]): { child: ChildProcess; out: () => string } {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'pipe' });
  running.push(child);
  let out = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  return { child, out: () => out };
}

const exitOf = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once('exit', (code) => resolve(code)));

/** Milliseconds from SIGTERM to the end. */
const end = (child: ChildProcess): Promise<number> =>
  timed(async () => {
    const exit = exitOf(child);
    child.kill('SIGTERM');
    expect(await exit).toBe(0);
  });

/** Mines in a process until it is told to end. */
async function mineAndEnd(): Promise<number> {
  const source = new FakeSource(20_000);
  const url = await serve(source);
  const { child, out } = start(['-o', url, '-a', ADDRESS, '-t', '2']);
  await until(() => source.accepted.length >= 3 && /^found 3 /m.test(out()), 60_000);
  // Now in the midst of a search, with a long poll open.
  source.target = 1n;
  source.moveFees();
  let accepted: readonly Block[];
  do {
    accepted = source.accepted;
    await until(() => new RegExp(`^found ${accepted.length} `, 'm').test(out()));
    await new Promise((resolve) => setTimeout(resolve, 300));
    // What was found for the work before may have been on its way.
  } while (source.accepted.length > accepted.length);
  const ms = await end(child);
  const [first, ...lines] = out().trim().split('\n');
  expect(first).toBe(`mining on ${url}/ with 2 threads`);
  for (const [i, { header, txs }] of accepted.entries()) {
    expect(lines[i]).toBe(`found ${i + 1} ${header.hash}`);
    expect(toHex(txs[0]?.outputs[0]?.scriptPubKey ?? new Uint8Array())).toBe(toHex(PAY_TO));
  }
  expect(lines.at(-1)).toMatch(
    /^[\d.]+ [kM]?H\/s, height \d+, \d+ found, 0 stale, work \d+ s old$/,
  );
  return ms;
}

it('mines over HTTP, prints what it finds, and ends within a second of SIGTERM', async () => {
  expect(await quickest(1000, mineAndEnd)).toBeLessThan(1000);
});

it('ends within a second of SIGTERM while no node is there', async () => {
  const startAndEnd = async (): Promise<number> => {
    const { child, out } = start(['-o', 'http://127.0.0.1:1', '-a', ADDRESS, '-t', '1']);
    await until(() => out() !== '');
    return end(child);
  };
  expect(await quickest(1000, startAndEnd)).toBeLessThan(1000);
});

it('flags beat the environment', () => {
  const env = {
    STACKCHAIN_NODE: 'http://a.test',
    STACKCHAIN_MINING_ADDRESS: ADDRESS,
    STACKCHAIN_TOKEN: 'token',
    STACKCHAIN_RPC_PASSWORD: 'from the environment',
  };
  const byEnv = readOptions([], env);
  expect(byEnv).toMatchObject({
    kind: 'remote',
    payTo: PAY_TO,
    source: { url: 'http://a.test/', credentials: { token: 'token' } },
  });
  const store = readOptions(['--store'], { ...env, STACKCHAIN_THREADS: '1' });
  expect(store).toEqual({ kind: 'store', threads: 1, wide: true, payTo: PAY_TO });
  expect(readOptions(['--store', '-t', '2', '--no-wide'], {})).toEqual({
    kind: 'store',
    threads: 2,
    wide: false,
  });
  const byFlags = readOptions(['-o', 'http://b.test/rpc', '-u', 'u', '-t', '3'], env);
  expect(byFlags).toMatchObject({
    threads: 3,
    source: {
      url: 'http://b.test/rpc',
      credentials: { user: 'u', password: 'from the environment' },
    },
  });
});

it.each([
  [[], {}],
  [['-o', 'http://a.test'], {}],
  [['-o', 'ftp://a.test', '-a', ADDRESS], {}],
  [['-o', 'http://u:p@a.test', '-a', ADDRESS], {}],
  [['-o', 'http://a.test', '-a', `${ADDRESS}x`], {}],
  [['-o', 'http://a.test', '-a', ADDRESS, '-t', '0'], {}],
  [['-o', 'http://a.test', '-a', ADDRESS, '-t', '1e1'], {}],
  [['-o', 'http://a.test', '-a', ADDRESS, '--no-such-flag'], {}],
  [['-o', 'http://a.test', '-a', ADDRESS, '--token-file', '/nowhere/at/all'], {}],
  [['-a', ADDRESS], { STACKCHAIN_NODE: 'nonsense' }],
])('refuses %j %j as usage', (args, env) => {
  let caught: unknown;
  try {
    readOptions(args, env);
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(UsageError);
  expect((caught as UsageError).exitCode).toBe(2);
});

it.each([
  [0, '0 H/s'],
  [999, '999 H/s'],
  [999.6, '1.00 kH/s'],
  [1_722_000, '1.72 MH/s'],
  [36e6, '36.0 MH/s'],
  [999_600_000, '1.00 GH/s'],
])('%d hashes a second are %s', (rate, line) => {
  expect(rateText(rate)).toBe(line);
});

it('says when there is no work yet', () => {
  const idle = {
    active: true,
    hashRate: 0,
    hashes: 0,
    threads: [],
    found: 0,
    stale: 0,
    rejected: 0,
  };
  expect(statsLine({ ...idle, height: 0, templateAgeMs: 0, engine: '' })).toBe('waiting for work');
});
