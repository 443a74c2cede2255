/** Blocks and transactions by JSON-RPC. */
import { describe, expect, it } from 'vitest';
import { descriptorOf } from '../../../lib/api/descriptor.ts';
import { toHex } from '../../../lib/codec/index.ts';
import { OUR_SCRIPT, spend } from './fake-chain.ts';
import { entryOf } from './fake-node.ts';
import { createHarness, OTHER, OURS } from './harness.ts';
import { call } from './rpc-call.ts';

describe('reading the chain', () => {
  it('by count, hash and height', async () => {
    const { app, blocks } = createHarness();
    expect((await call(app, 'getblockcount')).result).toBe(12);
    expect((await call(app, 'getbestblockhash')).result).toBe(blocks[12]?.entry.hash);
    expect((await call(app, 'getblockhash', [3])).result).toBe(blocks[3]?.entry.hash);
    expect((await call(app, 'getdifficulty')).result).toBeCloseTo(4.6565e-10, 14);
    expect((await call(app, 'getchaintips')).result).toEqual([
      { height: 12, hash: blocks[12]?.entry.hash, branchlen: 0, status: 'active' },
    ]);
  });

  it('shows a block at each verbosity', async () => {
    const { app, blocks } = createHarness();
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    for (const level of [0, false]) {
      expect((await call(app, 'getblock', [entry.hash, level])).result).toBe(toHex(block.raw));
    }
    const { result } = await call(app, 'getblock', [entry.hash]);
    expect(result).toMatchObject({
      hash: entry.hash,
      confirmations: 10,
      height: 3,
      version: 4,
      versionHex: '00000004',
      merkleroot: block.header.merkleRoot,
      nonce: 3,
      bits: '207fffff',
      nTx: 2,
      previousblockhash: blocks[2]?.entry.hash,
      nextblockhash: blocks[4]?.entry.hash,
      size: block.raw.length,
      strippedsize: block.raw.length,
      weight: block.raw.length * 4,
      tx: block.txs.map((tx) => tx.txid),
    });
    const full = await call(app, 'getblock', [entry.hash, 2]);
    const [coinbase, payment] = full.result.tx;
    expect(coinbase.vin[0]).toEqual({ coinbase: '02030000', sequence: 0xffffffff });
    expect(coinbase.fee).toBeUndefined();
    expect(payment.fee).toBe(0.00009999);
    expect(full.text).toContain('"fee":0.00009999,');
    expect(full.text).toContain('"value":50.00000000,');
    expect(payment.vin[0].scriptSig.asm.split(' ')).toHaveLength(2);
    expect(payment.vin[0]).not.toHaveProperty('prevout');
    expect(payment.vout[0].scriptPubKey).toEqual({
      asm: `OP_DUP OP_HASH160 ${'07'.repeat(20)} OP_EQUALVERIFY OP_CHECKSIG`,
      desc: 'addr(mgA7SfyBBrVGVSpQ7oqGHPhxpp2gUZWtfc)#78tsw3gs',
      hex: `76a914${'07'.repeat(20)}88ac`,
      address: OTHER,
      type: 'pubkeyhash',
    });
  });

  it('shows what a block’s inputs spent at verbosity 3', async () => {
    const { app, blocks } = createHarness();
    const { result } = await call(app, 'getblock', [blocks[3]?.entry.hash, 3]);
    const [coinbase, payment] = result.tx;
    expect(coinbase.vin[0]).not.toHaveProperty('prevout');
    expect(Object.keys(payment.vin[0])).toEqual([
      'txid',
      'vout',
      'scriptSig',
      'prevout',
      'sequence',
    ]);
    expect(payment.vin[0].prevout).toEqual({
      generated: true,
      height: 1,
      value: 50,
      scriptPubKey: {
        asm: expect.stringMatching(/^OP_DUP OP_HASH160 /),
        desc: descriptorOf(toHex(OUR_SCRIPT), OURS),
        hex: toHex(OUR_SCRIPT),
        address: OURS,
        type: 'pubkeyhash',
      },
    });
    expect(payment.fee).toBe(0.00009999);
  });

  it('shows a header', async () => {
    const { app, blocks } = createHarness();
    const { entry } = blocks[0] as (typeof blocks)[number];
    const raw = await call(app, 'getblockheader', [entry.hash, false]);
    expect(raw.result).toBe(toHex(entry.header.raw));
    const { result } = await call(app, 'getblockheader', [entry.hash]);
    expect(result).toMatchObject({ height: 0, nTx: 1, nextblockhash: blocks[1]?.entry.hash });
    expect(result).not.toHaveProperty('previousblockhash');
  });

  it('sums up', async () => {
    const { app } = createHarness();
    const { result } = await call(app, 'getblockchaininfo');
    expect(result).toMatchObject({
      chain: 'regtest',
      blocks: 12,
      headers: 12,
      initialblockdownload: false,
      verificationprogress: 1,
      size_on_disk: 0,
      pruned: false,
      warnings: [],
    });
    expect(result.chainwork).toMatch(/^[0-9a-f]{64}$/);
  });

  it('tells which rules hold, at the tip or at a block', async () => {
    const { app, blocks } = createHarness();
    const active = { type: 'buried', active: true, height: 1 };
    const deployments = { bip34: active, bip66: active, bip65: active, csv: active };
    const at = (height: number) => {
      const hash = blocks[height]?.entry.hash;
      return { hash, height, deployments };
    };
    expect((await call(app, 'getdeploymentinfo')).result).toEqual(at(12));
    expect((await call(app, 'getdeploymentinfo', [at(3).hash])).result).toEqual(at(3));
    expect((await call(app, 'getdeploymentinfo', ['ab'.repeat(32)])).error.code).toBe(-5);
  });
});

