/** Keeping to the cap, the floor that it leaves, and expiry, by a clock that the test moves. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Tx } from '../../lib/types.ts';
import { brokenInvariants, MempoolWorld } from '../helpers/mempool-world.ts';

const HOUR_MS = 3_600_000;
const COIN = 50e8;
let world: MempoolWorld;
afterEach(() => world.close());

/** Spends the coin of a block whole: one input, one output. */
const spend = (coin: string, rate: number): Tx => {
  const make = (fee: number) =>
    world.story.spend({ inputs: [coin], outputs: [{ to: 'alice', sats: COIN - fee }] });
  return make(make(1000).raw.length * rate);
};

describe('a mempool of 2,000 bytes', () => {
  const open = (bytesMax = 2000) => MempoolWorld.open({ blocks: 30, policy: { bytesMax } });
  const fill = async (): Promise<Tx[]> => {
    const txs: Tx[] = [];
    for (let i = 1; i <= 10; i++) {
      const tx = spend(`b${i}:0`, 10 * i);
      expect(await world.try(tx)).toBe('accepted');
      txs.push(tx);
    }
    return txs;
  };

  it('throws out the worst for what pays more, and raises the floor above it', async () => {
    world = await open();
    const txs = await fill();
    expect((await world.mempool.info()).minFeeRateSatVb).toBe(1);
    const worse = spend('b11:0', 9);
    expect(await world.try(worse)).toBe('mempool full');
    expect((await world.mempool.info()).count).toBe(10);
    expect(await world.try(spend('b11:0', 15))).toBe('accepted');
    const left = await world.txids();
    expect(left).not.toContain(txs[0]!.txid);
    expect(left).toContain(txs[1]!.txid);
    const info = await world.mempool.info();
    expect(info.bytes).toBeLessThanOrEqual(2000);
    expect(info.minFeeRateSatVb).toBeGreaterThanOrEqual(11);
    expect(info.minFeeRateSatVb).toBeLessThan(11.2);
    // Below the floor, whether there is room or not; for every process.
    expect(await world.try(spend('b12:0', 10))).toBe('mempool min fee not met');
    const other = await world.another().accept(spend('b12:0', 10).raw);
    expect(other).toMatchObject({ reject: { reason: 'mempool min fee not met' } });
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('judges a package with its descendants: a poor parent with a rich child stays', async () => {
    world = await open();
    const parent = spend('b1:0', 1);
    world.story.name(parent, 'parent');
    const child = world.story.spend({
      inputs: ['parent:0'],
      outputs: [{ to: 'alice', sats: COIN - 1000 - 100_000 }],
    });
    await world.accept(parent);
    await world.accept(child);
    for (let i = 2; i <= 9; i++) expect(await world.try(spend(`b${i}:0`, 2 * i))).toBe('accepted');
    expect(await world.try(spend('b20:0', 30))).toBe('accepted');
    const left = await world.txids();
    expect(left).toEqual(expect.arrayContaining([parent.txid, child.txid]));
    expect(left).toHaveLength(10);
  });

  it('throws out descendants with their parent', async () => {
    world = await open();
    const parent = spend('b1:0', 1);
    world.story.name(parent, 'poor');
    const children: Tx[] = [];
    for (let i = 0; i < 3; i++) {
      const from = i === 0 ? 'poor:0' : `${children[i - 1]?.txid}:0`;
      children.push(world.story.pay({ from, to: 'alice', sats: COIN / 2 ** (i + 1), fee: 300 }));
    }
    for (const tx of [parent, ...children]) await world.accept(tx);
    for (let i = 2; i <= 7; i++) await world.accept(spend(`b${i}:0`, 20));
    await world.accept(spend('b8:0', 20));
    await world.accept(spend('b9:0', 20));
    const left = await world.txids();
    const family = [parent, ...children]
      .map(({ txid }) => txid)
      .filter((txid) => left.includes(txid));
    // Whatever went, no child is left without its parent.
    expect(family).toEqual([parent, ...children].map(({ txid }) => txid).slice(0, family.length));
    expect(family.length).toBeLessThan(4);
    await world.mempool.tick();
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('lets the floor decay: 12 hours to the half when full, 3 when nearly empty', async () => {
    world = await open();
    await fill();
    await world.accept(spend('b11:0', 200));
    const rate = async () => (await world.mempool.info()).minFeeRateSatVb;
    const start = await rate();
    world.clock.advance(12 * HOUR_MS);
    await world.mempool.tick();
    expect(await rate()).toBeCloseTo(start / 2, 1);
    // A block empties it: from here on four times as fast.
    const block = await world.template();
    await world.give(block);
    expect((await world.mempool.info()).count).toBe(0);
    await world.mempool.tick();
    world.clock.advance(3 * HOUR_MS);
    expect(await rate()).toBeCloseTo(start / 4, 1);
    // A fresh process reads the same.
    expect((await world.another().info()).minFeeRateSatVb).toBe(await rate());
    world.clock.advance(30 * HOUR_MS);
    expect(await rate()).toBe(1);
    expect(await world.try(spend('b12:0', 1))).toBe('accepted');
  });

  it('is brought down by a tick when another process left it too large', async () => {
    world = await MempoolWorld.open({ blocks: 30 });
    const txs: Tx[] = [];
    for (let i = 1; i <= 15; i++) {
      txs.push(spend(`b${i}:0`, i));
      await world.accept(txs.at(-1)!);
    }
    const small = await reopenWith(2000);
    await small.tick();
    const left = (await small.list()).map(({ txid }) => txid);
    expect(left.sort()).toEqual(
      txs
        .slice(-10)
        .map(({ txid }) => txid)
        .sort(),
    );
    expect(await world.txids()).toHaveLength(10);
  });
});

const reopenWith = async (bytesMax: number) => {
  const { createMempool } = await import('../../lib/mempool/create-mempool.ts');
  const { createVerifier } = await import('../../lib/adapters/verifier.ts');
  const { countingRandom } = await import('../helpers/mempool-world.ts');
  const { chain, clock, store, story } = world;
  return createMempool({
    params: story.params,
    store,
    chain,
    clock,
    random: countingRandom('small'),
    verifier: createVerifier(),
    policy: { bytesMax },
  });
};

describe('expiry', () => {
  it('takes what is older than 72 hours, with all that builds on it', async () => {
    world = await MempoolWorld.open({ blocks: 12 });
    const old = spend('b1:0', 2);
    world.story.name(old, 'old');
    await world.accept(old);
    world.clock.advance(71 * HOUR_MS);
    const child = world.story.pay({ from: 'old:0', to: 'bob', sats: 1000 });
    const young = spend('b2:0', 2);
    await world.accept(child);
    await world.accept(young);
    await world.mempool.tick();
    expect(await world.txids()).toHaveLength(3);
    world.clock.advance(HOUR_MS + 1000);
    await world.mempool.tick();
    expect(await world.txids()).toEqual([young.txid]);
    // The coin is free, for another and for itself.
    expect(await world.try(spend('b1:0', 3))).toBe('accepted');
    expect(await brokenInvariants(world)).toEqual([]);
  });
});
