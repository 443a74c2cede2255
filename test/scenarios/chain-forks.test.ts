/** Forks and reorganisations, over both stores, checked against a replay from genesis. */
import { afterEach, describe, expect, it } from 'vitest';
import { makeTx } from '../../lib/codec/tx.ts';
import type { Store } from '../../lib/ports/store.ts';
import { scriptHash } from '../../lib/script/p2pkh.ts';
import { easyNetwork, Story, storyKey } from '../helpers/chain-builder.ts';
import {
  acceptAll,
  busyChain,
  coinLines,
  LATE,
  openRig,
  replayLines,
  STORES,
  scriptsOf,
  stateDigest,
  tipHash,
} from '../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

describe.each(STORES)('forks on $name', ({ open }) => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const done of closing.splice(0)) await done();
  });
  async function fresh(): Promise<Store> {
    const { store, done } = await open();
    closing.push(done);
    return store;
  }

  /*
   *  genesis - a0 ... a(n+1)
   *          \ b0 ... b(n+2)      one longer
   */
  it.each([1, 2, 3, 10, 50, 200])('a reorganisation of depth %i, and back', async (depth) => {
    const story = new Story(params);
    const { chain, store } = await openRig({ params, store: await fresh() });
    const trunk = busyChain(story, { on: story.genesis, length: 3, tag: 't' });
    const a = busyChain(story, { on: trunk[2]!, length: depth, tag: 'a' });
    const b = busyChain(story, { on: trunk[2]!, length: depth + 1, tag: 'b' });
    const a2 = busyChain(story, { on: a.at(-1)!, length: 2, tag: 'aa' });
    const all = [...trunk, ...a, ...b, ...a2];
    await acceptAll(chain, [...trunk, ...a]);
    const before = await coinLines(store, scriptsOf(all));
    expect(before).toEqual(replayLines(a.at(-1)!));
    const statuses = await acceptAll(chain, b);
    expect(statuses).toEqual([...Array(depth).fill('side'), 'tip']);
    expect(await tipHash(chain)).toBe(b.at(-1)!.entry.hash);
    expect(await coinLines(store, scriptsOf(all))).toEqual(replayLines(b.at(-1)!));
    const returned = await acceptAll(chain, a2);
    expect(returned).toEqual(['side', 'tip']);
    expect(await coinLines(store, scriptsOf(all))).toEqual(replayLines(a2.at(-1)!));
    // The same state as of a node that never saw the other branch.
    const other = await openRig({ params });
    await acceptAll(other.chain, [...trunk, ...a, ...a2]);
    const chainBlocks = [...trunk, ...a, ...a2];
    expect(await stateDigest(store, chainBlocks)).toBe(await stateDigest(other.store, chainBlocks));
  });

  it('tells what a reorganisation did', async () => {
    const story = new Story(params);
    const { chain } = await openRig({ params, store: await fresh() });
    const trunk = busyChain(story, { on: story.genesis, length: 3, tag: 't' });
    const a = busyChain(story, { on: trunk[2]!, length: 2, tag: 'a' });
    const b = busyChain(story, { on: trunk[2]!, length: 3, tag: 'b' });
    await acceptAll(chain, [...trunk, ...a, ...b.slice(0, 2)]);
    const outcome = await chain.acceptBlock(b[2]!.block.raw, { asked: false });
    if (outcome.status !== 'tip') throw new Error(outcome.status);
    const { change } = outcome;
    expect(change.from.hash).toBe(a[1]!.entry.hash);
    expect(change.to.hash).toBe(b[2]!.entry.hash);
    expect(change.disconnected).toEqual([a[1]!.entry.hash, a[0]!.entry.hash]);
    expect(change.connected).toEqual(b.map(({ entry }) => entry.hash));
    const lost = a.flatMap(({ block }) => block.txs.slice(1));
    expect(change.returned.map((raw) => raw.length)).toEqual(lost.map(({ raw }) => raw.length));
    expect(change.returned).toEqual(lost.map(({ raw }) => raw));
    expect(change.confirmed).toEqual(
      b.flatMap(({ block }) => block.txs.slice(1).map(({ txid }) => txid)),
    );
    await chain.view(async (view) => {
      expect(await view.locate(lost[0]!.txid)).toBeUndefined();
      expect((await view.disconnectedTx(lost[0]!.txid))?.txid).toBe(lost[0]!.txid);
    });
  });

  it('the first seen keeps a tie, also after a restart', async () => {
    const story = new Story(params);
    const store = await fresh();
    const { chain } = await openRig({ params, store });
    const a = story.mine({ name: 'a', on: 'genesis' });
    const b = story.mine({ name: 'b', on: 'genesis' });
    expect(await acceptAll(chain, [a, b])).toEqual(['tip', 'side']);
    expect(await tipHash(chain)).toBe(a.entry.hash);
    const again = await openRig({ params, store });
    expect(await again.chain.activateBest()).toBeUndefined();
    expect(await tipHash(again.chain)).toBe(a.entry.hash);
    const c = story.mine({ name: 'c', on: 'b' });
    expect(await acceptAll(again.chain, [c])).toEqual(['tip']);
    expect(await tipHash(again.chain)).toBe(c.entry.hash);
  });

  it('of two branches that overtake at once, the one whose last body came first', async () => {
    const story = new Story(params);
    const t = story.mine({ name: 't', on: 'genesis' });
    const u = story.mine({ name: 'u', on: 'genesis' });
    const a = story.mine({ name: 'a', on: 'u' });
    const b = story.mine({ name: 'b', on: 'u' });
    for (const [first, second] of [
      [a, b],
      [b, a],
    ] as const) {
      const asOrphans = await openRig({ params, store: await fresh() });
      expect(await acceptAll(asOrphans.chain, [t, first, second, u])).toEqual([
        'tip',
        'orphan',
        'orphan',
        'tip',
      ]);
      expect(await tipHash(asOrphans.chain)).toBe(first.entry.hash);
      // The same with headers known before.
      const afterHeaders = await openRig({ params, store: await fresh() });
      await acceptAll(afterHeaders.chain, [t]);
      await afterHeaders.chain.acceptHeaders([u.block.header, a.block.header]);
      await afterHeaders.chain.acceptHeaders([u.block.header, b.block.header]);
      expect(await acceptAll(afterHeaders.chain, [first, second, u])).toEqual([
        'side',
        'side',
        'tip',
      ]);
      expect(await tipHash(afterHeaders.chain)).toBe(first.entry.hash);
    }
  });

  it.each([1, 5])(
    'an invalid longer branch leaves the tip where it was (%i good below)',
    async (good) => {
      const story = new Story(params);
      const { chain, store } = await openRig({ params, store: await fresh() });
      const trunk = busyChain(story, { on: story.genesis, length: 3, tag: 't' });
      const a = busyChain(story, { on: trunk[2]!, length: good + 1, tag: 'a' });
      const b = busyChain(story, { on: trunk[2]!, length: good, tag: 'b' });
      await acceptAll(chain, [...trunk, ...a, ...b]);
      const tip = await chain.tip();
      const digest = await stateDigest(store, [...trunk, ...a]);
      // Takes more than the subsidy; two empty blocks stand on it.
      const bad = story.build({ on: b.at(-1)!, reward: 50e8 + 1e6 });
      const forged = { ...story.block(b.at(-1)!), block: bad };
      const badEntry = {
        ...b.at(-1)!.entry,
        hash: bad.header.hash,
        header: bad.header,
        height: b.at(-1)!.entry.height + 1,
        times: [...b.at(-1)!.entry.times, bad.header.time].slice(-11),
      };
      const next = story.build({
        on: { ...forged, name: 'bad', entry: badEntry, parent: b.at(-1)! },
      });
      const first = await chain.acceptBlock(bad.raw, { asked: true });
      const second = await chain.acceptBlock(next.raw, { asked: true });
      const reasons = [first, second].map((outcome) =>
        outcome.status === 'rejected' ? outcome.reject.reason : outcome.status,
      );
      expect(reasons[0]).toBe('side');
      expect(reasons[1]).toBe('bad-cb-amount');
      expect((await chain.tip()).entry.hash).toBe(tip.entry.hash);
      expect((await chain.tip()).version).toBe(tip.version);
      expect(await stateDigest(store, [...trunk, ...a])).toBe(digest);
      const again = await chain.acceptBlock(bad.raw, { asked: true });
      expect(again).toMatchObject({ status: 'rejected', reject: { reason: 'duplicate-invalid' } });
      const tips = await chain.tips();
      expect(tips.map(({ status }) => status).sort()).toEqual(['active', 'invalid']);
      // The branch's valid part may still grow and win.
      const c = busyChain(story, { on: b.at(-1)!, length: 2, tag: 'c' });
      expect(await acceptAll(chain, c)).toEqual(['side', 'tip']);
    },
  );

  it('a sync window is one commit; a bad signature in it stops it there', async () => {
    const story = new Story(params);
    const { chain, store } = await openRig({ params, store: await fresh() });
    const blocks = busyChain(story, { on: story.genesis, length: 8, tag: 'w' });
    const outcomes = await chain.acceptBlocks(blocks.map(({ block }) => block.raw));
    expect(outcomes.map(({ status }) => status)).toEqual(Array(8).fill('tip'));
    expect((await chain.tip()).version).toBe(2);
    expect(await coinLines(store, scriptsOf(blocks))).toEqual(replayLines(blocks.at(-1)!));
    const known = await chain.acceptBlocks(blocks.slice(6).map(({ block }) => block.raw));
    expect(known.map(({ status }) => status)).toEqual(['known', 'known']);
    const more = busyChain(story, { on: blocks.at(-1)!, length: 3, tag: 'x' });
    const tx = story.tx('x1x');
    const scriptSig = tx.inputs[0]!.scriptSig.slice();
    scriptSig[20]! ^= 1;
    const broken = makeTx({ ...tx, inputs: [{ ...tx.inputs[0]!, scriptSig }] });
    const bad = story.build({ on: more[0]!, txs: [broken], reward: 50e8 });
    const mixed = await chain.acceptBlocks([more[0]!.block.raw, bad.raw, more[2]!.block.raw]);
    expect(mixed.map(({ status }) => status)).toEqual(['tip', 'rejected']);
    expect(mixed[1]).toMatchObject({ hash: bad.header.hash });
    expect(await tipHash(chain)).toBe(more[0]!.entry.hash);
    expect(await coinLines(store, scriptsOf([...blocks, ...more]))).toEqual(replayLines(more[0]!));
    expect(await acceptAll(chain, more.slice(1))).toEqual(['tip', 'tip']);
  });

  it('transactions that stand in both branches stay confirmed', async () => {
    const story = new Story(params);
    const { chain, store } = await openRig({ params, store: await fresh() });
    const trunk = busyChain(story, { on: story.genesis, length: 3, tag: 't' });
    const on = trunk[2]!;
    const x = story.pay({ name: 'x', from: 't2y:1', to: 'carol', sats: 700 });
    const y = story.pay({ name: 'y', from: 'x:1', to: 'carol', sats: 800 });
    const z = story.pay({ name: 'z', from: 'x:0', to: 'dave', sats: 100, fee: 100 });
    const a1 = story.mine({ name: 'a1', on, txs: [x, y] });
    const a2 = story.mine({ name: 'a2', on: a1, txs: [z] });
    const b1 = story.mine({ name: 'b1', on, txs: [x] });
    const b2 = story.mine({ name: 'b2', on: b1 });
    const b3 = story.mine({ name: 'b3', on: b2, txs: [y] });
    expect(await acceptAll(chain, [...trunk, a1, a2, b1, b2, b3])).toEqual([
      ...Array(5).fill('tip'),
      'side',
      'side',
      'tip',
    ]);
    const scripts = scriptsOf([...trunk, a1, a2, b1, b2, b3]);
    expect(await coinLines(store, scripts)).toEqual(replayLines(b3));
    const other = await openRig({ params });
    await acceptAll(other.chain, [...trunk, b1, b2, b3]);
    const blocks = [...trunk, b1, b2, b3];
    expect(await stateDigest(store, blocks)).toBe(await stateDigest(other.store, blocks));
    await chain.view(async (view) => {
      expect((await view.locate(x.txid))?.blockHash).toBe(b1.entry.hash);
      expect((await view.locate(y.txid))?.blockHash).toBe(b3.entry.hash);
      expect(await view.locate(z.txid)).toBeUndefined();
      expect((await view.disconnectedTx(z.txid))?.txid).toBe(z.txid);
      expect(await view.outspend({ txid: x.txid, vout: 0 })).toBeUndefined();
    });
  });

  it('locks by time look back over window and store', async () => {
    const story = new Story(params);
    const { chain, store } = await openRig({ params, store: await fresh() });
    const blocks = busyChain(story, { on: story.genesis, length: 14, tag: 't' });
    const by512 = 0x0040_0001;
    // 512 seconds are 35 blocks of 15 seconds.
    const early = story.spend({
      version: 2,
      inputs: [{ coin: 't5:0', sequence: by512 }],
      outputs: [{ to: 'late', sats: 1000 }],
    });
    expect(() => story.mine({ name: 'no', on: blocks[13]!, txs: [early] })).toThrow('nonfinal');
    const tooEarly = story.build({ on: blocks[13]!, txs: [early], reward: 50e8 });
    const more = busyChain(story, { on: blocks[13]!, length: 40, tag: 'u' });
    const ripe = story.mine({ name: 'ripe', on: more[39]!, txs: [early] });
    await acceptAll(chain, blocks);
    expect(await chain.acceptBlock(tooEarly.raw, { asked: true })).toMatchObject({
      reject: { reason: 'bad-txns-nonfinal' },
    });
    const own = story.spend({
      version: 2,
      inputs: [{ coin: 'u0:0', sequence: by512 }],
      outputs: [{ to: 'late', sats: 1000 }],
    });
    const last = story.mine({ name: 'last', on: ripe, txs: [own] });
    const raws = [...more, ripe, last].map(({ block }) => block.raw);
    const outcomes = await chain.acceptBlocks(raws);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(42).fill('tip'));
    expect(await coinLines(store, scriptsOf([...blocks, ...more, ripe, last]))).toEqual(
      replayLines(last),
    );
  });

  it('the genesis coin of a founded network can be spent', async () => {
    const founder = storyKey('founder').hash160;
    const founded = {
      ...easyNetwork({ payTo: founder, maxFutureSeconds: 7200 }),
      genesisSpendable: true,
    };
    const story = new Story(founded);
    story.key('founder');
    const store = await fresh();
    const { chain } = await openRig({ params: founded, store });
    const script = scriptHash(story.key('founder').script);
    await chain.view(async (view) => {
      expect((await view.addressCoins(script)).length).toBe(1);
      expect((await view.addressTotals(script)).fundedSats).toBe(50e8);
    });
    const tx = story.pay({ name: 'x', from: 'genesis:0', to: 'carol', sats: 20e8 });
    const b1 = story.mine({ name: 'b1', txs: [tx] });
    expect(await acceptAll(chain, [b1])).toEqual(['tip']);
    expect(await coinLines(store, scriptsOf([story.genesis, b1]))).toEqual(replayLines(b1));
    await chain.invalidate(b1.entry.hash);
    expect(await coinLines(store, scriptsOf([story.genesis, b1]))).toEqual(
      replayLines(story.genesis),
    );
  });

  it('refuses a store that holds another chain', async () => {
    const store = await fresh();
    await openRig({ params, store });
    const other = easyNetwork({ time: 1_700_000_999 });
    await expect(openRig({ params: other, store, now: LATE })).rejects.toMatchObject({
      code: 'store-foreign',
    });
  });
});
