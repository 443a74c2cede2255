/** The same payments by way of the real HTTP app, keys on this side, values checked. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpCoinSource } from '../../../lib/adapters/http-coin-source.ts';
import { openMemoryKeystore } from '../../../lib/adapters/keystore.ts';
import { encodeWif } from '../../../lib/codec/index.ts';
import { buildPayment, type Payer, sendPayment } from '../../../lib/wallet/pay.ts';
import type { Keystore, SpendableCoin } from '../../../lib/wallet/types.ts';
import { storyKey } from '../../helpers/chain-builder.ts';
import { must, reasonOf } from '../../helpers/vectors.ts';
import { openReal, type RealApp } from '../api/real-node.ts';

const COIN = 100_000_000;
const SUBSIDY = 50 * COIN;

let real: RealApp;
let keystore: Keystore;
let payer: Payer;
let alice: string;
let bob: string;

beforeEach(async () => {
  real = await openReal();
  const { params } = real.world.story;
  const { addressVersion } = params;
  keystore = await openMemoryKeystore(params);
  const address = async (name: string): Promise<string> =>
    must(await keystore.importWif(encodeWif(storyKey(name, params).secret, params.wifVersion)));
  [alice, bob] = [await address('alice'), await address('bob')];
  const source = createHttpCoinSource({
    url: 'http://127.0.0.1',
    addressVersion,
    fetch: async (url, init) => real.app.request(url, init),
  });
  payer = { source, signer: keystore, addressVersion };
});
afterEach(async () => {
  await keystore.close();
  await real.close();
});

async function mine(payTo: string, count = 1): Promise<void> {
  const { world } = real;
  for (let i = 0; i < count; i++) await world.give(await world.template(undefined, payTo));
}

async function coinsOf(address: string): Promise<SpendableCoin[]> {
  const coins: SpendableCoin[] = [];
  for await (const page of payer.source.coins(address)) coins.push(...page);
  return coins;
}

describe('a wallet behind HTTP', () => {
  it('pays, sees its change, and pays from it', async () => {
    await mine('alice', 2);
    expect((await coinsOf(alice)).map(({ valueSats }) => valueSats)).toEqual([SUBSIDY]);
    const first = must(await sendPayment(payer, { from: alice, to: bob, amountSats: COIN }));
    expect(first.feeSats).toBe(226);
    expect(await coinsOf(alice)).toEqual([
      {
        outpoint: { txid: first.txid, vout: 1 },
        valueSats: first.changeSats,
        scriptPubKey: first.tx.outputs[1]?.scriptPubKey,
        unconfirmed: true,
      },
    ]);
    expect(await coinsOf(bob), 'what others sent waits for its block').toEqual([]);
    const second = must(await sendPayment(payer, { from: alice, to: bob, amountSats: COIN }));
    expect(second.tx.inputs[0]?.prevout.txid).toBe(first.txid);
    await mine('carol');
    const coins = await coinsOf(bob);
    expect(coins.map(({ valueSats }) => valueSats)).toEqual([COIN, COIN]);
    const back = must(
      await sendPayment(payer, { from: bob, to: alice, amountSats: COIN, feeSats: 1000 }),
    );
    expect(back.tx.inputs).toHaveLength(2);
    await mine('carol');
    expect(await real.get(`/v1/addresses/${bob}`)).toMatchObject({
      confirmedSats: COIN - 1000,
      spendableSats: COIN - 1000,
    });
  });

  it('agrees with the wallets of the node about what can be spent', async () => {
    await mine('alice', 12);
    must(await sendPayment(payer, { from: alice, to: bob, amountSats: 120 * COIN }));
    await mine('carol');
    must(await sendPayment(payer, { from: alice, to: bob, amountSats: 60 * COIN }));
    for (const address of [alice, bob]) {
      const sum = (await coinsOf(address)).reduce((total, { valueSats }) => total + valueSats, 0);
      expect(await real.get(`/v1/addresses/${address}`)).toMatchObject({ spendableSats: sum });
    }
  });

  it('reads an address of many coins page by page', async () => {
    await mine('alice', 240);
    await mine('bob', 2);
    expect(await coinsOf(alice)).toHaveLength(240);
    const path = `/v1/addresses/${alice}/coins`;
    const first = (await real.get(path)) as { items: object[]; next: string };
    expect(first.items).toHaveLength(25);
    const second = (await real.get(`${path}?cursor=${first.next}&limit=1`)) as typeof first;
    expect(first.items).not.toContainEqual(second.items[0]);
    const sent = await sendPayment(payer, { from: alice, to: bob, amountSats: 230 * SUBSIDY });
    expect(must(sent).tx.inputs).toHaveLength(231);
    await mine('carol');
    expect(await coinsOf(alice)).toHaveLength(10);
  });

  it('gets no coins where there are none to get', async () => {
    const foreign = 'mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8';
    expect(await real.get(`/v1/addresses/${bob}/coins`)).toEqual({ items: [], next: null });
    expect(await real.get('/v1/addresses/x/coins', 400)).toMatchObject({ code: 'invalid-request' });
    await real.get(`/v1/addresses/${foreign}/coins`, 400);
    await real.get(`/v1/addresses/${bob}/coins?cursor=abc`, 400);
    await real.get(`/v1/addresses/${bob}/coins?limit=101`, 400);
  });

  it('is told what the mempool thinks', async () => {
    await mine('alice', 2);
    const request = { from: alice, to: bob, amountSats: COIN };
    expect(reasonOf(await sendPayment(payer, { ...request, feeSats: 0 }))).toBe(
      'min relay fee not met',
    );
    expect(reasonOf(await sendPayment(payer, { ...request, amountSats: 500 }))).toBe('dust');
    expect(reasonOf(await sendPayment(payer, { ...request, amountSats: 51 * COIN }))).toBe(
      'insufficient-funds',
    );
  });

  it('reaches for other coins when one was taken', async () => {
    await mine('alice', 3);
    const request = { from: alice, to: bob, amountSats: COIN };
    const [one, other] = await Promise.all([
      sendPayment(payer, request),
      sendPayment(payer, { ...request, amountSats: 2 * COIN }),
    ]);
    const inputs = [must(one), must(other)].flatMap(({ tx }) =>
      tx.inputs.map(({ prevout }) => `${prevout.txid}:${prevout.vout}`),
    );
    expect(new Set(inputs).size).toBe(inputs.length);
  });

  it('does not take the word of a node that lies about a value', async () => {
    await mine('alice', 2);
    const { app } = real;
    const lying = createHttpCoinSource({
      url: 'http://127.0.0.1',
      addressVersion: payer.addressVersion,
      async fetch(url, init) {
        const answer = await app.request(url, init);
        if (!url.includes('/coins')) return answer;
        const page = (await answer.json()) as { items: object[] };
        const items = page.items.map((coin) => ({ ...coin, valueSats: 2 * COIN }));
        return Response.json({ ...page, items });
      },
    });
    const request = { from: alice, to: bob, amountSats: COIN };
    await expect(buildPayment({ ...payer, source: lying }, request)).rejects.toMatchObject({
      code: 'transport',
    });
  });
});
