/** Coins from a node behind HTTP: what is asked, what is left alone, what is not believed. */
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { createHttpCoinSource } from '../../../lib/adapters/http-coin-source.ts';
import { encodeAddress, toHex } from '../../../lib/codec/index.ts';
import type { Txid } from '../../../lib/types.ts';
import type { CoinSource, SpendableCoin } from '../../../lib/wallet/types.ts';
import { fuzzSeed } from '../../helpers/fuzz.ts';
import { reasonOf } from '../../helpers/vectors.ts';

const ADDRESS = encodeAddress(new Uint8Array(20).fill(5), 0x6f);
const OTHER = encodeAddress(new Uint8Array(20).fill(6), 0x6f);
const txid = (digit: string): Txid => digit.repeat(64) as Txid;

type Answer = unknown | (() => unknown);
let answers: Record<string, Answer>;
let asked: string[];

/** Text and status as they are, all else as JSON with 200. */
interface Plain {
  readonly status: number;
  readonly text: string;
}
const plain = (status: number, text: string): Plain => ({ status, text });

function sourceWith(url = 'http://node.example/prefix/'): CoinSource {
  return createHttpCoinSource({
    url,
    addressVersion: 0x6f,
    async fetch(target, init) {
      asked.push(`${init.method ?? 'GET'} ${target}`);
      const path = target.replace('http://node.example/prefix', '');
      const answer = answers[path];
      if (answer === undefined) return new Response('Transaction not found', { status: 404 });
      if (answer instanceof Error) throw answer;
      const { status, text } = answer as Partial<Plain>;
      return status !== undefined && text !== undefined
        ? new Response(text, { status })
        : new Response(JSON.stringify(answer));
    },
  });
}

async function pagesOf(source: CoinSource): Promise<SpendableCoin[][]> {
  const pages: SpendableCoin[][] = [];
  for await (const page of source.coins(ADDRESS)) pages.push([...page]);
  return pages;
}

const utxo = (digit: string, height?: number) => ({
  txid: txid(digit),
  vout: 1,
  value: 1000,
  status: height === undefined ? { confirmed: false } : { confirmed: true, block_height: height },
});
const spendOf = (address: string) => ({
  vin: [{ is_coinbase: false, prevout: { scriptpubkey_address: address } }],
});
const COINBASE = { vin: [{ is_coinbase: true, prevout: null }] };

beforeEach(() => {
  asked = [];
  answers = {
    '/v1/network': { maturity: 1 },
    '/v1/node': { height: 100, peers: 2 },
    '/v1/mempool': { minFeeRateSatVb: 1 },
    [`/api/address/${ADDRESS}/utxo`]: [],
  };
});

describe('coins', () => {
  it('are all old ones and young ones that are no coinbase', async () => {
    answers[`/api/address/${ADDRESS}/utxo`] = [
      utxo('a', 91),
      utxo('b', 92),
      utxo('c', 92),
      utxo('d', 0),
      utxo('e', 95),
    ];
    answers[`/api/tx/${txid('b')}`] = COINBASE;
    answers[`/api/tx/${txid('c')}`] = spendOf(OTHER);
    const pages = await pagesOf(sourceWith());
    expect(pages.map((page) => page.map(({ outpoint }) => outpoint.txid[0]))).toEqual([
      ['a', 'c', 'd'],
    ]);
    expect(
      asked.filter((path) => path.includes('/api/tx/')),
      'old ones are not asked for',
    ).toEqual(
      ['b', 'c', 'e'].map((digit) => `GET http://node.example/prefix/api/tx/${txid(digit)}`),
    );
    expect(pages[0]?.[0]).toEqual({
      outpoint: { txid: txid('a'), vout: 1 },
      valueSats: 1000,
      scriptPubKey: Uint8Array.of(0x76, 0xa9, 20, ...new Array(20).fill(5), 0x88, 0xac),
    });
  });

  it.each([
    { maturity: 1, peers: 0, height: 100, spendable: true },
    { maturity: 100, peers: 0, height: 1, spendable: true },
    { maturity: 100, peers: 5, height: 2, spendable: false },
  ])('by maturity $maturity and $peers peers', async ({ maturity, peers, height, spendable }) => {
    answers['/v1/network'] = { maturity };
    answers['/v1/node'] = { height: 100, peers };
    answers[`/api/address/${ADDRESS}/utxo`] = [utxo('a', height)];
    answers[`/api/tx/${txid('a')}`] = COINBASE;
    expect(await pagesOf(sourceWith())).toHaveLength(spendable ? 1 : 0);
  });

  it('are own change too, and nothing else that is unconfirmed', async () => {
    answers[`/api/address/${ADDRESS}/utxo`] = [utxo('a'), utxo('b'), utxo('c'), utxo('d', 5)];
    answers[`/api/tx/${txid('a')}`] = spendOf(ADDRESS);
    answers[`/api/tx/${txid('b')}`] = spendOf(OTHER);
    answers[`/api/tx/${txid('c')}`] = { vin: [...spendOf(ADDRESS).vin, ...spendOf(OTHER).vin] };
    const pages = await pagesOf(sourceWith());
    expect(pages.map((page) => page.map(({ outpoint }) => outpoint.txid[0]))).toEqual([
      ['d'],
      ['a'],
    ]);
    expect(pages[1]?.[0]?.unconfirmed).toBe(true);
  });

  it('are none for an address of another network', async () => {
    const source = createHttpCoinSource({ url: 'http://node.example', addressVersion: 0 });
    expect(await pagesOf(source)).toEqual([]);
  });

  it.each([
    { name: 'no list', list: {} },
    { name: 'no JSON', list: plain(200, 'coins') },
    { name: 'a refusal', list: plain(400, 'Too many unspent transaction outputs') },
    { name: 'a bad txid', list: [{ ...utxo('a', 5), txid: 'A'.repeat(64) }] },
    { name: 'a negative value', list: [{ ...utxo('a', 5), value: -1 }] },
    { name: 'half a sat', list: [{ ...utxo('a', 5), value: 0.5 }] },
    { name: 'more than there is', list: [{ ...utxo('a', 5), value: 21e14 + 1 }] },
    { name: 'no output', list: [{ ...utxo('a', 5), vout: null }] },
    { name: 'a strange height', list: [utxo('a', -5)] },
    { name: 'null', list: [null] },
  ])('are not read from $name', async ({ list }) => {
    answers[`/api/address/${ADDRESS}/utxo`] = list;
    await expect(pagesOf(sourceWith())).rejects.toMatchObject({ code: 'transport' });
  });

  it('are read or refused, whatever the node answers', async () => {
    const anything = fc.jsonValue({ maxDepth: 3 });
    await fc.assert(
      fc.asyncProperty(anything, fc.nat(2), async (value, which) => {
        answers = {
          ...answers,
          '/v1/network': { maturity: 1 },
          '/v1/node': { height: 9, peers: 0 },
        };
        answers[`/api/address/${ADDRESS}/utxo`] = which === 0 ? [value] : [utxo('a', 5)];
        if (which === 1) answers['/v1/network'] = value;
        if (which === 2) answers['/v1/node'] = value;
        await expect(pagesOf(sourceWith())).rejects.toMatchObject({ code: 'transport' });
      }),
      { numRuns: 1000, seed: fuzzSeed('answers of a node') },
    );
  });
});

