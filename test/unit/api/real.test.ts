/** The HTTP face on a real chain: what is handed in is judged by the rules, what is read is there. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import * as schemas from '../../../lib/api/schemas.ts';
import { SnapshotView } from '../../../lib/chain/view.ts';
import { decodeTx, fromHex, toHex } from '../../../lib/codec/index.ts';
import { assembleBlock } from '../../../lib/mining/assemble.ts';
import type { Template } from '../../../lib/mining/types.ts';
import { opReturnScript, scriptHash } from '../../../lib/script/index.ts';
import type { Block, BlockHash, Sats } from '../../../lib/types.ts';
import { mineHeader } from '../../helpers/chain-builder.ts';
import { bytes, must } from '../../helpers/vectors.ts';
import { BEARER, codeOf } from './harness.ts';
import { openReal, type RealApp } from './real-node.ts';

// biome-ignore lint/suspicious/noExplicitAny: shapes are what the test looks at
type Any = any;
let real: RealApp;
beforeEach(async () => {
  real = await openReal({ blocks: 5 });
});
afterEach(async () => {
  expect(real.reports).toEqual([]);
  await real.close();
});

const hexOf = (block: Block): string => toHex(block.raw);
const tip = (): Promise<unknown> => real.rpc('getbestblockhash');

/** A block from the template's fields alone, as a foreign miner makes it. */
function blockOf(json: Any, payTo: string, change: Partial<Template> = {}): Block {
  const template: Template = {
    id: json.longpollid,
    version: json.version,
    prevHash: json.previousblockhash as BlockHash,
    height: json.height,
    bits: Number.parseInt(json.bits, 16),
    target: BigInt(`0x${json.target}`),
    curTime: json.curtime,
    minTime: json.mintime,
    coinbaseValue: json.coinbasevalue as Sats,
    coinbaseFlags: json.coinbaseaux.flags.slice(2),
    txs: json.transactions.map(({ data }: { data: string }) => {
      const tx = must(decodeTx(bytes(data)));
      return { entry: { tx, txid: tx.txid }, sigops: 0, depends: [] };
    }),
    ...change,
  };
  const options = { payTo: real.world.story.script(payTo), extraNonce: Uint8Array.of(1, 2, 3, 4) };
  const { header } = assembleBlock(template, options);
  return assembleBlock(template, { ...options, nonce: mineHeader(header).nonce });
}

it('outspends of many outputs read each block and each script once', async () => {
  const { story } = real.world;
  const outputs = Array.from({ length: 60 }, () => ({ to: 'alice', sats: 10_000 }));
  const wide = story.spend({ name: 'wide', inputs: ['b1:0'], outputs });
  await real.world.mine({ txs: [wide] });
  const inputs = Array.from({ length: 50 }, (_, i) => `wide:${i}`);
  const spender = story.spend({ inputs, outputs: [{ to: 'bob', sats: 1000 }] });
  const mined = await real.world.mine({ txs: [spender] });
  const waiting = story.pay({ from: 'wide:50', to: 'bob', sats: 1000, fee: 9000 });
  await real.post('/v1/transactions', { hex: toHex(waiting.raw) }, 202);
  const locate = vi.spyOn(SnapshotView.prototype, 'locate');
  const all = (await real.get(`/api/tx/${wide.txid}/outspends`)) as Any;
  const looked = locate.mock.calls.length;
  locate.mockRestore();
  expect(all).toHaveLength(60);
  expect(all[49]).toEqual({
    spent: true,
    txid: spender.txid,
    vin: 49,
    status: {
      confirmed: true,
      block_height: mined.entry.height,
      block_hash: mined.entry.hash,
      block_time: mined.entry.header.time,
    },
  });
  const unconfirmed = { spent: true, txid: waiting.txid, vin: 0, status: { confirmed: false } };
  expect(all.slice(50)).toEqual([unconfirmed, ...Array(9).fill({ spent: false })]);
  expect(looked).toBeLessThan(5);
});

it.each(['/api/address/', '/v1/addresses/'])(
  '%s reads a parent of waiting inputs once',
  async (path) => {
    const { story } = real.world;
    const outputs = Array.from({ length: 60 }, () => ({ to: 'carol', sats: 10_000 }));
    const wide = story.spend({ name: 'wide', inputs: ['b1:0'], outputs });
    await real.world.mine({ txs: [wide] });
    const inputs = Array.from({ length: 50 }, (_, i) => `wide:${i}`);
    const spender = story.spend({ inputs, outputs: [{ to: 'bob', sats: 1000 }] });
    await real.post('/v1/transactions', { hex: toHex(spender.raw) }, 202);
    const locate = vi.spyOn(SnapshotView.prototype, 'locate');
    const found = (await real.get(`${path}${story.key('carol').address}`)) as Any;
    const looked = locate.mock.calls.length;
    locate.mockRestore();
    if (path === '/v1/addresses/') expect(found.pendingOutSats).toBe(500_000);
    else expect(found.mempool_stats).toMatchObject({ spent_txo_count: 50, spent_txo_sum: 500_000 });
    expect(looked).toBeLessThan(6);
  },
);

