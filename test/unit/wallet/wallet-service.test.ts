/**
 * Wallets on a real chain and mempool: what counts as spendable, what a payment does to balances,
 * payments from change, several at once, over blocks.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryKeystore } from '../../../lib/adapters/keystore.ts';
import { encodeWif } from '../../../lib/codec/index.ts';
import type { TxOutcome } from '../../../lib/mempool/types.ts';
import { createWalletService } from '../../../lib/node/wallet-service.ts';
import type { ChainParams } from '../../../lib/params/index.ts';
import type { Keystore, WalletService } from '../../../lib/wallet/types.ts';
import { easyNetwork, storyKey } from '../../helpers/chain-builder.ts';
import { MempoolWorld } from '../../helpers/mempool-world.ts';
import { must, reasonOf } from '../../helpers/vectors.ts';

const COIN = 100_000_000;
const SUBSIDY = 50 * COIN;

let world: MempoolWorld;
let keystore: Keystore;
let wallet: WalletService;
let peers: { banned: boolean; lastSeen: number }[];
let alice: string;
let bob: string;

async function open(params: ChainParams): Promise<void> {
  world = await MempoolWorld.open({ params });
  keystore = await openMemoryKeystore(params);
  peers = [];
  const address = async (name: string): Promise<string> =>
    must(await keystore.importWif(encodeWif(storyKey(name, params).secret, params.wifVersion)));
  [alice, bob] = [await address('alice'), await address('bob')];
  const { chain, mempool } = world;
  const peerOf = (state: { banned: boolean; lastSeen: number }, i: number) => ({
    id: `peer${i}`,
    address: '',
    transport: 'local' as const,
    height: 0,
    tip: '',
    score: 0,
    ...state,
  });
  wallet = createWalletService({
    keystore,
    node: {
      params,
      chain,
      mempool,
      gossip: { peers: async () => peers.map(peerOf) },
      acceptTx: (raw, options): Promise<TxOutcome> => mempool.accept(raw, options),
    },
  });
}

/** Mines what the mempool holds. */
async function mine(payTo: string, count = 1): Promise<void> {
  for (let i = 0; i < count; i++) await world.give(await world.template(undefined, payTo));
}

const balance = async (address: string) => must(await wallet.balance(address));
const valuesOf = async (address: string): Promise<number[]> =>
  (await wallet.coins(address)).map(({ valueSats }) => valueSats);

afterEach(async () => {
  await keystore.close();
  await world.close();
});

describe('a coinbase', () => {
  it('is spendable when the next block may spend it', async () => {
    await open(easyNetwork({ maturity: 3 }));
    await mine('alice');
    for (const spendable of [0, 0, SUBSIDY]) {
      expect(await balance(alice)).toMatchObject({
        confirmedSats: SUBSIDY,
        immatureSats: SUBSIDY - spendable,
        spendableSats: spendable,
        coins: 1,
      });
      expect(await valuesOf(alice)).toEqual(spendable > 0 ? [spendable] : []);
      const sent = await wallet.build({ from: alice, to: bob, amountSats: COIN });
      expect(reasonOf(sent)).toBe(spendable > 0 ? undefined : 'insufficient-funds');
      await mine('bob');
    }
  });

  it('is spent at once where the rule allows it and nobody else mines', async () => {
    await open(easyNetwork({ maturity: 1 }));
    await mine('alice');
    expect((await balance(alice)).spendableSats).toBe(SUBSIDY);
    must(await wallet.send({ from: alice, to: bob, amountSats: COIN }));
  });

  it('is left alone for ten blocks while there are peers', async () => {
    await open(easyNetwork({ maturity: 1 }));
    await mine('alice', 3);
    peers = [{ banned: false, lastSeen: 1_700_000_000 }];
    expect(await balance(alice)).toMatchObject({
      confirmedSats: 3 * SUBSIDY,
      immatureSats: 3 * SUBSIDY,
      spendableSats: 0,
    });
    expect(await valuesOf(alice)).toEqual([]);
    await mine('bob', 7);
    expect(await balance(alice)).toMatchObject({
      immatureSats: 2 * SUBSIDY,
      spendableSats: SUBSIDY,
    });
    expect(await valuesOf(alice)).toEqual([SUBSIDY]);
    peers = [
      { banned: true, lastSeen: 1_700_000_000 },
      { banned: false, lastSeen: 0 },
    ];
    expect((await balance(alice)).spendableSats, 'banned or never seen').toBe(3 * SUBSIDY);
  });

  it('of block 0 is spendable at once: no fork takes it away', async () => {
    await open(easyNetwork({ maturity: 1, payTo: storyKey('alice').hash160 }));
    peers = [{ banned: false, lastSeen: 1_700_000_000 }];
    expect(await balance(alice)).toMatchObject({ confirmedSats: SUBSIDY, spendableSats: SUBSIDY });
    must(await wallet.send({ from: alice, to: bob, amountSats: COIN }));
    await mine('carol');
    expect((await balance(bob)).spendableSats).toBe(COIN);
  });
});

