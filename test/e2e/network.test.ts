/** `stackchain network` as a user runs it: real processes, real ports, real files. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { ok, tempDir } from '../helpers/cli.ts';
import { allowedMs } from '../helpers/quickest.ts';
import { getJson, StackchainProcess, waitFor } from '../helpers/stackchain-process.ts';

interface Ready {
  readonly nodes: readonly {
    readonly name: string;
    readonly url: string;
    readonly dataDir: string;
    readonly address: string;
  }[];
}
interface Status {
  readonly height: number;
  readonly tip: string;
  readonly genesis: string;
  readonly peers: number;
  readonly mempool: { readonly count: number };
}

const STOP_MS_MAX = 5_000;
const FOUNDING_TRIES = 5;
const running: StackchainProcess[] = [];

function start(...args: string[]): StackchainProcess {
  const started = new StackchainProcess(['network', ...args]);
  running.push(started);
  return started;
}

afterEach(async () => {
  for (const one of running.splice(0)) {
    if (one.child.exitCode === null && one.child.signalCode === null) await one.end('SIGKILL');
  }
});

const statusOf = (url: string): Promise<Status> => getJson<Status>(`${url}/v1/node`);

/** The statuses of all nodes once they have one tip and `fits` says yes. */
const agreed = (
  urls: readonly string[],
  fits: (status: Status) => boolean = () => true,
): Promise<Status> =>
  waitFor(async () => {
    const all = await Promise.all(urls.map(statusOf));
    const [first] = all;
    const isOne = first !== undefined && all.every(({ tip }) => tip === first.tip);
    return isOne && fits(first) ? first : undefined;
  }, 150_000);

const readyOf = async (one: StackchainProcess): Promise<Ready> =>
  JSON.parse(await one.line(/"event":"ready"/));