it('testmempoolaccept names a missing parent in its own way', async () => {
  const { story } = real.world;
  const parent = story.pay({ name: 'never sent', from: 'b1:0', to: 'bob', sats: 1000_000 });
  const child = story.pay({ from: `${parent.txid}:0`, to: 'bob', sats: 1000, fee: 5000 });
  const [told] = (await real.rpc('testmempoolaccept', [toHex(child.raw)])) as Any;
  expect(told).toMatchObject({ allowed: false, 'reject-reason': 'missing-inputs' });
});

describe('a miner', () => {
  it('takes a template, has it judged, hands the block in', async () => {
    const before = (await real.rpc('getblocktemplate', { rules: ['segwit'] })) as Any;
    expect(before.height).toBe(6);
    const good = blockOf(before, 'miner');
    expect(await real.rpc('getblocktemplate', { mode: 'proposal', data: hexOf(good) })).toBeNull();
    const greedy = blockOf(before, 'miner', {
      coinbaseValue: (before.coinbasevalue + 1) as Sats,
    });
    const proposal = { mode: 'proposal', data: hexOf(greedy) };
    expect(await real.rpc('getblocktemplate', proposal)).toBe('bad-cb-amount');
    expect(await real.rpc('submitblock', hexOf(greedy))).toBe('bad-cb-amount');
    expect(await real.rpc('submitblock', hexOf(good))).toBeNull();
    expect(await tip()).toBe(good.header.hash);
    expect(await real.rpc('submitblock', hexOf(good))).toBe('duplicate');
    const after = (await real.rpc('getblocktemplate', { longpollid: before.longpollid })) as Any;
    expect(after.height).toBe(7);
    expect(after.longpollid).not.toBe(before.longpollid);
  });

  it('mines a transaction and earns its fee', async () => {
    const { story } = real.world;
    const tx = story.pay({ name: 't1', from: 'b1:0', to: 'bob', sats: 1000_000, fee: 5000 });
    const sent = await real.post('/v1/transactions', { hex: toHex(tx.raw) }, 202);
    expect(sent).toEqual({ txid: tx.txid });
    await real.post('/v1/transactions', { hex: toHex(tx.raw) }, 200);
    const { vin } = (await real.rpc('getrawtransaction', tx.txid, 1)) as Any;
    expect(vin[0].scriptSig.asm).toMatch(/^30[0-9a-f]+\[ALL\] 0[23][0-9a-f]{64}$/);
    const filled = (await real.rpc('getrawmempool', false, true)) as Any;
    expect(filled).toEqual({ txids: [tx.txid], mempool_sequence: expect.any(Number) });
    expect(Number.isSafeInteger(filled.mempool_sequence)).toBe(true);
    await expect(real.rpc('getrawmempool', true, true)).rejects.toThrow(
      '-8 Verbose results cannot contain mempool sequence values.',
    );
    const [coin, other] = [
      { txid: story.tx('b1').txid, vout: 0 },
      { txid: tx.txid, vout: 1 },
    ];
    expect(await real.rpc('gettxspendingprevout', [coin, other])).toEqual([
      { ...coin, spendingtxid: tx.txid },
      other,
    ]);
    const template = (await real.rpc('getblocktemplate')) as Any;
    expect(template.transactions).toEqual([
      expect.objectContaining({ txid: tx.txid, fee: 5000, sigops: 2, depends: [] }),
    ]);
    expect(template.coinbasevalue).toBe(5_000_005_000);
    expect(await real.rpc('submitblock', hexOf(blockOf(template, 'miner')))).toBeNull();
    const shown = (await real.get(`/v1/transactions/${tx.txid}`)) as Any;
    expect(schemas.TxAnswer.safeParse(shown).error).toBeUndefined();
    expect(shown).toMatchObject({ feeSats: 5000, status: { confirmed: true, height: 6 } });
    expect(await real.rpc('getrawmempool')).toEqual([]);
    const emptied = (await real.rpc('getrawmempool', false, true)) as Any;
    expect(emptied.txids).toEqual([]);
    expect(emptied.mempool_sequence).not.toBe(filled.mempool_sequence);
    const again = real.rpc('sendrawtransaction', toHex(tx.raw));
    await expect(again).rejects.toThrow('-27 Transaction outputs already in utxo set');
  });

  it('is told what is wrong with an output', async () => {
    const ask = (...args: unknown[]) => real.rpc('gettxspendingprevout', ...args);
    const txid = 'ab'.repeat(32);
    await expect(ask([])).rejects.toThrow('-8 Invalid parameter, outputs are missing');
    await expect(ask([{ txid, vout: -1 }])).rejects.toThrow('-8 Invalid parameter, vout cannot');
    await expect(ask([{ txid }])).rejects.toThrow('-3 ');
    await expect(ask([{ txid: 'ab', vout: 0 }])).rejects.toThrow('-8 txid must be of length 64');
    await expect(ask(['ab'])).rejects.toThrow('-3 ');
  });

  it('is told what is wrong with a block', async () => {
    const { story } = real.world;
    const bad: readonly (readonly [string, Block])[] = [
      ['bad-version(0x00000003)', story.build({ version: 3 })],
      [
        'bad-cb-height',
        story.build({
          coinbase: (of) => ({
            ...of,
            inputs: [{ ...of.inputs[0]!, scriptSig: Uint8Array.of(1, 9) }],
          }),
        }),
      ],
      ['time-too-old', story.build({ time: 1 })],
      [
        'bad-txnmrklroot',
        story.build({ header: (of) => ({ ...of, merkleRoot: of.prevHash as Any }) }),
      ],
      ['high-hash', story.build({ unmined: true })],
    ];
    for (const [reason, block] of bad) {
      expect(await real.rpc('submitblock', hexOf(block))).toBe(reason);
      const refused = (await real.post('/v1/blocks', { hex: hexOf(block) }, 400)) as Any;
      expect(schemas.ProblemSchema.safeParse(refused).error).toBeUndefined();
      expect(['duplicate-invalid', reason.split('(')[0]]).toContain(refused.code);
    }
    expect(await tip()).toBe(story.block('b5').entry.hash);
  });

  it('may work on another branch; the tip follows the work', async () => {
    const { story } = real.world;
    const side = story.mine({ name: 'a5', on: 'b4', payTo: 'alice' });
    expect(await real.rpc('submitblock', hexOf(side.block))).toBe('inconclusive');
    const raw = await real.get(`/v1/blocks/${side.entry.hash}`);
    expect(schemas.SeedBlockSchema.safeParse(raw).error).toBeUndefined();
    expect(await real.get(`/api/block/${side.entry.hash}/status`)).toEqual({
      in_best_chain: false,
      height: null,
      next_best: null,
    });
    expect(((await real.rpc('getblock', side.entry.hash)) as Any).confirmations).toBe(-1);
    expect(await real.rpc('getchaintips')).toHaveLength(2);
    const next = story.mine({ name: 'a6', on: 'a5' });
    const later = story.mine({ name: 'a7', on: 'a6' });
    expect(await real.rpc('submitblock', hexOf(later.block))).toBe('prev-blk-not-found');
    await real.rpc('submitblock', hexOf(next.block));
    expect([next.entry.hash, later.entry.hash]).toContain(await tip());
    expect(await real.text('/api/block-height/5')).toBe(side.entry.hash);
    const lost = story.block('b5').entry.hash;
    expect(((await real.rpc('getblockheader', lost)) as Any).confirmations).toBe(-1);
  });

  it('has blocks made on command', async () => {
    const address = real.world.story.key('alice').address;
    const { hashes } = (await real.post('/v1/mine', { blocks: 3, address })) as Any;
    expect(hashes).toHaveLength(3);
    expect(await real.text('/api/blocks/tip/hash')).toBe(hashes[2]);
    const more = (await real.rpc('generatetoaddress', 2, address)) as string[];
    expect(await tip()).toBe(more[1]);
    expect(await real.rpc('getblockcount')).toBe(10);
  });
});

