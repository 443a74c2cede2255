/** Esplora as BDK, bitcoinjs and explorers read it: shapes, statuses, no newline at an end. */
import { describe, expect, it } from 'vitest';
import { fromDisplay, toHex } from '../../../lib/codec/index.ts';
import { scriptHash } from '../../../lib/script/index.ts';
import { OUR_SCRIPT, spend } from './fake-chain.ts';
import { entryOf } from './fake-node.ts';
import { createHarness, type Harness, OTHER, OURS } from './harness.ts';

const OURS_HASH = scriptHash(OUR_SCRIPT);

async function text(app: Harness['app'], path: string): Promise<string> {
  const response = await app.request(`/api${path}`);
  const body = await response.text();
  expect(`${response.status} ${body}`).toMatch(/^200 /);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(response.headers.get('access-control-allow-origin')).toBe('*');
  expect(body).not.toMatch(/\s/);
  return body;
}

// biome-ignore lint/suspicious/noExplicitAny: shapes are what the test looks at
async function json(app: Harness['app'], path: string): Promise<any> {
  const response = await app.request(`/api${path}`);
  const body = await response.text();
  expect(`${response.status} ${body}`).toMatch(/^200 /);
  expect(response.headers.get('content-type')).toBe('application/json');
  return JSON.parse(body);
}

async function refusal(app: Harness['app'], path: string, init?: RequestInit): Promise<string> {
  const response = await app.request(`/api${path}`, init);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  const body = await response.text();
  expect(body).not.toMatch(/\n/);
  expect(body).not.toBe('');
  return `${response.status} ${body}`;
}

describe('blocks', () => {
  it('tells the tip', async () => {
    const { app, blocks } = createHarness();
    expect(await text(app, '/blocks/tip/hash')).toBe(blocks[12]?.entry.hash);
    expect(await text(app, '/blocks/tip/height')).toBe('12');
    expect(await text(app, '/block-height/3')).toBe(blocks[3]?.entry.hash);
    expect(await refusal(app, '/block-height/13')).toBe('404 Block not found');
    expect(await refusal(app, '/block-height/x')).toBe('400 Invalid number');
  });

  it('lists the newest ten', async () => {
    const { app } = createHarness();
    const heights = async (path: string) =>
      (await json(app, path)).map(({ height }: { height: number }) => height);
    expect(await heights('/blocks')).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    expect(await heights('/blocks/4')).toEqual([4, 3, 2, 1, 0]);
    expect(await heights('/blocks/0')).toEqual([0]);
    expect(await refusal(app, '/blocks/13')).toBe('404 Block not found');
    expect(await refusal(app, '/blocks/x')).toBe('400 Invalid number');
  });

  it('shows one as BDK reads it', async () => {
    const { app, blocks } = createHarness();
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    expect(await json(app, `/block/${entry.hash}`)).toEqual({
      id: entry.hash,
      height: 3,
      version: 4,
      timestamp: block.header.time,
      tx_count: 2,
      size: block.raw.length,
      weight: block.raw.length * 4,
      merkle_root: block.header.merkleRoot,
      previousblockhash: blocks[2]?.entry.hash,
      // Of the block itself: the times of genesis and blocks 1 to 3.
      mediantime: blocks[2]?.block.header.time,
      nonce: 3,
      bits: 0x207fffff,
      difficulty: expect.closeTo(4.6565e-10, 14),
    });
    const genesis = await json(app, `/block/${blocks[0]?.entry.hash}`);
    expect(genesis.previousblockhash).toBeNull();
  });

  it('gives header, bytes, ids and status', async () => {
    const { app, blocks } = createHarness();
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    const base = `/block/${entry.hash}`;
    expect(await text(app, `${base}/header`)).toBe(toHex(block.header.raw));
    const raw = await app.request(`/api${base}/raw`);
    expect(raw.headers.get('content-type')).toBe('application/octet-stream');
    expect(toHex(new Uint8Array(await raw.arrayBuffer()))).toBe(toHex(block.raw));
    expect(await json(app, `${base}/txids`)).toEqual(block.txs.map((tx) => tx.txid));
    expect(await text(app, `${base}/txid/1`)).toBe(block.txs[1]?.txid);
    expect(await refusal(app, `${base}/txid/2`)).toBe('404 tx index out of range');
    expect(await json(app, `${base}/status`)).toEqual({
      in_best_chain: true,
      height: 3,
      next_best: blocks[4]?.entry.hash,
    });
    const tip = await json(app, `/block/${blocks[12]?.entry.hash}/status`);
    expect(tip).toEqual({ in_best_chain: true, height: 12, next_best: null });
  });

  it('pages through transactions', async () => {
    const { app, blocks } = createHarness();
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    const txs = await json(app, `/block/${entry.hash}/txs`);
    expect(txs.map(({ txid }: { txid: string }) => txid)).toEqual(block.txs.map((tx) => tx.txid));
    expect(await json(app, `/block/${entry.hash}/txs/0`)).toEqual(txs);
    expect(await refusal(app, `/block/${entry.hash}/txs/25`)).toBe('404 start index out of range');
    expect(await refusal(app, `/block/${entry.hash}/txs/1`)).toMatch(/^400 /);
  });

  it('knows what is not there', async () => {
    const { app } = createHarness();
    const unknown = `/block/${'ab'.repeat(32)}`;
    for (const path of ['', '/header', '/raw', '/txids', '/txid/0', '/txs', '/txs/0']) {
      expect(await refusal(app, unknown + path)).toBe('404 Block not found');
      expect(await refusal(app, `/block/xyz${path}`)).toBe('400 Invalid hex string');
    }
    // esplora-client's own test (test_get_non_existing_block_status).
    expect(await json(app, `${unknown}/status`)).toEqual({
      in_best_chain: false,
      height: null,
      next_best: null,
    });
  });
});