describe('the fee rate', () => {
  it.each([
    [1, 1000],
    [1.0001, 1001],
    [0, 0],
  ])('%d sat/byte', async (minFeeRateSatVb, rate) => {
    answers['/v1/mempool'] = { minFeeRateSatVb };
    expect(await sourceWith().feeRate()).toBe(rate);
  });

  it.each([null, '1', -1, []])('is not %o', async (minFeeRateSatVb) => {
    answers['/v1/mempool'] = { minFeeRateSatVb };
    await expect(sourceWith().feeRate()).rejects.toMatchObject({ code: 'transport' });
  });
});

describe('a transaction', () => {
  const raw = Uint8Array.of(1, 2, 3);

  it('is submitted as hex', async () => {
    answers['/v1/transactions'] = plain(202, JSON.stringify({ txid: txid('a') }));
    const sent = await sourceWith().submit(raw);
    expect(sent).toEqual({ ok: true, value: txid('a') });
    expect(asked).toEqual(['POST http://node.example/prefix/v1/transactions']);
  });

  it.each([
    { code: 'txn-mempool-conflict', reason: 'txn-mempool-conflict' },
    { code: 'min relay fee not met', reason: 'min relay fee not met' },
    { code: 'a reason of a later release', reason: 'rejected' },
    { code: 7, reason: 'rejected' },
  ])('is refused with $code', async ({ code, reason }) => {
    answers['/v1/transactions'] = plain(400, JSON.stringify({ code, detail: 'why' }));
    const sent = await sourceWith().submit(raw);
    expect(reasonOf(sent)).toBe(reason);
    if (!sent.ok) expect(sent.reject.detail).toContain('why');
  });

  it('is not taken for sent when the answer is strange', async () => {
    answers['/v1/transactions'] = { txid: 'yes' };
    await expect(sourceWith().submit(raw)).rejects.toMatchObject({ code: 'transport' });
  });

  it('is read by its id', async () => {
    answers[`/api/tx/${txid('a')}/hex`] = plain(200, toHex(raw));
    answers[`/api/tx/${txid('b')}/hex`] = plain(200, 'nonsense');
    expect(await sourceWith().rawTx?.(txid('a'))).toEqual(raw);
    expect(await sourceWith().rawTx?.(txid('b'))).toBeUndefined();
    expect(await sourceWith().rawTx?.(txid('c'))).toBeUndefined();
  });
});

describe('a node', () => {
  it.each([
    { name: 'that is broken', answer: plain(503, ''), says: /answers 503\.$/ },
    { name: 'that is not there', answer: new Error('refused'), says: /cannot be reached\.$/ },
  ])('$name is a Fault', async ({ answer, says }) => {
    answers['/v1/mempool'] = answer;
    await expect(sourceWith().feeRate()).rejects.toMatchObject({
      code: 'transport',
      message: expect.stringMatching(says),
    });
  });
});