describe('a wallet', () => {
  it('gets an address, is paid, pays', async () => {
    const { address, path } = (await real.post('/v1/wallets', {}, 201)) as Any;
    expect(path).toBe("m/44'/1'/0'/0/0");
    await real.post('/v1/mine', { blocks: 3, address });
    const held = (await real.get(`/v1/addresses/${address}`)) as Any;
    expect(schemas.AddressSchema.safeParse(held).error).toBeUndefined();
    expect(held).toMatchObject({ confirmedSats: 15_000_000_000, coins: 3 });
    const to = real.world.story.key('bob').address;
    const payment = { to, amountSats: 123_456_789, feeSats: 1000 };
    const sent = (await real.post(`/v1/wallets/${address}/send`, payment, 202)) as Any;
    expect(schemas.SendAnswer.safeParse(sent).error).toBeUndefined();
    expect(sent.feeSats).toBe(1000);
    const waiting = (await real.get(`/v1/addresses/${to}`)) as Any;
    expect(waiting).toMatchObject({ confirmedSats: 0, pendingInSats: 123_456_789 });
    const too = { to, amountSats: 20_000_000_000 };
    const refused = (await real.post(`/v1/wallets/${address}/send`, too, 422)) as Any;
    expect(refused.code).toBe('insufficient-funds');
    await real.post('/v1/mine', { blocks: 1, address });
    expect(await real.get(`/v1/addresses/${to}`)).toMatchObject({ confirmedSats: 123_456_789 });
    const wallets = (await real.get('/v1/wallets')) as Any;
    expect(schemas.WalletList.safeParse(wallets).error).toBeUndefined();
    expect(wallets.items[0].address).toBe(address);
  });
});