describe('three nodes on regtest', () => {
  test('agree, take a payment, stop on Ctrl-C and go on from the disk', async () => {
    const dir = tempDir();
    const args = ['--network', 'regtest', '--port', '0', '--data-dir', dir, '--json'];
    const first = start(...args, '--no-mining');
    const { nodes } = await readyOf(first);
    expect(nodes.map(({ name }) => name)).toEqual(['node0', 'node1', 'node2']);
    expect(nodes.map(({ dataDir }) => dataDir)).toEqual(
      [0, 1, 2].map((i) => join(dir, `node${i}`)),
    );
    expect(new Set(nodes.map(({ url }) => url)).size).toBe(3);
    const urls = nodes.map(({ url }) => url);
    const [from = '', to = ''] = nodes.map(({ address }) => address);
    const file = JSON.parse(readFileSync(join(dir, 'node1', 'node.json'), 'utf8'));
    expect(file).toMatchObject({ pid: first.child.pid, url: urls[1], network: 'regtest' });

    // A directory of several nodes means its first.
    const at = ['--data-dir', dir];
    expect(await ok(['generate', '101', '--address', from, ...at])).toHaveLength(101);
    await agreed(urls, ({ height }) => height === 101);
    expect(await ok(['send', '--from', from, '--to', to, '--amount', '7', ...at])).toEqual([
      'Success!',
    ]);
    await waitFor(async () => {
      const all = await Promise.all(urls.map(statusOf));
      return all.every(({ mempool }) => mempool.count === 1) ? true : undefined;
    }, 120_000);
    await ok(['generate', '1', '--address', to, ...at]);
    const before = await agreed(urls, ({ height }) => height === 102);
    const there = ['--data-dir', join(dir, 'node2')];
    const balance = ['get-balance', '--address', to];
    expect(await ok([...balance, ...there])).toEqual([
      expect.stringMatching(new RegExp(`^Balance of '${to}': 57\\.0000`)),
    ]);
    expect(JSON.parse((await ok(['status', '--json', ...there]))[0] ?? '')).toMatchObject({
      tip: before.tip,
      peers: 2,
    });

    const ended = await first.end('SIGINT');
    expect(ended).toMatchObject({ code: 0, signal: null });
    expect(ended.tookMs).toBeLessThan(allowedMs(STOP_MS_MAX));
    expect(existsSync(join(dir, 'node0', 'node.json'))).toBe(false);
    // Nobody runs now: the command opens the chain itself.
    expect(await ok(['print-blockchain', '--full', 'n', '--limit', '1', ...there])).toEqual([
      before.tip,
    ]);

    const second = start(...args);
    const again = await readyOf(second);
    expect(again.nodes.map(({ address }) => address)).toEqual(nodes.map(({ address }) => address));
    const later = again.nodes.map(({ url }) => url);
    // Two of them mine, to the addresses that were shown.
    const after = await agreed(later, ({ height }) => height >= 105);
    expect(after.genesis).toBe(before.genesis);
    const event = JSON.parse(await second.line(/"event":"block"/));
    expect(event).toMatchObject({ node: expect.stringMatching(/^node[012]$/) });
    const stopped = await second.end('SIGTERM');
    expect(stopped).toMatchObject({ code: 0, signal: null });
    expect(stopped.tookMs).toBeLessThan(allowedMs(STOP_MS_MAX));
  });

  test('pass over a busy port, say so, and make payments on demand', async () => {
    const one = start(
      '--network',
      'regtest',
      '--port',
      '0',
      '--data-dir',
      tempDir(),
      '--nodes',
      '1',
    );
    const [line = ''] = [await one.line(/^node0 /)];
    const port = Number(new URL(line.split(' ')[1] ?? '').port);
    const dir = tempDir();
    const two = start(
      ...['--network', 'regtest', '--port', String(port), '--num-nodes=2', '--data-dir', dir],
      '--traffic',
    );
    await two.line(/^Ready\.$/);
    expect(two.lines).toHaveLength(3);
    two.lines.slice(0, 2).forEach((text, i) => {
      expect(text).toMatch(new RegExp(`^node${i} http://127\\.0\\.0\\.1:\\d+ [mn]\\w+$`));
    });
    expect(two.stderr).toMatch(new RegExp(`[Pp]ort ${port} is busy`));
    const { url } = JSON.parse(readFileSync(join(dir, 'node0', 'node.json'), 'utf8'));
    expect(two.lines[0]).toContain(` ${url} `);
    expect(url).not.toBe(`http://127.0.0.1:${port}`);
    // Ten wallets a node; one with coins pays half of them, balances are shown after each block.
    const there = ['--data-dir', dir];
    const payer = two.lines[0]?.split(' ')[2] ?? '';
    await ok(['generate', '101', '--address', payer, ...there]);
    await waitFor(() => (/ pays \d+(\.\d+)? to /.test(two.stderr) ? true : undefined), 120_000);
    await waitFor(
      () => (/Balances at height \d+:\n {2}node/.test(two.stderr) ? true : undefined),
      120_000,
    );
    expect(await ok(['list-addresses', ...there])).toHaveLength(10);
    expect(await two.type('q\n')).toMatchObject({ code: 0, signal: null });
    expect(await one.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
  });
});

describe('a newcomer’s network', () => {
  test('ends in time, and leaves nothing half done, while it is being founded', async () => {
    // The first block is found by chance, at times before a busy machine has sent the signal.
    let said = 'nothing yet';
    for (let tries = 0; said !== '' && tries < FOUNDING_TRIES; tries++) {
      const dir = tempDir();
      const one = start('--port', '0', '--data-dir', dir);
      await waitFor(() => (one.stderr.includes('Measuring') ? true : undefined), 120_000);
      const ended = await one.end('SIGINT');
      expect(ended).toMatchObject({ code: 0, signal: null });
      expect(ended.tookMs).toBeLessThan(allowedMs(STOP_MS_MAX));
      said = one.stdout;
      if (said === '') expect(existsSync(join(dir, 'node0', 'network.json'))).toBe(false);
    }
    expect(said).toBe('');
  });

  test('is founded, funded and has its first block on all three nodes', async () => {
    const dir = tempDir();
    const one = start('--port', '0', '--data-dir', dir, '--json');
    const { nodes } = await readyOf(one);
    const urls = nodes.map(({ url }) => url);
    const [founder = '', other = ''] = nodes.map(({ address }) => address);
    const at = ['--data-dir', dir];
    expect(await ok(['send', '--from', founder, '--to', other, '--amount', '1', ...at])).toEqual([
      'Success!',
    ]);
    const { genesis } = await agreed(urls, ({ height }) => height >= 1);
    const file = JSON.parse(readFileSync(join(dir, 'node2', 'network.json'), 'utf8'));
    expect(file).toMatchObject({ name: 'stacknet', genesisSpendable: true });
    expect(genesis).toMatch(/^00000/);
    expect(await one.end('SIGINT')).toMatchObject({ code: 0, signal: null });
  });
});
