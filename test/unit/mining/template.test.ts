import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDisplay, toDisplay, txidOf } from '../../../lib/codec/index.ts';
import { txSigops } from '../../../lib/consensus/check-block.ts';
import { medianTimePast } from '../../../lib/consensus/context.ts';
import { BLOCK_BYTES_MAX } from '../../../lib/consensus/limits.ts';
import { hash256 } from '../../../lib/crypto/hash.ts';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import type { TemplateTx } from '../../../lib/mempool/types.ts';
import {
  assembleBlock,
  coinbaseBranch,
  miningJob,
  rootFrom,
  workUnit,
} from '../../../lib/mining/assemble.ts';
import { blockTime, buildTemplate, minTime, TEMPLATE_ROOM } from '../../../lib/mining/template.ts';
import type { Template } from '../../../lib/mining/types.ts';
import { plainSearch, regtest } from '../../../lib/params/index.ts';
import type { Block, Sats, Tx, Txid } from '../../../lib/types.ts';
import { easyNetwork, Story } from '../../helpers/chain-builder.ts';

const extraNonce = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const asTemplateTx = (tx: Tx, fee: number): TemplateTx => ({
  entry: {
    tx,
    txid: tx.txid,
    feeSats: fee as Sats,
    bytes: tx.raw.length,
    addedAt: 0,
    nonce: '',
    parents: [],
  },
  sigops: txSigops(tx),
  depends: [],
});

function templateOn(story: Story, txs: readonly TemplateTx[] = [], now?: number): Template {
  const { entry: parent } = story.tip;
  const nowSeconds = now ?? parent.header.time + 15;
  const built = buildTemplate({ params: story.params, parent, txs, sequence: 's1', nowSeconds });
  if (!built.ok) throw new Error(built.reject.reason);
  return built.value;
}

/** Searches by the worker's way: header from the job, then the block with what was found. */
function mine(template: Template, payTo: Uint8Array): Block {
  const job = miningJob(template, { payTo, extraNonceBytes: extraNonce.length });
  const { header, target } = workUnit(job, extraNonce);
  const nonce = plainSearch.search(header, target, 0, 0x1_0000);
  expect(nonce).toBeGreaterThanOrEqual(0);
  return assembleBlock(template, { payTo, extraNonce, nonce });
}

describe('a template', () => {
  const story = new Story(easyNetwork());
  story.mineMany(12);
  const fan = story.spend({
    inputs: ['b1:0'],
    outputs: Array.from({ length: 40 }, () => ({ to: 'alice', sats: 1_000_000 })),
  });
  story.mine({ txs: [fan] });

  it('has the fields of BIP22', () => {
    const tx = story.pay({ from: `${fan.txid}:0`, to: 'bob', sats: 5000, fee: 700 });
    const template = templateOn(story, [asTemplateTx(tx, 700)]);
    const { entry } = story.tip;
    expect(template).toMatchObject({
      id: `${entry.hash}s1`,
      version: 0x2000_0000,
      prevHash: entry.hash,
      height: 14,
      coinbaseValue: 50e8 + 700,
      coinbaseFlags: story.params.genesisHash.slice(0, 16),
      curTime: entry.header.time + 15,
      minTime: medianTimePast(entry) + 1,
    });
    expect(template.target).toBeGreaterThan(0n);
  });

  it('makes blocks that the rules accept, with and without transactions, to any payee', () => {
    const payees = fc.constantFrom(story.script('carol'), Uint8Array.of(0x6a));
    const counts = fc.integer({ min: 0, max: 20 });
    fc.assert(
      fc.property(counts, payees, fc.boolean(), (count, payTo, chained) => {
        const txs: Tx[] = [];
        for (let i = 0; i < count; i++) {
          const from = chained && i > 0 ? `${txs[i - 1]?.txid}:1` : `${fan.txid}:${i}`;
          txs.push(story.pay({ from, to: 'bob', sats: 600, fee: 300 + i }));
        }
        const template = templateOn(
          story,
          txs.map((tx, i) => asTemplateTx(tx, 300 + i)),
        );
        const verdict = story.check(mine(template, payTo));
        expect(verdict.ok ? 'ok' : verdict.reject).toBe('ok');
      }),
      { numRuns: 40 },
    );
  });

  it('leaves room for header, count and coinbase', () => {
    const emptiest = mine(templateOn(story), story.script('bob'));
    expect(TEMPLATE_ROOM.bytesMax + emptiest.raw.length + 8).toBeLessThan(BLOCK_BYTES_MAX);
  });

  it('is the same for the same network only: another genesis, another coinbase', () => {
    const other = new Story(easyNetwork({ time: 1_700_000_001 }));
    const payTo = story.script('bob');
    const ids = [new Story(story.params), other].map((each) => {
      const template = templateOn(each);
      return assembleBlock(template, { payTo, extraNonce }).txs[0]?.txid;
    });
    expect(ids[0]).not.toBe(ids[1]);
  });
});