describe('a node', () => {
  it('shows itself, its network, its peers, its health', async () => {
    const status = schemas.NodeSchema.parse(await real.get('/v1/node'));
    expect(status).toMatchObject({ name: 'real', height: 5, headers: 5, peers: 0, syncing: false });
    const network = schemas.NetworkSchema.parse(await real.get('/v1/network'));
    expect(network.genesis).toBe(toHex(real.world.story.params.genesis));
    expect(schemas.PeerList.parse(await real.get('/v1/peers'))).toEqual({ items: [], next: null });
    expect(schemas.MempoolSchema.parse(await real.get('/v1/mempool')).count).toBe(0);
    expect(await real.get('/readyz')).toEqual({ status: 'ok' });
    const info = (await real.rpc('getblockchaininfo')) as Any;
    expect(info).toMatchObject({ blocks: 5, headers: 5, initialblockdownload: false });
    expect(info.chainwork).toBe(status.chainwork);
    expect(info.difficulty).toBe(status.difficulty);
  });

  it('takes gossip of its network and no other', async () => {
    const genesis = real.world.story.params.genesisHash;
    const ping = { v: 1, from: 'somebody', type: 'ping', payload: 'AQIDBAUGBwg=' };
    const send = (network: string, status: number): Promise<Any> =>
      real.post('/v1/gossip', { envelopes: [{ ...ping, network }] }, status);
    const replies = schemas.GossipAnswer.parse(await send(genesis, 200));
    expect(replies.envelopes).toEqual([
      expect.objectContaining({ type: 'pong', payload: ping.payload, network: genesis }),
    ]);
    expect((await send('ab'.repeat(32), 403)).code).toBe('wrong-network');
  });
});

