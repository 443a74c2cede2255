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

const item = (digit: string, change: object = {}) => ({
  txid: txid(digit),
  vout: 1,
  valueSats: 1000,
  confirmed: true,
  ...change,
});
const COINS = `/v1/addresses/${ADDRESS}/coins?limit=100`;

beforeEach(() => {
  asked = [];
  answers = {
    '/v1/mempool': { minFeeRateSatVb: 1 },
    [COINS]: { items: [], next: null },
  };
});

describe('coins', () => {
  it('are read page by page, empty pages too', async () => {
    answers[COINS] = { items: [item('a'), item('b', { vout: 0 })], next: 'one' };
    answers[`${COINS}&cursor=one`] = { items: [], next: 'two' };
    answers[`${COINS}&cursor=two`] = { items: [item('c', { confirmed: false })], next: null };
    const scriptPubKey = Uint8Array.of(0x76, 0xa9, 20, ...new Array(20).fill(5), 0x88, 0xac);
    expect(await pagesOf(sourceWith())).toEqual([
      [
        { outpoint: { txid: txid('a'), vout: 1 }, valueSats: 1000, scriptPubKey },
        { outpoint: { txid: txid('b'), vout: 0 }, valueSats: 1000, scriptPubKey },
      ],
      [
        {
          outpoint: { txid: txid('c'), vout: 1 },
          valueSats: 1000,
          scriptPubKey,
          unconfirmed: true,
        },
      ],
    ]);
    expect(asked[0]).toBe(`GET http://node.example/prefix${COINS}`);
  });

  it('are not read further than the caller does', async () => {
    answers[COINS] = { items: [item('a')], next: 'one' };
    for await (const page of sourceWith().coins(ADDRESS)) {
      expect(page).toHaveLength(1);
      break;
    }
    expect(asked).toHaveLength(1);
  });

  it('are none for an address of another network', async () => {
    const source = createHttpCoinSource({ url: 'http://node.example', addressVersion: 0 });
    expect(await pagesOf(source)).toEqual([]);
  });

  const one = (change: object) => ({ items: [item('a', change)], next: null });
  it.each([
    { name: 'no page', page: [] },
    { name: 'no list', page: { items: {}, next: null } },
    { name: 'no JSON', page: plain(200, 'coins') },
    { name: 'a refusal', page: plain(404, '{"code":"not-found"}') },
    { name: 'no end', page: { items: [] } },
    { name: 'a strange cursor', page: { items: [], next: '&limit=1' } },
    { name: 'null', page: { items: [null], next: null } },
    { name: 'a bad txid', page: one({ txid: 'A'.repeat(64) }) },
    { name: 'a negative value', page: one({ valueSats: -1 }) },
    { name: 'half a sat', page: one({ valueSats: 0.5 }) },
    { name: 'more than there is', page: one({ valueSats: 21e14 + 1 }) },
    { name: 'no output', page: one({ vout: null }) },
    { name: 'no word on its block', page: one({ confirmed: 'yes' }) },
    { name: 'more than a page', page: { items: new Array(10_001).fill(item('a')), next: null } },
  ])('are not read from $name', async ({ page }) => {
    answers[COINS] = page;
    await expect(pagesOf(sourceWith())).rejects.toMatchObject({ code: 'transport' });
  });

  it('are read or refused, whatever the node answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 3 }), fc.boolean(), async (value, isItem) => {
        answers[COINS] = isItem ? { items: [value], next: null } : value;
        await expect(pagesOf(sourceWith())).rejects.toMatchObject({ code: 'transport' });
      }),
      { numRuns: 1000, seed: fuzzSeed('answers of a node') },
    );
  });

  it('end, also where the node does not', async () => {
    let pages = 0;
    const source = createHttpCoinSource({
      url: 'http://node.example',
      addressVersion: 0x6f,
      fetch: async () => {
        pages++;
        return Response.json({ items: [], next: 'on' });
      },
    });
    await expect(pagesOf(source)).rejects.toMatchObject({ code: 'transport' });
    expect(pages).toBe(10_000);
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
