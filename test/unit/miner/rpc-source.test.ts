import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/codec/hex.ts';
import { createRpcSource, type RpcSourceOptions } from '../../../miner/rpc-source.ts';
import { vectorCases } from '../../helpers/vectors.ts';

interface Call {
  readonly method: string;
  readonly params: readonly Record<string, unknown>[];
  readonly authorization: string | undefined;
}

type Answer = { status?: number; body: string } | 'silence';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** A node that answers as it is told, and the calls it got. */
async function nodeThat(answer: (call: Call) => Answer): Promise<{ url: string; calls: Call[] }> {
  const calls: Call[] = [];
  const server = createServer(async (request, response) => {
    const { method, params } = JSON.parse(await text(request));
    const call = { method, params, authorization: request.headers.authorization };
    calls.push(call);
    const given = answer(call);
    if (given === 'silence') return;
    response.writeHead(given.status ?? 200, { 'content-type': 'application/json' });
    response.end(given.body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, calls };
}

const result = (value: unknown): Answer => ({
  body: JSON.stringify({ result: value, error: null, id: 0 }),
});

const tx = vectorCases<{ hex: string; txid: string }>('tx_decode')[5] as {
  hex: string;
  txid: string;
};
const TEMPLATE = {
  version: 0x2000_0000,
  previousblockhash: 'ab'.repeat(32),
  transactions: [{ data: tx.hex, txid: tx.txid, fee: 250, sigops: 2, depends: [] }],
  coinbaseaux: { flags: '080011223344556677' },
  coinbasevalue: 5_000_000_250,
  longpollid: `${'ab'.repeat(32)}17`,
  target: `7fffff${'0'.repeat(58)}`,
  mintime: 1_700_000_000,
  curtime: 1_700_000_100,
  bits: '207fffff',
  height: 12,
};

const templateOf = async (answer: Answer, options: Partial<RpcSourceOptions> = {}) => {
  const { url } = await nodeThat(() => answer);
  return createRpcSource({ url, ...options }).template();
};

describe('work over JSON-RPC', () => {
  it('a template is read, field by field', async () => {
    const { url, calls } = await nodeThat(() => result(TEMPLATE));
    const template = await createRpcSource({ url }).template();
    expect(template).toMatchObject({
      id: TEMPLATE.longpollid,
      version: 0x2000_0000,
      prevHash: TEMPLATE.previousblockhash,
      height: 12,
      bits: 0x207f_ffff,
      target: 0x7f_ffffn << 232n,
      curTime: 1_700_000_100,
      minTime: 1_700_000_000,
      coinbaseValue: 5_000_000_250,
      coinbaseFlags: '0011223344556677',
    });
    const [only] = template.txs;
    expect(only?.entry).toMatchObject({ txid: tx.txid, feeSats: 250 });
    expect(toHex(only?.entry.tx.raw ?? new Uint8Array())).toBe(tx.hex);
    // Core wants the rule named; what our node offers has no witness.
    expect(calls[0]?.params[0]).toMatchObject({ rules: ['segwit'] });
    expect(calls[0]?.params[0]).not.toHaveProperty('longpollid');
    expect(calls[0]?.authorization).toBeUndefined();
  });

  it('asks by long poll once it knows some work', async () => {
    const { url, calls } = await nodeThat(() => result(TEMPLATE));
    await createRpcSource({ url }).template({ knownId: TEMPLATE.longpollid });
    expect(calls[0]?.params[0]).toMatchObject({ longpollid: TEMPLATE.longpollid });
  });

  it('a long poll that is not waited for any more ends at once', async () => {
    const { url, calls } = await nodeThat(() => 'silence');
    const given = new AbortController();
    const waiting = createRpcSource({ url }).template({ knownId: 'x', signal: given.signal });
    const failed = expect(waiting).rejects.toMatchObject({ code: 'transport' });
    while (calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const startMs = performance.now();
    given.abort();
    await failed;
    // By itself it would end after two minutes.
    expect(performance.now() - startMs).toBeLessThan(60_000);
  });

  it('a node without long poll: the tip names the work', async () => {
    const { longpollid: _, mintime: __, coinbaseaux: ___, ...plain } = TEMPLATE;
    const template = await templateOf(result(plain));
    expect(template).toMatchObject({
      id: TEMPLATE.previousblockhash,
      minTime: TEMPLATE.curtime,
      coinbaseFlags: '',
    });
  });

  it.each([
    ['null', null],
    ['a text', 'x'],
    ['no hash', { ...TEMPLATE, previousblockhash: 'zz' }],
    ['a height of -1', { ...TEMPLATE, height: -1 }],
    ['a height of 1.5', { ...TEMPLATE, height: 1.5 }],
    ['bits of 7 digits', { ...TEMPLATE, bits: '207ffff' }],
    ['no target', { ...TEMPLATE, target: undefined }],
    ['a version beyond 32 bits', { ...TEMPLATE, version: 2 ** 32 }],
    ['a negative value', { ...TEMPLATE, coinbasevalue: -1 }],
    ['more than all coins', { ...TEMPLATE, coinbasevalue: 22e14 }],
    ['no transactions', { ...TEMPLATE, transactions: undefined }],
    ['a transaction that does not decode', { ...TEMPLATE, transactions: [{ data: 'ff' }] }],
    ['a transaction that is null', { ...TEMPLATE, transactions: [null] }],
    ['an id of a line break', { ...TEMPLATE, longpollid: 'a\nb' }],
  ])('refuses a template: %s', async (_, template) => {
    await expect(templateOf(result(template))).rejects.toMatchObject({ code: 'transport' });
  });

  it.each([
    ['no JSON', { body: '<html>' }, /no JSON object/],
    ['a JSON number', { body: '7' }, /no JSON object/],
    ['401', { status: 401, body: '' }, /user and password/],
    ['403', { status: 403, body: '{}' }, /user and password/],
    ['an error', { body: '{"result":null,"error":{"code":-10,"message":"busy"}}' }, /busy \(-10\)/],
    ['17 MB', { body: JSON.stringify({ result: 'x'.repeat(17e6) }) }, /too long/],
  ])('says what is wrong with the answer: %s', async (_, answer, message) => {
    await expect(templateOf(answer)).rejects.toThrow(message);
  });

  it('a node that is not there: its host, and no credentials', async () => {
    const source = createRpcSource({
      url: 'http://127.0.0.1:1/',
      credentials: { user: 'miner', password: 'secret' },
    });
    const error = await source.template().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'transport' });
    expect(String(error)).toContain('127.0.0.1:1');
    expect(String(error)).not.toContain('secret');
  });

  it.each([
    [
      { user: 'miner', password: 'pä:ss' },
      `Basic ${Buffer.from('miner:pä:ss').toString('base64')}`,
    ],
    [{ token: 'abc' }, 'Bearer abc'],
  ])('brings its credentials', async (credentials, authorization) => {
    const { url, calls } = await nodeThat(() => result(null));
    await createRpcSource({ url, credentials }).submit(new Uint8Array());
    expect(calls[0]?.authorization).toBe(authorization);
  });

  it.each([null, 'stale-prevblk', 'duplicate'])('submitblock answers %s', async (answer) => {
    const { url, calls } = await nodeThat(() => result(answer));
    expect(await createRpcSource({ url }).submit(Uint8Array.of(1, 0xab))).toBe(answer);
    expect(calls[0]).toMatchObject({ method: 'submitblock', params: ['01ab'] });
  });

  it('submitblock that answers rubbish is a fault', async () => {
    const { url } = await nodeThat(() => result({ ok: true }));
    await expect(createRpcSource({ url }).submit(new Uint8Array())).rejects.toMatchObject({
      code: 'transport',
    });
  });
});

it('a node in this process, whose place is no URL, fails like any other', async () => {
  const fetch = () => Promise.reject(new Error('closed'));
  const source = createRpcSource({ url: '/data/chain', fetch });
  await expect(source.template()).rejects.toMatchObject({
    code: 'transport',
    message: '/data/chain cannot be reached',
  });
});