describe('transactions', () => {
  it('shows one as wallets read it', async () => {
    const { app, blocks } = createHarness();
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    const tx = block.txs[1] as (typeof block.txs)[number];
    const from = blocks[1]?.block.txs[0] as (typeof block.txs)[number];
    expect(await json(app, `/tx/${tx.txid}`)).toEqual({
      txid: tx.txid,
      version: 2,
      locktime: 0,
      vin: [
        {
          txid: from.txid,
          vout: 0,
          prevout: {
            scriptpubkey: toHex(OUR_SCRIPT),
            scriptpubkey_asm: `OP_DUP OP_HASH160 OP_PUSHBYTES_20 ${toHex(
              OUR_SCRIPT.slice(3, 23),
            )} OP_EQUALVERIFY OP_CHECKSIG`,
            scriptpubkey_type: 'p2pkh',
            scriptpubkey_address: OURS,
            value: 5_000_000_000,
          },
          scriptsig: toHex(tx.inputs[0]?.scriptSig as Uint8Array),
          scriptsig_asm: expect.stringMatching(/^OP_PUSHBYTES_72 30.* OP_PUSHBYTES_33 02/),
          is_coinbase: false,
          sequence: 0xfffffffd,
        },
      ],
      vout: [
        expect.objectContaining({ scriptpubkey_address: OTHER, value: 4_999_990_000 }),
        expect.objectContaining({ scriptpubkey_address: OURS, value: 1 }),
      ],
      size: tx.raw.length,
      weight: tx.raw.length * 4,
      fee: 9_999,
      status: {
        confirmed: true,
        block_height: 3,
        block_hash: entry.hash,
        block_time: entry.header.time,
      },
    });
    const coinbase = await json(app, `/tx/${from.txid}`);
    expect(coinbase.fee).toBe(0);
    expect(coinbase.vin[0]).toMatchObject({
      txid: '0'.repeat(64),
      vout: 0xffffffff,
      prevout: null,
      is_coinbase: true,
    });
  });

  it('gives hex, bytes, status, proof and spenders', async () => {
    const { app, blocks } = createHarness();
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    const tx = block.txs[1] as (typeof block.txs)[number];
    const base = `/tx/${tx.txid}`;
    expect(await text(app, `${base}/hex`)).toBe(toHex(tx.raw));
    const raw = await app.request(`/api${base}/raw`);
    expect(toHex(new Uint8Array(await raw.arrayBuffer()))).toBe(toHex(tx.raw));
    expect(await json(app, `${base}/status`)).toMatchObject({ block_hash: entry.hash });
    expect(await json(app, `${base}/merkle-proof`)).toEqual({
      block_height: 3,
      merkle: [block.txs[0]?.txid],
      pos: 1,
    });
    const [coinbase] = block.txs;
    // Two leaves: the root's mark and the proven leaf's, both hashes, marks 1 0 1 from the lowest bit.
    expect(await text(app, `${base}/merkleblock-proof`)).toBe(
      `${toHex(entry.header.raw)}0200000002${[coinbase, tx]
        .map((one) => toHex(fromDisplay(one?.txid ?? '')))
        .join('')}0105`,
    );
    expect(await json(app, `${base}/outspends`)).toEqual([{ spent: false }, { spent: false }]);
    const spent = await json(app, `/tx/${blocks[1]?.block.txs[0]?.txid}/outspend/0`);
    expect(spent).toMatchObject({ spent: true, txid: tx.txid, vin: 0 });
    expect(spent.status.confirmed).toBe(true);
    const unknown = `/tx/${'ab'.repeat(32)}`;
    for (const path of ['', '/hex', '/raw', '/outspends']) {
      expect(await refusal(app, unknown + path)).toBe('404 Transaction not found');
      expect(await refusal(app, `/tx/xyz${path}`)).toBe('400 Invalid hex string');
    }
    for (const path of ['/merkle-proof', '/merkleblock-proof']) {
      const message = '404 Transaction not found or is unconfirmed';
      expect(await refusal(app, unknown + path)).toBe(message);
      expect(await refusal(app, `/tx/xyz${path}`)).toBe('400 Invalid hex string');
    }
    // As Blockstream answers, and esplora-client's tests want it: of a bogus id nothing is confirmed.
    expect(await json(app, `${unknown}/status`)).toEqual({ confirmed: false });
    expect(await json(app, `${unknown}/outspend/0`)).toEqual({ spent: false });
  });

  it('takes bare hex and answers the bare id', async () => {
    const { app, script, blocks } = createHarness();
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    const send = (body: string, type?: string) =>
      app.request('/api/tx', {
        method: 'POST',
        body,
        headers: type === undefined ? {} : { 'Content-Type': type },
      });
    for (const type of [undefined, 'text/plain', 'application/x-www-form-urlencoded']) {
      const response = await send(toHex(tx.raw), type);
      expect([response.status, await response.text()]).toEqual([200, tx.txid]);
    }
    expect(await (await send(`${toHex(tx.raw)}\n`)).text()).toBe(tx.txid);
    const post = (body: string) => refusal(app, '/tx', { method: 'POST', body });
    expect(await post('xyz')).toBe('400 Invalid hex string');
    expect(await post('')).toBe('400 Invalid hex string');
    expect(await post('00')).toBe('400 tx-decode-failed');
    expect(await post('00'.repeat(200_000))).toMatch(/^413 /);
    script.txOutcome = { status: 'rejected', reject: { reason: 'dust', kind: 'policy' } };
    expect(await post(toHex(tx.raw))).toBe('400 dust');
    script.txOutcome = { status: 'known', txid: tx.txid };
    expect(await (await send(toHex(tx.raw))).text()).toBe(tx.txid);
  });

  it('shows one that waits, and who spends from it', async () => {
    const { app, waiting, blocks } = createHarness();
    const from = blocks[2]?.block.txs[0] as Parameters<typeof spend>[0];
    const tx = spend(from, 0, 1000n);
    waiting.push(entryOf(tx, 777));
    const shown = await json(app, `/tx/${tx.txid}`);
    expect(shown.status).toEqual({ confirmed: false });
    expect(shown.fee).toBe(5_000_000_000 - 1001);
    expect(await json(app, `/tx/${tx.txid}/status`)).toEqual({ confirmed: false });
    expect(await json(app, `/tx/${from.txid}/outspend/0`)).toEqual({
      spent: true,
      txid: tx.txid,
      vin: 0,
      status: { confirmed: false },
    });
    expect(await refusal(app, `/tx/${tx.txid}/merkle-proof`)).toBe(
      '404 Transaction not found or is unconfirmed',
    );
  });
});

