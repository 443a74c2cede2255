/** `up`: its lines, joining, and how the other commands find the node that runs. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readToken } from '../../cli/host/data-dir.ts';
import { type CliResult, cli, linesOf, ok, startCli, tempDir } from '../helpers/cli.ts';
import { getJson, waitFor } from '../helpers/stackchain-process.ts';

const REGTEST = '0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206';

interface Running {
  readonly url: string;
  readonly lines: readonly string[];
  stop(): Promise<CliResult>;
}

const started: Running[] = [];
let dir: string;
let at: readonly string[];
let A: string;
const regtestAt = (place: string): readonly string[] => [
  '--data-dir',
  place,
  '--network',
  'regtest',
];

async function newAddress(place: readonly string[]): Promise<string> {
  return ((await ok(['create-wallet', ...place]))[0] ?? '').slice('New address: '.length);
}

/** Starts `up` and waits until it says that it serves. */
async function up(...args: string[]): Promise<Running> {
  const running = startCli(['up', '--port', '0', ...args]);
  const early = running.done.then((result) => {
    throw new Error(`up ended: ${result.code} ${result.stderr}`);
  });
  early.catch(() => undefined);
  const lines = await Promise.race([
    early,
    waitFor(() => {
      const said = linesOf(running.stdout());
      return said.at(-1)?.startsWith('Press ') === true ? said : undefined;
    }, 120_000),
  ]);
  const url = (lines.find((line) => line.startsWith('My host: ')) ?? '').slice('My host: '.length);
  const one: Running = {
    url,
    lines,
    stop: () => {
      running.stop();
      return running.done;
    },
  };
  started.push(one);
  return one;
}

beforeEach(async () => {
  dir = tempDir();
  at = regtestAt(dir);
  A = await newAddress(at);
});
afterEach(async () => {
  for (const one of started.splice(0)) await one.stop();
});

describe('its lines', () => {
  test('on a new chain', async () => {
    const { url, lines, stop } = await up('--address', A, ...at);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(lines).toEqual([
      `This node is mining and will receive rewards to ${A}`,
      `My host: ${url}`,
      `My mining address ${A}`,
      'Empty blockchain. Creating genesis.',
      `Created coinbase with reward going to ${A}`,
      'Merkle root 4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b',
      `Genesis block hash: ${REGTEST}`,
      'Starting server',
      "Press 'q' or 'CTRL-C' to quit.",
    ]);
    const stopped = await stop();
    expect(stopped.code).toBe(0);
    expect(stopped.lines).toEqual(lines);
    expect(existsSync(join(dir, 'node.json'))).toBe(false);
  });

  test('on one that is there, with and without mining', async () => {
    await ok(['init-blockchain', '--address', A, ...at]);
    const mining = await up('--address', A, ...at);
    expect(mining.lines).toEqual([
      `This node is mining and will receive rewards to ${A}`,
      `My host: ${mining.url}`,
      `My mining address ${A}`,
      'Starting server',
      "Press 'q' or 'CTRL-C' to quit.",
    ]);
    await mining.stop();
    const idle = await up('--no-mining', ...at);
    const [newest] = await ok(['list-addresses', ...at]);
    expect(newest).not.toBe(A);
    expect(idle.lines).toEqual([
      `New address: ${newest}`,
      `My host: ${idle.url}`,
      'Starting server',
      "Press 'q' or 'CTRL-C' to quit.",
    ]);
  });

  test('on a new chain that is not mined on, name an address all the same', async () => {
    const own = tempDir();
    const { url, lines } = await up('--no-mining', ...regtestAt(own));
    const [address = ''] = await ok(['list-addresses', '--data-dir', own]);
    expect(lines.slice(0, 4)).toEqual([
      `New address: ${address}`,
      `My host: ${url}`,
      'Empty blockchain. Creating genesis.',
      `Created coinbase with reward going to ${address}`,
    ]);
  });

  test('without an address begin with a new one, which block 0 pays', async () => {
    const own = tempDir();
    const { lines, stop } = await up('--data-dir', own);
    const [address = ''] = await ok(['list-addresses', '--data-dir', own]);
    expect(lines.slice(0, 2)).toEqual([
      `New address: ${address}`,
      `This node is mining and will receive rewards to ${address}`,
    ]);
    await stop();
    const [block = ''] = (await ok(['print-blockchain', '--json', '--data-dir', own])).slice(-1);
    expect(lines).toContain(`Genesis block hash: ${JSON.parse(block).hash}`);
    expect(lines).toContain(`Merkle root ${JSON.parse(block).merkleRoot}`);
    expect(JSON.parse(readFileSync(join(own, 'network.json'), 'utf8'))).toMatchObject({
      genesisSpendable: true,
      powLimitBits: '1e0fffff',
    });
  });
});