describe('transactions', () => {
  it('are sent, tested and refused as by Core', async () => {
    const { app, script, blocks } = createHarness();
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    const hex = toHex(tx.raw);
    expect((await call(app, 'sendrawtransaction', [hex])).result).toBe(tx.txid);
    expect((await call(app, 'sendrawtransaction', ['00'])).error.code).toBe(-22);
    // 1,000 base units for some 220 bytes are more than this.
    const dear = await call(app, 'sendrawtransaction', [hex, 0.000001]);
    expect(dear.error.code).toBe(-25);
    for (const any of [0, '0', true, false, 0.1]) {
      expect((await call(app, 'sendrawtransaction', [hex, any])).result).toBe(tx.txid);
    }
    script.txOutcome = { status: 'rejected', reject: { reason: 'dust', kind: 'policy' } };
    expect((await call(app, 'sendrawtransaction', [hex])).error).toEqual({
      code: -26,
      message: 'dust',
    });
    script.txOutcome = { status: 'orphan', txid: tx.txid, missing: [] };
    expect((await call(app, 'sendrawtransaction', [hex])).error).toEqual({
      code: -25,
      message: 'bad-txns-inputs-missingorspent',
    });
    const tested = await call(app, 'testmempoolaccept', [[hex]]);
    expect(tested.result).toEqual([
      {
        txid: tx.txid,
        wtxid: tx.txid,
        allowed: true,
        vsize: tx.raw.length,
        fees: {
          base: 1e-5,
          'effective-feerate': Math.floor(1e6 / tx.raw.length) / 1e8,
          'effective-includes': [tx.txid],
        },
      },
    ]);
    const refused = await call(app, 'testmempoolaccept', [[hex], '0.000001']);
    expect(refused.result[0]['reject-reason']).toBe('max-fee-exceeded');
  });

  it.each([
    [1, -8, 'Fee rates larger than or equal to 1BTC/kvB are not accepted'],
    ['1.00000000', -8, 'Fee rates larger than or equal to 1BTC/kvB are not accepted'],
    [-0.01, -3, 'Amount out of range'],
    ['21000001', -3, 'Amount out of range'],
    [1e-9, -3, 'Invalid amount'],
    ['0.1 ', -3, 'Invalid amount'],
    ['.1', -3, 'Invalid amount'],
    [[], -3, 'Amount is not a number or string'],
  ])('are not sent at a maxfeerate of %j', async (rate, code, message) => {
    const { app, script, blocks } = createHarness();
    const hex = toHex(spend(blocks[2]?.block.txs[0] as never, 0, 1000n).raw);
    const error = { code, message };
    expect((await call(app, 'sendrawtransaction', [hex, rate])).error).toEqual(error);
    expect((await call(app, 'testmempoolaccept', [[hex], rate])).error).toEqual(error);
    expect(script.submitted).toEqual([]);
  });

  it('are decoded script by script', async () => {
    const { app } = createHarness();
    expect((await call(app, 'decodescript', [toHex(OUR_SCRIPT)])).result).toEqual({
      asm: `OP_DUP OP_HASH160 ${toHex(OUR_SCRIPT.subarray(3, 23))} OP_EQUALVERIFY OP_CHECKSIG`,
      desc: descriptorOf(toHex(OUR_SCRIPT), OURS),
      address: OURS,
      type: 'pubkeyhash',
    });
    expect((await call(app, 'decodescript', [''])).result).toEqual({
      asm: '',
      desc: 'raw()#58lrscpx',
      type: 'nonstandard',
    });
    expect((await call(app, 'decodescript', ['6'])).error).toEqual({
      code: -8,
      message: "hexstring must be hexadecimal string (not '6')",
    });
  });

  it('may cost what maxfeerate allows, rounded up', async () => {
    const { app, blocks } = createHarness();
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    // The fee is 1,000: ask for the rate that allows exactly this many, by way of its ceiling.
    const rateFor = (fee: number) => Math.floor((fee * 1000) / tx.raw.length) / 1e8;
    const test = async (rate: number) =>
      (await call(app, 'testmempoolaccept', [[toHex(tx.raw)], rate])).result[0].allowed;
    expect(await test(rateFor(1000))).toBe(true);
    expect(await test(rateFor(999))).toBe(false);
  });

  it('are tested only when all of them are transactions', async () => {
    const { app } = createHarness();
    const test = async (hex: unknown) => (await call(app, 'testmempoolaccept', [[hex]])).error;
    const message = 'TX decode failed: ff00 Make sure the tx has at least one input.';
    expect(await test('ff00')).toEqual({ code: -22, message });
    const type = 'JSON value of type number is not of expected type string';
    expect(await test(5)).toEqual({ code: -3, message: type });
  });

  it('are shown from chain and mempool', async () => {
    const { app, waiting, blocks } = createHarness();
    const confirmed = blocks[3]?.block.txs[1];
    const plain = await call(app, 'getrawtransaction', [confirmed?.txid]);
    expect(plain.result).toBe(toHex(confirmed?.raw as Uint8Array));
    const verbose = await call(app, 'getrawtransaction', [confirmed?.txid, true]);
    expect(verbose.result).toMatchObject({
      txid: confirmed?.txid,
      blockhash: blocks[3]?.entry.hash,
      confirmations: 10,
    });
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    expect((await call(app, 'getrawtransaction', [tx.txid])).error.code).toBe(-5);
    waiting.push(entryOf(tx, 500));
    expect((await call(app, 'getrawtransaction', [tx.txid])).result).toBe(toHex(tx.raw));
    const decoded = await call(app, 'decoderawtransaction', [toHex(tx.raw)]);
    expect(decoded.result.txid).toBe(tx.txid);
  });

  it('are looked for in the block that is named, and nowhere else', async () => {
    const { app, waiting, blocks } = createHarness();
    const txid = blocks[3]?.block.txs[1]?.txid;
    const get = (verbosity: unknown, hash?: string, id: unknown = txid) =>
      call(app, 'getrawtransaction', [id, verbosity, hash]);
    const here = blocks[3]?.entry.hash;
    expect((await get(1, here)).result).toMatchObject({ txid, in_active_chain: true });
    expect((await get(1)).result).not.toHaveProperty('in_active_chain');
    expect((await get(0, here)).result).toBe(toHex(blocks[3]?.block.txs[1]?.raw as Uint8Array));
    const elsewhere = {
      code: -5,
      message:
        'No such transaction found in the provided block. Use gettransaction for wallet transactions.',
    };
    expect((await get(1, blocks[2]?.entry.hash)).error).toEqual(elsewhere);
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    waiting.push(entryOf(tx, 500));
    expect((await get(0, here, tx.txid)).error).toEqual(elsewhere);
    const unknown = { code: -5, message: 'Block hash not found' };
    expect((await get(1, 'ab'.repeat(32))).error).toEqual(unknown);
    expect((await get(1, 'ab')).error.code).toBe(-8);
  });

  it('show fee and prevouts at verbosity 2, once confirmed', async () => {
    const { app, waiting, blocks } = createHarness();
    const { entry, block } = blocks[3] as (typeof blocks)[number];
    const at = async (verbosity: number, txid = block.txs[1]?.txid) =>
      (await call(app, 'getrawtransaction', [txid, verbosity])).result;
    const shown = await at(2);
    expect(shown).toMatchObject({ fee: 0.00009999, blockhash: entry.hash });
    expect(shown.vin[0].prevout).toMatchObject({ generated: true, height: 1, value: 50 });
    const { fee, vin, ...rest } = shown;
    const { prevout, ...input } = vin[0];
    expect(await at(1)).toEqual({ ...rest, vin: [input] });
    expect(await at(2, block.txs[0]?.txid)).toEqual(await at(1, block.txs[0]?.txid));
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    waiting.push(entryOf(tx, 500));
    expect(await at(2, tx.txid)).toEqual(await at(1, tx.txid));
  });

  it('wait in the mempool', async () => {
    const { app, waiting, blocks } = createHarness();
    const parent = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    const child = spend(parent, 1, 10n);
    waiting.push(entryOf(parent, 500), { ...entryOf(child, 700), parents: [parent.txid] });
    expect((await call(app, 'getrawmempool')).result).toEqual([parent.txid, child.txid]);
    const { result, text } = await call(app, 'getrawmempool', [true]);
    expect(result[parent.txid]).toMatchObject({
      descendantcount: 2,
      ancestorcount: 1,
      depends: [],
      spentby: [child.txid],
      'bip125-replaceable': true,
    });
    expect(text).toContain('"fees":{"base":0.00000700,"modified":0.00000700,"ancestor":0.00001200');
    const entry = await call(app, 'getmempoolentry', [child.txid]);
    expect(entry.result).toEqual(result[child.txid]);
    const unknown = ['ab'.repeat(32)];
    for (const [method, of, txid] of [
      ['getmempoolancestors', child, parent.txid],
      ['getmempooldescendants', parent, child.txid],
    ] as const) {
      expect((await call(app, method, [of.txid])).result).toEqual([txid]);
      expect((await call(app, method, [of.txid, true])).result).toEqual({ [txid]: result[txid] });
      expect((await call(app, method, [txid])).result).toEqual([]);
      expect((await call(app, method, unknown)).error.message).toBe('Transaction not in mempool');
    }
    expect((await call(app, 'getmempoolentry', unknown)).error.code).toBe(-5);
    const info = await call(app, 'getmempoolinfo');
    expect(info.result).toMatchObject({ size: 2, loaded: true, maxmempool: 300_000_000 });
    expect(info.text).toContain('"minrelaytxfee":0.00001000,"incrementalrelayfee":0.00001000');
    expect(info.text).toContain('"mempoolminfee":0.00001000');
    const estimate = { feerate: 1e-5, blocks: 6 };
    expect((await call(app, 'estimatesmartfee', [6])).result).toEqual(estimate);
    expect((await call(app, 'estimatesmartfee', [6, 'ECONOMICAL'])).result).toEqual(estimate);
    expect((await call(app, 'estimatesmartfee', [6, 'cheap'])).error).toEqual({
      code: -8,
      message:
        'Invalid estimate_mode parameter, must be one of: "unset", "economical", "conservative"',
    });
  });
});
