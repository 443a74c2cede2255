/** Any bytes from outside: bounded, refused with a code, nothing changed, never a 500. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';
import { BASIC, BEARER, createHarness, JSON_TYPE, OTHER, OURS } from './harness.ts';

const encoder = new TextEncoder();
const bodies = (...values: unknown[]): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    mangled(values.map((value) => encoder.encode(JSON.stringify(value)))),
    fc.json().map((text) => encoder.encode(text)),
  );

const ENVELOPE = {
  v: 1,
  network: 'ab'.repeat(32),
  from: 'a',
  type: 'ping',
  payload: 'AAAAAAAAAAA=',
};

const TARGETS: readonly (readonly [string, fc.Arbitrary<Uint8Array>, Record<string, string>])[] = [
  ['/v1/wallets', bodies({}), BEARER],
  [`/v1/wallets/${OURS}/send`, bodies({ to: OTHER, amountSats: 1, feeSats: 1 }), BEARER],
  ['/v1/blocks', bodies({ hex: '00ff' }), {}],
  ['/v1/transactions', bodies({ hex: '00ff' }), {}],
  ['/v1/peers', bodies({ address: 'http://127.0.0.1:8400' }), BEARER],
  ['/v1/mine', bodies({ blocks: 1, address: OURS }), BEARER],
  ['/v1/gossip', bodies({ envelopes: [ENVELOPE, { ...ENVELOPE, payload: { a: 1 } }] }), {}],
];

const STATUSES = [200, 201, 202, 400];

describe('bodies', () => {
  it.each(TARGETS)('of %s', async (path, body, headers) => {
    const { app, reports } = createHarness();
    await fc.assert(
      fc.asyncProperty(body, async (bytes) => {
        const response = await app.request(path, {
          method: 'POST',
          headers: { ...JSON_TYPE, ...headers },
          body: new Uint8Array(bytes),
        });
        const text = await response.text();
        expect(STATUSES).toContain(response.status);
        expect(JSON.parse(text)).toBeTypeOf('object');
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed(path) },
    );
    expect(reports).toEqual([]);
  });

  it('of JSON-RPC', async () => {
    const { app, reports, blocks } = createHarness({ waitMsMax: 0 });
    const hash = blocks[3]?.entry.hash;
    const calls = [
      ['getblock', hash, 2],
      ['getblockheader', hash, true],
      ['getblockhash', 3],
      ['getblocktemplate', { mode: 'proposal', data: '00' }],
      ['getblocktemplate', { longpollid: 'x', rules: ['segwit'] }],
      ['submitblock', '00'],
      ['sendrawtransaction', '00', 0.1],
      ['testmempoolaccept', ['00']],
      ['getrawtransaction', hash, 1],
      ['generatetoaddress', 1, OURS],
      ['getrawmempool', true],
      ['validateaddress', OURS],
      ['help', 'help'],
    ].map(([method, ...params]) => ({ jsonrpc: '2.0', id: 1, method, params }));
    await fc.assert(
      fc.asyncProperty(bodies(...calls, calls.slice(0, 3)), async (bytes) => {
        const response = await app.request('/', {
          method: 'POST',
          headers: BASIC,
          body: new Uint8Array(bytes),
        });
        const text = await response.text();
        expect([200, 204, 400, 404, 500]).toContain(response.status);
        expect(text).not.toContain('internal error');
        if (response.status !== 204) expect(JSON.parse(text)).toBeTypeOf('object');
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('rpc') },
    );
    expect(reports).toEqual([]);
  });
});

describe('paths', () => {
  const segment = fc.oneof(
    fc.constantFrom('v1', 'api', 'blocks', 'block', 'tx', 'txs', 'chain', 'address', 'tip', 'hash'),
    fc.constantFrom(
      'peers',
      'wallets',
      'mempool',
      'scripthash',
      'utxo',
      'raw',
      'status',
      'outspend',
    ),
    fc.constantFrom('0', '3', '-1', '99999999999', 'ab'.repeat(32), OURS, '%', '%00', '%ff', '..'),
    fc.string({ maxLength: 20 }).map(encodeURIComponent),
  );

  it('of any kind', async () => {
    const { app, reports } = createHarness();
    const paths = fc.array(segment, { maxLength: 6 }).map((parts) => `/${parts.join('/')}`);
    const queries = fc.oneof(
      fc.constant(''),
      fc.string({ maxLength: 30 }).map((text) => `?cursor=${encodeURIComponent(text)}`),
      fc.string({ maxLength: 9 }).map((text) => `?limit=${encodeURIComponent(text)}`),
    );
    const methods = fc.constantFrom('GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT');
    await fc.assert(
      fc.asyncProperty(paths, queries, methods, async (path, query, method) => {
        const response = await app.request(path + query, { method });
        expect([200, 204, 400, 401, 404, 405]).toContain(response.status);
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('paths') },
    );
    expect(reports).toEqual([]);
  });
});