describe('a node that runs', () => {
  test('mines, and is used by the commands beside it', async () => {
    const { url } = await up('--address', A, ...at);
    const file = JSON.parse(readFileSync(join(dir, 'node.json'), 'utf8'));
    expect(Object.keys(file)).toEqual(['pid', 'url', 'network', 'startedAt']);
    expect(file).toMatchObject({ pid: process.pid, url, network: 'regtest' });
    await waitFor(async () => {
      const [line = ''] = await ok(['status', '--json', ...at]);
      const { height, mining } = JSON.parse(line);
      expect(mining).toMatchObject({ active: true, address: A });
      return height >= 2 ? true : undefined;
    }, 120_000);
  });

  test('takes payments into its mempool, signed by the keys here', async () => {
    const { url } = await up('--no-mining', '--address', A, ...at);
    const B = await newAddress(at);
    expect(await ok(['generate', '101', '--address', A, ...at])).toHaveLength(101);
    const words = ['send', '--from', A, '--to', B, '--amount', '1.5', '--json'];
    const sent = JSON.parse((await ok([...words, ...at]))[0] ?? '');
    expect(sent).toEqual({
      txid: expect.stringMatching(/^[0-9a-f]{64}$/),
      feeSats: expect.any(Number),
      blockHash: null,
    });
    expect(sent.feeSats).toBeGreaterThan(200);
    expect(await getJson(`${url}/v1/mempool`)).toMatchObject({ count: 1 });
    await ok(['generate', '1', '--address', A, ...at]);
    expect(await ok(['get-balance', '--address', B, ...at])).toEqual([`Balance of '${B}': 1.5`]);
    // From another directory, by URL and with the token of this one.
    const elsewhere = tempDir();
    const token = join(elsewhere, 'token');
    writeFileSync(token, readToken(dir) ?? '');
    const remote = ['--data-dir', elsewhere, '--node', url];
    const env = { STACKCHAIN_TOKEN: 'ab'.repeat(32) };
    expect(await ok(['get-balance', '--address', B, ...remote])).toEqual([
      `Balance of '${B}': 1.5`,
    ]);
    const generate = ['generate', '1', '--address', A, ...remote];
    expect((await cli(generate)).code).toBe(1);
    expect((await cli(generate, { env })).code).toBe(1);
    expect(await ok([...generate, '--token-file', token], { env })).toHaveLength(1);
    const raw = await (await fetch(`${url}/api/tx/${sent.txid}/hex`)).text();
    expect(await ok(['send-raw', ...remote], { stdin: raw })).toEqual([sent.txid]);
  });

  test('lets in the RPC user of the flags, the cookie and nobody else', async () => {
    const { url } = await up('--no-mining', '--rpc-user', 'u', '--rpc-password', 'p:q', ...at);
    const rpc = (who: string): Promise<number> =>
      fetch(url, {
        method: 'POST',
        headers: { authorization: `Basic ${btoa(who)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ id: 1, method: 'generatetoaddress', params: [1, A] }),
      }).then((response) => response.status);
    expect(await rpc('u:p:q')).toBe(200);
    expect(await rpc(readFileSync(join(dir, '.cookie'), 'utf8').trim())).toBe(200);
    expect(await rpc('u:wrong')).toBe(401);
    expect(await rpc(`u:${readToken(dir)}`)).toBe(401);
  });

  test('says what the least amount is that it takes', async () => {
    const { url } = await up('--no-mining', '--address', A, ...at);
    await ok(['generate', '101', '--address', A, ...at]);
    const pay = (amount: string) =>
      cli(['send', '--from', A, '--to', A, '--amount', amount, ...at]);
    const why = 'output 0: 1 sats, an output takes at least 546: less costs too much to spend';
    expect(await pay('0.00000001')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `dust (${why})\n`,
    });
    const answer = await fetch(`${url}/v1/wallets/${A}/send`, {
      method: 'POST',
      headers: { authorization: `Bearer ${readToken(dir)}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: A, amountSats: 1 }),
    });
    expect(await answer.json()).toMatchObject({ status: 400, code: 'dust', detail: why });
    expect(await pay('0.00000546')).toMatchObject({ code: 0 });
  });

  test('keeps its directory to itself', async () => {
    await up('--no-mining', ...at);
    const second = await cli(['up', '--no-mining', '--port', '0', ...at]);
    expect([second.code, second.stdout]).toEqual([3, '']);
    expect(second.stderr).toMatch(/^Error: [^\n]*in use[^\n]*\n$/m);
    const init = await cli(['init-blockchain', '--address', A, ...at]);
    expect(init.stderr).toBe('Error: Blockchain already exists\n');
  });
});

