/** Outputs and proofs by JSON-RPC, on the real node. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { descriptorOf } from '../../../lib/api/descriptor.ts';
import { toHex } from '../../../lib/codec/index.ts';
import { opReturnScript } from '../../../lib/script/index.ts';
import { createHarness } from './harness.ts';
import { openReal, type RealApp } from './real-node.ts';
import { call } from './rpc-call.ts';

let real: RealApp;
beforeEach(async () => {
  real = await openReal({ blocks: 5 });
});
afterEach(async () => {
  expect(real.reports).toEqual([]);
  await real.close();
});

const NONE = 'ab'.repeat(32);

describe('gettxout', () => {
  const get = (...args: unknown[]) => real.rpc('gettxout', ...args);

  it('shows a coin of the chain until it is spent, and one of the mempool', async () => {
    const { story } = real.world;
    const from = story.tx('b1').txid;
    const tip = story.block('b5').entry.hash;
    const script = story.script('miner');
    expect(await get(from, 0)).toEqual({
      bestblock: tip,
      confirmations: 5,
      value: 50,
      scriptPubKey: {
        asm: `OP_DUP OP_HASH160 ${toHex(script.subarray(3, 23))} OP_EQUALVERIFY OP_CHECKSIG`,
        desc: descriptorOf(toHex(script), story.key('miner').address),
        hex: toHex(script),
        address: story.key('miner').address,
        type: 'pubkeyhash',
      },
      coinbase: true,
    });
    const tx = story.spend({
      name: 't1',
      inputs: ['b1:0'],
      outputs: [
        { to: 'bob', sats: 4_999_990_000 },
        { to: opReturnScript(Uint8Array.of(1)), sats: 0 },
      ],
    });
    await real.rpc('sendrawtransaction', toHex(tx.raw));
    expect(await get(from, 0)).toBeNull();
    expect(await get(from, 0, false)).toMatchObject({ confirmations: 5 });
    const waiting = { bestblock: tip, confirmations: 0, value: 49.9999, coinbase: false };
    expect(await get(tx.txid, 0)).toMatchObject(waiting);
    expect(await get(tx.txid, 0, false)).toBeNull();
    await real.world.mine({ txs: [tx] });
    expect(await get(from, 0, false)).toBeNull();
    expect(await get(tx.txid, 0, false)).toMatchObject({ confirmations: 1, coinbase: false });
    expect(await get(tx.txid, 1)).toBeNull();
  });

  it('knows no output that is none', async () => {
    const { story } = real.world;
    expect(await get(NONE, 0)).toBeNull();
    expect(await get(story.tx('b1').txid, 1)).toBeNull();
    expect(await get(story.tx('b1').txid, 0xffffffff)).toBeNull();
    await expect(get(NONE, -1)).rejects.toThrow('-1 JSON integer out of range');
    await expect(get('ab', 0)).rejects.toThrow('-8 txid must be of length 64');
  });
});

it('what regtest’s block 0 pays is no coin, as in Bitcoin', async () => {
  const { app, blocks } = createHarness();
  const [genesis] = blocks[0]?.block.txs ?? [];
  expect((await call(app, 'getrawtransaction', [genesis?.txid])).error).toBeNull();
  expect((await call(app, 'gettxout', [genesis?.txid, 0])).result).toBeNull();
});

describe('a proof', () => {
  it('is made and verified, also of several, also in a block that is named', async () => {
    const { story } = real.world;
    const first = story.pay({ name: 't1', from: 'b1:0', to: 'bob', sats: 1000_000 });
    const second = story.pay({ name: 't2', from: 'b2:0', to: 'bob', sats: 1000_000 });
    const { entry, block } = await real.world.mine({ txs: [first, second] });
    for (const chosen of [[first.txid], [second.txid], [first.txid, second.txid]]) {
      const proof = await real.rpc('gettxoutproof', chosen);
      expect(await real.rpc('gettxoutproof', chosen, entry.hash)).toBe(proof);
      expect((await real.rpc('verifytxoutproof', proof)) as string[]).toEqual(
        block.txs.map(({ txid }) => txid).filter((txid) => chosen.includes(txid)),
      );
    }
    expect(await real.text(`/api/tx/${second.txid}/merkleblock-proof`)).toBe(
      await real.rpc('gettxoutproof', [second.txid]),
    );
  });

  it('is of nothing for a block that lost, and for another root', async () => {
    const { story } = real.world;
    const { txid } = story.tx('b5');
    const proof = (await real.rpc('gettxoutproof', [txid])) as string;
    const other = `${proof.slice(0, 72)}${proof[72] === '0' ? '1' : '0'}${proof.slice(73)}`;
    expect(await real.rpc('verifytxoutproof', other)).toEqual([]);
    const lost = story.block('b5').entry.hash;
    for (const on of ['b4', 'c5']) {
      const { block } = story.mine({ name: on === 'b4' ? 'c5' : 'c6', on });
      await real.rpc('submitblock', toHex(block.raw));
    }
    await expect(real.rpc('verifytxoutproof', proof)).rejects.toThrow(
      '-5 Block not found in chain',
    );
    expect(await real.rpc('gettxoutproof', [txid], lost)).toBe(proof);
  });

  it.each([
    ['gettxoutproof', [[]], "-8 Parameter 'txids' cannot be empty"],
    ['gettxoutproof', [[NONE, NONE]], '-8 Invalid parameter, duplicated txid: '],
    ['gettxoutproof', [[NONE]], '-5 Transaction not yet in block'],
    ['gettxoutproof', [[NONE], NONE], '-5 Block not found'],
    ['gettxoutproof', [[5]], '-3 JSON value of type number is not of expected type string'],
    ['gettxoutproof', [['ab']], '-8 txid must be of length 64'],
    ['verifytxoutproof', ['zz'], "-8 proof must be hexadecimal string (not 'zz')"],
    ['verifytxoutproof', ['00'], '-1 '],
  ] as const)('%s of %j is refused', async (method, args, message) => {
    await expect(real.rpc(method, ...args)).rejects.toThrow(message);
  });

  it('wants all of them in the block', async () => {
    const { story } = real.world;
    const ids = [story.tx('b1').txid, story.tx('b2').txid];
    await expect(real.rpc('gettxoutproof', ids)).rejects.toThrow(
      '-5 Not all transactions found in specified or retrieved block',
    );
  });
});
