/** What a miner asks of JSON-RPC. */
import { describe, expect, it } from 'vitest';
import { fromDisplay, toHex } from '../../../lib/codec/index.ts';
import type { BlockHash } from '../../../lib/types.ts';
import { spend } from './fake-chain.ts';
import { entryOf } from './fake-node.ts';
import { createHarness, OURS } from './harness.ts';
import { call } from './rpc-call.ts';

describe('mining', () => {
  it('holds a long poll until the tip moves', async () => {
    const { app, script, emit, blocks } = createHarness({ sleep: () => new Promise(() => {}) });
    const known = script.templateId;
    let answered = false;
    const waiting = call(app, 'getblocktemplate', [{ longpollid: known }]).finally(() => {
      answered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answered).toBe(false);
    // A hint without news wakes nobody.
    emit({ type: 'tip', hash: blocks[12]?.entry.hash as BlockHash, height: 12 });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(answered).toBe(false);
    script.templateId = `${'cd'.repeat(32)}0`;
    emit({ type: 'tip', hash: blocks[12]?.entry.hash as BlockHash, height: 12 });
    expect((await waiting).result.longpollid).toBe(script.templateId);
  });

  it('finds what another process moved, and ends in its time', async () => {
    const { app, script, sleeps } = createHarness();
    const known = script.templateId;
    await call(app, 'getblocktemplate', [{ longpollid: known }]);
    expect(sleeps).toEqual([500, 500, 500, 500]);
    const other = createHarness({
      async sleep() {
        other.script.templateId = `${'cd'.repeat(32)}0`;
      },
    });
    const { result } = await call(other.app, 'getblocktemplate', [{ longpollid: known }]);
    expect(result.longpollid).toBe(other.script.templateId);
  });

  it('gathers transactions for a moment', async () => {
    const { app, script, sleeps } = createHarness();
    const known = script.templateId;
    script.templateId = `${known.slice(0, 64)}1`;
    await call(app, 'getblocktemplate', [{ longpollid: known }]);
    expect(sleeps).toEqual([500]);
    script.templateId = `${'cd'.repeat(32)}0`;
    await call(app, 'getblocktemplate', [{ longpollid: known }]);
    await call(app, 'getblocktemplate', [{ longpollid: 'of another node' }]);
    expect(sleeps).toEqual([500]);
  });

  it('lists the template’s transactions', async () => {
    const { app, waiting, blocks } = createHarness();
    const tx = spend(blocks[2]?.block.txs[0] as never, 0, 1000n);
    waiting.push(entryOf(tx, 777));
    const { result } = await call(app, 'getblocktemplate', [{}]);
    expect(result.transactions).toEqual([
      {
        data: toHex(tx.raw),
        txid: tx.txid,
        hash: tx.txid,
        depends: [],
        fee: 777,
        sigops: 2,
        weight: tx.raw.length * 4,
      },
    ]);
  });

  it('says so when there is no template', async () => {
    const { app, script } = createHarness();
    script.template = { ok: false, reject: { reason: 'clock', kind: 'early' } };
    expect((await call(app, 'getblocktemplate')).error).toEqual({
      code: -1,
      message: 'no template now: clock',
    });
    for (const mode of ['x', 5]) {
      expect((await call(app, 'getblocktemplate', [{ mode }])).error).toEqual({
        code: -8,
        message: 'Invalid mode',
      });
    }
    expect((await call(app, 'getblocktemplate', [{ mode: null }])).error.code).toBe(-1);
  });

  it('judges proposals', async () => {
    const { app, script, blocks } = createHarness();
    const propose = async (data: unknown) =>
      call(app, 'getblocktemplate', [{ mode: 'proposal', data }]);
    expect((await propose(undefined)).error.code).toBe(-3);
    expect((await propose('00')).error).toEqual({ code: -22, message: 'Block decode failed' });
    const known = blocks[12]?.block.raw as Uint8Array;
    expect((await propose(toHex(known))).result).toBe('duplicate');
    const stale = blocks[12]?.block.raw.slice() as Uint8Array;
    stale[79] = 1;
    expect((await propose(toHex(stale))).result).toBe('inconclusive-not-best-prevblk');
    const next = stale.slice();
    next.set(fromDisplay(blocks[12]?.entry.hash ?? ''), 4);
    expect((await propose(toHex(next))).result).toBeNull();
    script.proposal = { ok: false, reject: { reason: 'bad-cb-height', kind: 'consensus' } };
    expect((await propose(toHex(next))).result).toBe('bad-cb-height');
  });

  it('takes a block and says what became of it', async () => {
    const { app, script, blocks } = createHarness();
    const hash = blocks[1]?.entry.hash as BlockHash;
    const entry = blocks[1]?.entry as (typeof blocks)[number]['entry'];
    const change = {
      version: 1,
      from: entry,
      to: entry,
      disconnected: [],
      connected: [hash],
      returned: [],
      confirmed: [],
    };
    const cases = [
      [{ status: 'tip', hash, change }, null],
      [{ status: 'known', hash }, 'duplicate'],
      [{ status: 'side', hash }, 'inconclusive'],
      [{ status: 'inconclusive', hash }, 'inconclusive'],
      [{ status: 'orphan', hash }, 'prev-blk-not-found'],
      [
        {
          status: 'rejected',
          hash,
          reject: { reason: 'bad-version(0x00000001)', kind: 'consensus' },
        },
        'bad-version(0x00000001)',
      ],
    ] as const;
    for (const [outcome, result] of cases) {
      script.blockOutcome = outcome;
      expect(await call(app, 'submitblock', ['00', 'workid'])).toMatchObject({
        result,
        error: null,
        status: 200,
      });
    }
    script.blockOutcome = {
      status: 'rejected',
      reject: { reason: 'block-decode-failed', kind: 'mutated' },
    };
    expect((await call(app, 'submitblock', ['00'])).error.code).toBe(-22);
    expect((await call(app, 'submitblock', ['zz'])).error.code).toBe(-22);
  });

  it('mines on command', async () => {
    const { app } = createHarness();
    expect((await call(app, 'generatetoaddress', [2, OURS])).result).toHaveLength(2);
    expect((await call(app, 'generatetoaddress', [0, OURS])).result).toEqual([]);
    expect((await call(app, 'generatetoaddress', [1, 'x'])).error.code).toBe(-5);
    expect((await call(app, 'generatetoaddress', [-1, OURS])).error.code).toBe(-8);
    const host = createHarness({ generate: undefined as never });
    expect((await call(host.app, 'generatetoaddress', [1, OURS])).error.code).toBe(-1);
  });

  it('estimates the network', async () => {
    const { app } = createHarness();
    const { result } = await call(app, 'getmininginfo');
    expect(result).toMatchObject({
      blocks: 12,
      chain: 'regtest',
      pooledtx: 0,
      bits: '207fffff',
      blockmintxfee: 0,
    });
    expect(result.next).toMatchObject({ height: 13, bits: '207fffff' });
    expect(result.networkhashps).toBeGreaterThan(0);
    expect((await call(app, 'getnetworkhashps')).result).toBe(result.networkhashps);
  });

  it('estimates what the blocks that are asked for took', async () => {
    const { app, blocks } = createHarness();
    const rate = async (...args: unknown[]) => (await call(app, 'getnetworkhashps', args)).result;
    const between = (from: number, to: number): number => {
      const [first, last] = [blocks[from]?.entry, blocks[to]?.entry];
      const work = Number((last?.chainwork ?? 0n) - (first?.chainwork ?? 0n));
      return work / ((last?.header.time ?? 0) - (first?.header.time ?? 0));
    };
    expect(await rate(3)).toBe(between(9, 12));
    expect(await rate(3, 8)).toBe(between(5, 8));
    expect(await rate(120, 8)).toBe(between(0, 8));
    // On regtest the difficulty never changes.
    expect(await rate(-1)).toBe(between(0, 12));
    expect(await rate(5, 0)).toBe(0);
    for (const [args, message] of [
      [[0], 'Invalid nblocks. Must be a positive number or -1.'],
      [[-2], 'Invalid nblocks. Must be a positive number or -1.'],
      [[5, 13], 'Block does not exist at specified height'],
      [[5, -2], 'Block does not exist at specified height'],
    ] as const) {
      const { error } = await call(app, 'getnetworkhashps', args);
      expect(error).toEqual({ code: -8, message });
    }
  });
});