describe('a payment', () => {
  beforeEach(async () => {
    await open(easyNetwork({ maturity: 1 }));
    await mine('alice');
  });

  it('shows in the balances, before and after its block', async () => {
    const { feeSats, changeSats, tx } = must(
      await wallet.send({ from: alice, to: bob, amountSats: COIN }),
    );
    expect(feeSats).toBe(226);
    expect(tx.raw.length).toBeLessThanOrEqual(226);
    expect(await balance(alice)).toEqual({
      address: alice,
      confirmedSats: SUBSIDY,
      immatureSats: 0,
      spendableSats: changeSats,
      pendingInSats: changeSats,
      pendingOutSats: SUBSIDY,
      coins: 1,
    });
    expect(await balance(bob)).toMatchObject({
      confirmedSats: 0,
      spendableSats: 0,
      pendingInSats: COIN,
      pendingOutSats: 0,
      coins: 0,
    });
    await mine('carol');
    const settled = { immatureSats: 0, pendingInSats: 0, pendingOutSats: 0, coins: 1 };
    expect(await balance(alice)).toEqual({
      address: alice,
      confirmedSats: changeSats,
      spendableSats: changeSats,
      ...settled,
    });
    expect(await balance(bob)).toEqual({
      address: bob,
      confirmedSats: COIN,
      spendableSats: COIN,
      ...settled,
    });
  });

  it('may be made of unconfirmed change, not of what others sent', async () => {
    must(await wallet.send({ from: alice, to: bob, amountSats: COIN }));
    const second = must(await wallet.send({ from: alice, to: bob, amountSats: COIN }));
    expect(second.tx.inputs).toHaveLength(1);
    expect(reasonOf(await wallet.send({ from: bob, to: alice, amountSats: COIN }))).toBe(
      'insufficient-funds',
    );
    await mine('carol');
    expect((await balance(bob)).confirmedSats).toBe(2 * COIN);
  });

  it('rather takes confirmed coins than change', async () => {
    await mine('alice');
    must(await wallet.send({ from: alice, to: bob, amountSats: COIN }));
    const confirmed = (await wallet.coins(alice)).filter(({ unconfirmed }) => !unconfirmed);
    expect(confirmed).toHaveLength(1);
    const second = must(await wallet.send({ from: alice, to: bob, amountSats: COIN }));
    expect(second.tx.inputs.map(({ prevout }) => prevout)).toEqual(
      confirmed.map(({ outpoint }) => outpoint),
    );
  });

  it('waits for the one before from the same address', async () => {
    await mine('alice', 2);
    const sent = await Promise.all(
      Array.from({ length: 6 }, () => wallet.send({ from: alice, to: bob, amountSats: 20 * COIN })),
    );
    expect(sent.map(reasonOf)).toEqual(new Array(6).fill(undefined));
    await mine('carol');
    expect((await balance(bob)).confirmedSats).toBe(120 * COIN);
    const fees = sent.reduce((sum, one) => sum + must(one).feeSats, 0);
    expect((await balance(alice)).confirmedSats).toBe(3 * SUBSIDY - 120 * COIN - fees);
  });

  it('may bring a fee of its own, which the mempool judges', async () => {
    const request = { from: alice, to: bob, amountSats: COIN };
    expect(must(await wallet.build({ ...request, feeSats: 0 })).feeSats).toBe(0);
    const none = await wallet.send({ ...request, feeSats: 0 });
    expect(reasonOf(none)).toBe('min relay fee not met');
    expect(must(await wallet.send({ ...request, feeSats: 12_345 })).feeSats).toBe(12_345);
  });

  it('of all that is there leaves nothing', async () => {
    const request = { from: alice, to: bob, amountSats: SUBSIDY - 192 };
    const { changeSats, feeSats } = must(await wallet.send(request));
    expect([changeSats, feeSats]).toEqual([0, 192]);
    await mine('carol');
    expect(await balance(alice)).toMatchObject({ confirmedSats: 0, spendableSats: 0, coins: 0 });
  });

  it('gathers a hundred coins and more', async () => {
    await mine('alice', 119);
    const { tx } = must(await wallet.send({ from: alice, to: bob, amountSats: 5999 * COIN }));
    expect(tx.inputs).toHaveLength(120);
    await mine('carol');
    expect((await balance(bob)).confirmedSats).toBe(5999 * COIN);
  });

  it.each(['x', '', 'mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8'])(
    'has no balance at "%s"',
    async (text) => {
      expect(reasonOf(await wallet.balance(text))).toBe('invalid-address');
      expect(await wallet.coins(text)).toEqual([]);
    },
  );
});