describe('the mempool', () => {
  it('is summed up and listed', async () => {
    const { app, waiting, blocks } = createHarness();
    expect(await json(app, '/mempool')).toEqual({
      count: 0,
      vsize: 0,
      total_fee: 0,
      fee_histogram: [],
    });
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    waiting.push(entryOf(tx, 1000));
    const bytes = tx.raw.length;
    expect(await json(app, '/mempool')).toEqual({
      count: 1,
      vsize: bytes,
      total_fee: 1000,
      fee_histogram: [[1000 / bytes, bytes]],
    });
    expect(await json(app, '/mempool/txids')).toEqual([tx.txid]);
    expect(await json(app, '/mempool/recent')).toEqual([
      { txid: tx.txid, fee: 1000, vsize: bytes, value: 1001 },
    ]);
  });

  it('makes the fee estimates', async () => {
    const { app, waiting, blocks } = createHarness();
    const quiet = await json(app, '/fee-estimates');
    expect(Object.keys(quiet)).toHaveLength(28);
    expect(quiet['1']).toBe(1);
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    for (let i = 0; i < 3; i++) {
      const txid = `${i}`.repeat(64) as typeof tx.txid;
      waiting.push({ ...entryOf(tx, (i + 1) * 6_000_000), txid, bytes: 600_000 });
    }
    const busy = await json(app, '/fee-estimates');
    // The first block has room for 30 a byte alone, the second for 20 too.
    expect([busy['1'], busy['2'], busy['1008']]).toEqual([20, 1, 1]);
  });
});

