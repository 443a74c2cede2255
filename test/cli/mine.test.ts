/** `mine`: on a running node, on the directory's own chain, and what it refuses. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cli, ok, tempDir } from '../helpers/cli.ts';
import { StackchainProcess } from '../helpers/stackchain-process.ts';

const STAMP = String.raw`^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] `;
const line = (rest: string): RegExp => new RegExp(`${STAMP}${rest}$`);
const FIRST_SHARE = line(String.raw`accepted: 1/1 \(100\.00%\), [\d.]+ khash/s \(yay!!!\)`);

const processes: StackchainProcess[] = [];
const servers: Server[] = [];
let dir: string;
let at: readonly string[];
let A: string;

function start(...args: string[]): StackchainProcess {
  const process = new StackchainProcess(args);
  processes.push(process);
  return process;
}

async function ended(process: StackchainProcess): Promise<void> {
  expect((await process.end('SIGTERM')).code).toBe(0);
}

const heightOf = async (): Promise<number> =>
  JSON.parse((await ok(['status', '--json', ...at]))[0] ?? '').height;

/** The answer to the last block may have been on its way when the miner was told to end. */
function expectAll(height: number, miner: StackchainProcess, pattern: RegExp): void {
  const told = miner.lines.filter((text) => pattern.test(text)).length;
  expect([told, told + 1]).toContain(height);
}

beforeEach(async () => {
  dir = tempDir();
  at = ['--data-dir', dir, '--network', 'regtest'];
  A = ((await ok(['create-wallet', ...at]))[0] ?? '').slice('New address: '.length);
  await ok(['init-blockchain', '--address', A, ...at]);
});
afterEach(() => {
  for (const one of processes.splice(0)) one.child.kill('SIGKILL');
  for (const one of servers.splice(0)) one.close();
});

describe("prints minerd's lines", () => {
  test('for the node that runs on the directory, whose chain grows', async () => {
    const node = start('up', '--no-mining', '--address', A, '--port', '0', ...at);
    const url = (await node.line(/^My host: /)).slice('My host: '.length);
    const miner = start('mine', '--address', A, '-t', '2', ...at);
    await miner.line(FIRST_SHARE);
    await miner.line(line('LONGPOLL pushed new work'));
    await miner.line(line(String.raw`thread 1: \d+ hashes, [\d.]+ khash/s`));
    await ended(miner);
    expect(miner.lines[0]).toMatch(line("2 miner threads started, using 'sha256d' algorithm[.]"));
    expect(miner.lines[1]).toMatch(line(`Long-polling activated for ${url}`));
    expectAll(await heightOf(), miner, /\(yay!!!\)$/);
    await ended(node);
  });

  test("with minerd's own flags, by user and password, for a node that another process names", async () => {
    const login = ['--rpc-user', 'u', '--rpc-password', 'p:w'];
    const node = start('up', '--no-mining', '--address', A, '--port', '0', ...login, ...at);
    const url = (await node.line(/^My host: /)).slice('My host: '.length);
    const elsewhere = ['--data-dir', tempDir()];
    const flags = ['-a', 'sha256d', '-o', url, '-O', 'u:p:w', '-t', '1', '--coinbase-addr', A];
    const miner = start('mine', ...flags, ...elsewhere);
    await miner.line(FIRST_SHARE);
    await ended(miner);
    const wrong = await cli(['mine', '-o', url, '-O', 'u:wrong', '--address', A, ...elsewhere]);
    expect(wrong).toMatchObject({ code: 1, stdout: '' });
    expect(wrong.stderr).toBe('Error: the node refuses the user and password, or the token.\n');
    const other = ['--network', 'stacknet', '--data-dir', tempDir()];
    const foreign = await cli(['mine', '-o', url, '-O', 'u:p:w', '--address', A, ...other]);
    expect(foreign).toMatchObject({ code: 3, stdout: '' });
    expect(foreign.stderr).toContain('the node is of another network');
    await ended(node);
  });

  test("on the directory's own chain while no node runs, to a new address if none is named", async () => {
    const miner = start('mine', '-t', '1', ...at);
    await miner.line(FIRST_SHARE);
    const busy = await cli(['status', ...at]);
    expect(busy).toMatchObject({ code: 3, stdout: '' });
    await ended(miner);
    const [newest] = await ok(['list-addresses', ...at]);
    expect(miner.lines[0]).toBe(`New address: ${newest}`);
    expect(newest).not.toBe(A);
    expectAll(await heightOf(), miner, /\(yay!!!\)$/);
  });

  test('or, with --json, an object a line', async () => {
    const miner = start('mine', '--address', A, '-t', '1', '--json', ...at);
    await miner.line(/"event":"found"/);
    await miner.line(/"event":"rate"/);
    await ended(miner);
    const [started, found] = miner.lines.map((text) => JSON.parse(text));
    expect(started).toEqual({ event: 'started', url: dir, threads: 1 });
    expect(found).toEqual({
      event: 'found',
      height: 1,
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    const [balance = ''] = await ok(['get-balance', '--address', A, ...at]);
    expect(balance).toBe(`Balance of '${A}': ${50 * (await heightOf())}`);
    expectAll(await heightOf(), miner, /"event":"found"/);
  });
});

describe('refuses', () => {
  test.each([
    [['-a', 'scrypt'], "Error: the algorithm is sha256d, not 'scrypt'."],
    [['-t', '0'], 'Error: --threads takes a whole number from 1 to 1024.'],
    [['-O', 'nopassword'], 'Error: --userpass takes USER:PASS.'],
    [['-p', 'alone'], 'Error: --pass goes together with --user.'],
    [['-o', 'ftp://a'], "Error: 'ftp://a' is not an http or https URL."],
    [['--address', 'nobody'], 'Error: Address is not valid'],
    [['--coinbase-addr', '1BitcoinEaterAddressDontSendf59kuE'], 'Error: Address is not valid'],
  ])('%j', async (flags, sentence) => {
    expect(await cli(['mine', ...flags, ...at])).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `${sentence}\n`,
    });
  });

  test('a node that is not there, and a directory without a chain', async () => {
    const away = await cli(['mine', '-o', 'http://127.0.0.1:1', '--address', A, ...at]);
    expect(away).toMatchObject({ code: 4, stdout: '' });
    const none = await cli(['mine', '--data-dir', tempDir()]);
    expect(none).toMatchObject({ code: 1, stdout: '' });
  });

  test('to guess an address for a node that does not say of which network it is', async () => {
    // As bitcoind: work by JSON-RPC, and 404 for pages that it does not know.
    const template = {
      version: 0x20000000,
      previousblockhash: '00'.repeat(32),
      transactions: [],
      coinbasevalue: 50e8,
      target: 'ff'.repeat(32),
      curtime: 1_700_000_000,
      bits: '207fffff',
      height: 1,
    };
    const server = createServer((request, response) => {
      if (request.method === 'GET') response.statusCode = 404;
      response.end(JSON.stringify({ result: template, error: null, id: 0 }));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await cli(['mine', '-o', url, '--data-dir', tempDir()]);
    expect(result).toMatchObject({
      code: 2,
      stderr: 'Error: the node does not say what its addresses look like: name one by --address.\n',
    });
  });
});