describe('an explorer', () => {
  it('follows a payment from the mempool into the chain and back to life after a fork', async () => {
    const { story } = real.world;
    const tx = story.spend({
      name: 't1',
      inputs: ['b1:0'],
      outputs: [
        { to: 'bob', sats: 4_000_000_000 },
        { to: opReturnScript(Uint8Array.of(1, 2, 3)), sats: 0 },
        { to: 'miner', sats: 999_990_000 },
      ],
    });
    const sent = await real.app.request('/api/tx', { method: 'POST', body: toHex(tx.raw) });
    expect(await sent.text()).toBe(tx.txid);
    expect(await real.get(`/api/tx/${tx.txid}/status`)).toEqual({ confirmed: false });
    expect(await real.get('/api/mempool/txids')).toEqual([tx.txid]);
    const block = await real.world.template();
    await real.rpc('submitblock', hexOf(block));
    const shown = (await real.get(`/api/tx/${tx.txid}`)) as Any;
    expect(shown).toMatchObject({ fee: 10_000, status: { block_hash: block.header.hash } });
    expect(shown.vin[0].prevout.value).toBe(5_000_000_000);
    expect(shown.vout[1]).toMatchObject({ scriptpubkey_type: 'op_return', value: 0 });
    const seed = (await real.get(`/v1/blocks/${block.header.hash}`)) as Any;
    expect(schemas.SeedBlockSchema.safeParse(seed).error).toBeUndefined();
    expect(seed.txs[1].outputs[1]).toEqual({
      idx: 1,
      value: 0,
      pubKeyHash: '',
      scriptPubKey: '6a03010203',
    });
    const proof = (await real.get(`/api/tx/${tx.txid}/merkle-proof`)) as Any;
    expect(proof).toEqual({ block_height: 6, merkle: [block.txs[0]?.txid], pos: 1 });
    const bob = story.key('bob');
    expect(await real.get(`/api/address/${bob.address}/utxo`)).toEqual([
      { txid: tx.txid, vout: 0, status: shown.status, value: 4_000_000_000 },
    ]);
    expect(await real.get(`/api/scripthash/${scriptHash(bob.script)}/txs`)).toEqual([shown]);
    const spent = `/api/tx/${story.tx('b1').txid}/outspend/0`;
    expect(await real.get(spent)).toMatchObject({ spent: true, txid: tx.txid, vin: 0 });
    // Block 6 loses: the payment waits again, and is never unknown.
    const first = story.mine({ name: 'c6', on: 'b5' });
    const second = story.mine({ name: 'c7', on: 'c6' });
    await real.rpc('submitblock', hexOf(first.block));
    await real.rpc('submitblock', hexOf(second.block));
    expect(await tip()).toBe(second.entry.hash);
    expect(await real.get(`/api/tx/${tx.txid}/status`)).toEqual({ confirmed: false });
    expect(await real.get('/api/mempool/txids')).toEqual([tx.txid]);
    expect(await real.get(`/api/address/${bob.address}/utxo`)).toEqual([
      { txid: tx.txid, vout: 0, status: { confirmed: false }, value: 4_000_000_000 },
    ]);
    // The block that lost can still be read, with what its inputs spent.
    const named = (await real.rpc('getrawtransaction', tx.txid, 2, block.header.hash)) as Any;
    expect(named).toMatchObject({ in_active_chain: false, confirmations: 0, fee: 0.0001 });
    expect(named).not.toHaveProperty('blocktime');
    expect(named.vin[0].prevout).toMatchObject({ generated: true, height: 1, value: 50 });
    const lost = (await real.get(`/api/block/${block.header.hash}/txs`)) as Any;
    const status = { confirmed: false };
    expect(lost[1]).toMatchObject({ txid: tx.txid, fee: 10_000, status });
  });

  it('pages through what an address got, 25 at a time', async () => {
    const address = real.world.story.key('carol').address;
    await real.post('/v1/mine', { blocks: 60, address });
    const base = `/api/address/${address}`;
    const ids = async (path: string): Promise<string[]> =>
      ((await real.get(base + path)) as { txid: string }[]).map(({ txid }) => txid);
    const all = await ids('/txs');
    for (let page = all; page.length === 25; all.push(...page)) {
      page = await ids(`/txs/chain/${all.at(-1)}`);
    }
    expect(all).toHaveLength(60);
    expect(new Set(all).size).toBe(60);
    expect(await real.get(`${base}/utxo`)).toHaveLength(60);
    const stats = (await real.get(base)) as Any;
    expect(stats.chain_stats).toEqual({
      funded_txo_count: 60,
      funded_txo_sum: 60 * 5_000_000_000,
      spent_txo_count: 0,
      spent_txo_sum: 0,
      tx_count: 60,
    });
    const pages = (await real.get('/v1/blocks?limit=100')) as Any;
    expect(pages.items).toHaveLength(66);
  });

  it('reads every form of a block alike', async () => {
    const hash = real.world.story.block('b3').entry.hash;
    const hex = (await real.rpc('getblock', hash, 0)) as string;
    const raw = await real.app.request(`/v1/blocks/${hash}/raw`);
    const esplora = await real.app.request(`/api/block/${hash}/raw`);
    expect(toHex(new Uint8Array(await raw.arrayBuffer()))).toBe(hex);
    expect(toHex(new Uint8Array(await esplora.arrayBuffer()))).toBe(hex);
    const header = toHex((fromHex(hex) as Uint8Array).subarray(0, 80));
    expect(await real.text(`/api/block/${hash}/header`)).toBe(header);
    expect(await real.rpc('getblockheader', hash, false)).toBe(header);
    expect(await real.get(`/v1/blocks/${hash}`)).toEqual(await real.get('/v1/blocks/3'));
  });
});

it('a peer’s id that no row can have is refused by its form, before the store refuses it', async () => {
  for (const id of ['%00', '%C3%BC', 'a%20b', 'x'.repeat(257)]) {
    const init = { method: 'DELETE', headers: BEARER };
    const response = await real.app.request(`/v1/peers/${id}`, init);
    expect(await codeOf(response)).toBe('400 invalid-request');
  }
});