describe('a damaged cookie is found before anything is made', () => {
  test.each([
    ['up', '.'],
    ['network', 'node1'],
  ])('by `%s`', async (command, place) => {
    const own = tempDir();
    mkdirSync(join(own, place), { recursive: true });
    writeFileSync(join(own, place, '.cookie'), 'rubbish');
    const { code, stdout, stderr } = await cli([
      command,
      '--port',
      '0',
      '--json',
      '--data-dir',
      own,
    ]);
    expect([code, stdout, JSON.parse(stderr).code]).toEqual([3, '', 'cookie-damaged']);
    const made = readdirSync(own, { recursive: true }).map(String);
    expect(made.filter((name) => /wallets|keystore|network\.json/.test(name))).toEqual([]);
  });
});

describe('--connect', () => {
  test('takes over the peer’s network and its chain', async () => {
    const first = await up('--no-mining', '--address', A, ...at);
    await ok(['generate', '12', '--address', A, ...at]);
    const other = tempDir();
    // Nobody can call one that listens everywhere: the first, called, would soon be one that calls.
    const own = ['--host', '0.0.0.0', '--data-dir', other];
    const joined = startCli(['up', '--no-mining', '--port', '0', '--connect', first.url, ...own]);
    try {
      const there = ['--data-dir', other];
      await waitFor(async () => {
        const asked = await cli(['status', '--json', ...there]);
        return asked.code === 0 && JSON.parse(asked.stdout).height === 12 ? true : undefined;
      }, 120_000);
      const peers = (await ok(['peers', '--json', ...there])).map((line) => JSON.parse(line));
      expect(peers).toEqual([
        expect.objectContaining({ address: first.url, transport: 'http', height: 12 }),
      ]);
      expect(await ok(['peers', 'remove', peers[0].id, ...there])).toHaveLength(1);
      expect(await ok(['peers', '--json', ...there])).toEqual([]);
      const [added = ''] = await ok(['peers', 'add', `${first.url}/`, '--json', ...there]);
      expect(JSON.parse(added)).toMatchObject({ address: first.url });
    } finally {
      joined.stop();
    }
    const { code, lines, stderr } = await joined.done;
    expect(code).toBe(0);
    expect(lines).not.toContain('Empty blockchain. Creating genesis.');
    expect(stderr).toContain(REGTEST);
  });

  test('of another network, or to nobody, is refused', async () => {
    const { url } = await up('--no-mining', '--address', A, ...at);
    const own = tempDir();
    const founder = await newAddress(['--data-dir', own]);
    await ok(['init-blockchain', '--address', founder, '--data-dir', own]);
    const base = ['up', '--no-mining', '--port', '0', '--connect'];
    const cases: readonly [readonly string[], number][] = [
      [[...base, url, '--data-dir', own], 3],
      [[...base, url, '--data-dir', tempDir(), '--network', 'stacknet'], 3],
      [[...base, url, '--data-dir', tempDir(), '--network', join(own, 'network.json')], 3],
      [[...base, 'http://127.0.0.1:9', '--data-dir', tempDir()], 4],
    ];
    for (const [words, expected] of cases) {
      const { code, stdout, stderr } = await cli(words);
      expect(stderr, words.join(' ')).toMatch(/^Error: [^\n]+\n$/);
      expect([code, stdout]).toEqual([expected, '']);
    }
  });
});

describe('a node.json that is stale', () => {
  let stranger: Server;
  afterEach(() => stranger?.close());

  test('is passed over, whoever has its pid or its port now', async () => {
    await ok(['init-blockchain', '--address', A, ...at]);
    stranger = createServer((_request, response) => response.end('{"hello":"world"}'));
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const { port } = stranger.address() as { port: number };
    const startedAt = Math.floor(Date.now() / 1000);
    for (const url of ['http://127.0.0.1:9', `http://127.0.0.1:${port}`]) {
      for (const pid of [process.pid, process.ppid, 2 ** 22 + 1]) {
        const file = { pid, url, network: 'regtest', startedAt };
        writeFileSync(join(dir, 'node.json'), JSON.stringify(file));
        const [line = ''] = await ok(['status', '--json', ...at]);
        expect(JSON.parse(line)).toMatchObject({ name: 'local', height: 0 });
      }
    }
  });
});