describe.each([
  ['address', OURS],
  ['scripthash', OURS_HASH],
])('by %s', (kind, name) => {
  const base = `/${kind}/${name}`;

  it('sums up', async () => {
    const { app, waiting, blocks } = createHarness();
    const none = {
      funded_txo_count: 0,
      funded_txo_sum: 0,
      spent_txo_count: 0,
      spent_txo_sum: 0,
      tx_count: 0,
    };
    const chain = {
      funded_txo_count: 13,
      funded_txo_sum: 60_000_000_001,
      spent_txo_count: 1,
      spent_txo_sum: 5_000_000_000,
      tx_count: 13,
    };
    expect(await json(app, base)).toEqual({
      [kind]: name,
      chain_stats: chain,
      mempool_stats: none,
    });
    waiting.push(entryOf(spend(blocks[2]?.block.txs[0] as never, 0, 1000n), 777));
    expect((await json(app, base)).mempool_stats).toEqual({
      funded_txo_count: 1,
      funded_txo_sum: 1,
      spent_txo_count: 1,
      spent_txo_sum: 5_000_000_000,
      tx_count: 1,
    });
  });

  it('lists coins, without those that are being spent', async () => {
    const { app, waiting, blocks } = createHarness();
    const before = await json(app, `${base}/utxo`);
    expect(before).toHaveLength(12);
    expect(before[0]).toEqual({
      txid: expect.stringMatching(/^[0-9a-f]{64}$/),
      vout: 0,
      status: {
        confirmed: true,
        block_height: 12,
        block_hash: blocks[12]?.entry.hash,
        block_time: blocks[12]?.block.header.time,
      },
      value: 5_000_000_000,
    });
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    waiting.push(entryOf(tx, 777));
    const after = await json(app, `${base}/utxo`);
    expect(after).toHaveLength(12);
    expect(after.at(-1)).toEqual({
      txid: tx.txid,
      vout: 1,
      status: { confirmed: false },
      value: 1,
    });
  });

  it('pages history to its end', async () => {
    const { app, waiting, blocks } = createHarness({ blocks: 60 });
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    waiting.push(entryOf(tx, 777));
    const ids = async (path: string): Promise<string[]> =>
      (await json(app, base + path)).map(({ txid }: { txid: string }) => txid);
    const first = await ids('/txs');
    expect(first).toHaveLength(26);
    expect(first[0]).toBe(tx.txid);
    expect(await ids('/txs/chain')).toEqual(first.slice(1));
    expect(await ids('/txs/mempool')).toEqual([tx.txid]);
    const all = first.slice(1);
    for (;;) {
      const page = await ids(`/txs/chain/${all.at(-1)}`);
      all.push(...page);
      if (page.length < 25) break;
    }
    expect(all).toHaveLength(61);
    expect(new Set(all).size).toBe(61);
    expect(await ids(`/txs/chain/${all.at(-1)}`)).toEqual([]);
    // As mempool.space's clients page.
    expect(await ids(`/txs?after_txid=${first.at(-1)}`)).toEqual(all.slice(25, 50));
    expect(await ids(`/txs?after_txid=${all.at(-1)}`)).toEqual([]);
    expect(await refusal(app, `${base}/txs?after_txid=x`)).toBe('400 Invalid hex string');
  });

  it('refuses what is none', async () => {
    const { app } = createHarness();
    for (const path of ['', '/utxo', '/txs', '/txs/chain', '/txs/mempool']) {
      expect(await refusal(app, `/${kind}/nonsense${path}`)).toMatch(/^400 /);
    }
    expect(await refusal(app, `${base}/nothing`)).toBe('404 Not found');
  });
});

describe('an address that nobody used', () => {
  it('is empty, not unknown', async () => {
    const { app } = createHarness();
    expect((await json(app, `/address/${OTHER}`)).chain_stats.tx_count).toBe(1);
    const path = `/scripthash/${'ab'.repeat(32)}`;
    expect((await json(app, path)).chain_stats.tx_count).toBe(0);
    expect(await json(app, `${path}/txs`)).toEqual([]);
    expect(await json(app, `${path}/utxo`)).toEqual([]);
  });
});