describe('the time of a template', () => {
  const story = new Story(easyNetwork({ reorgLimit: 0 }));
  story.mineMany(20);
  const { params } = story;
  const { entry } = story.tip;
  const median = medianTimePast(entry);
  const timeAt = (now: number) => {
    const verdict = blockTime(entry, params, now);
    return verdict.ok ? verdict.value : `${verdict.reject.reason} ${verdict.reject.kind}`;
  };

  it('is now, or what the median asks for when our clock is behind', () => {
    expect(timeAt(entry.header.time + 5)).toBe(entry.header.time + 5);
    expect(timeAt(median + 1)).toBe(median + 1);
    expect(timeAt(median - 20)).toBe(median + 1);
  });

  it('waits when the clock is behind by more than others would accept', () => {
    expect(timeAt(median + 1 - params.maxFutureSeconds)).toBe(median + 1);
    expect(timeAt(median - params.maxFutureSeconds)).toBe('clock early');
  });

  it('does not go back by more than 600 s at heights divisible by 144', () => {
    const far = new Story(easyNetwork());
    far.mineMany(142);
    const start = far.tip.entry.header.time;
    // A last block far ahead of its median, as a clock that is ahead makes it.
    const ahead = far.mine({ time: start + 5000 });
    expect(ahead.entry.height).toBe(143);
    expect(minTime(ahead.entry)).toBe(start + 5000 - 600);
    const next = far.mine({ time: start + 5000 });
    expect(minTime(next.entry)).toBe(medianTimePast(next.entry) + 1);
  });
});

describe('work for the engine', () => {
  const txids = (count: number): Txid[] =>
    Array.from({ length: count }, (_, i) => txidOf(Uint8Array.of(count, i % 256, i >> 8)));

  it.each([0, 1, 2, 3, 4, 5, 7, 8, 9, 31, 100])('branch and root of %d transactions', (count) => {
    const rest = txids(count);
    const coinbase = txidOf(Uint8Array.of(255, 255));
    const branch = coinbaseBranch(rest);
    const root = toDisplay(rootFrom(fromDisplay(coinbase), branch));
    expect(root).toBe(merkleRoot([coinbase, ...rest]).root);
  });

  it('re-rolls the extra nonce and the time to the header of the assembled block', () => {
    const story = new Story(regtest);
    const template = templateOn(story);
    const payTo = story.script('bob');
    const bytes = fc.uint8Array({ minLength: 8, maxLength: 8 });
    const job = miningJob(template, { payTo, extraNonceBytes: 8 });
    fc.assert(
      fc.property(bytes, fc.nat(1000), (nonce, later) => {
        const time = template.curTime + later;
        const block = assembleBlock(template, { payTo, extraNonce: nonce, time });
        expect(workUnit(job, nonce, time).header).toEqual(block.header.raw);
      }),
    );
    expect(workUnit(job, extraNonce).header.slice(68, 72)).toEqual(
      assembleBlock(template, { payTo, extraNonce }).header.raw.slice(68, 72),
    );
    expect(() => workUnit(job, Uint8Array.of(1))).toThrow('length of the job');
  });

  it('is plain data: a thread gets it by a copy', () => {
    const story = new Story(regtest);
    const job = miningJob(templateOn(story), { payTo: story.script('bob'), extraNonceBytes: 8 });
    expect(structuredClone(job)).toEqual(job);
    expect(hash256(workUnit(structuredClone(job), extraNonce).header)).toHaveLength(32);
  });
});
