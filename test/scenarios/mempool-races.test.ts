/** Many at once on one store: whatever the order, one coin has one spender. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Mempool } from '../../lib/mempool/types.ts';
import type { Tx } from '../../lib/types.ts';
import { raceRounds } from '../helpers/mempool-stories.ts';
import {
  brokenInvariants,
  inAWord,
  MempoolWorld,
  type StoreKind,
} from '../helpers/mempool-world.ts';

const COIN = 50e8;
let world: MempoolWorld;
afterEach(() => world.close());

const open = async (store: StoreKind): Promise<Mempool[]> => {
  world = await MempoolWorld.open({ store, blocks: 6 });
  return [world.mempool, world.another()];
};

const rivals = (count: number, sequence: number, fee: (i: number) => number): Tx[] =>
  Array.from({ length: count }, (_, i) =>
    world.story.spend({
      inputs: [{ coin: 'b1:0', sequence }],
      outputs: [{ to: `rival ${i}`, sats: COIN - fee(i) }],
    }),
  );

describe.each<StoreKind>(['memory', 'leveldb'])('races on %s', (store) => {
  it('of 16 conflicting admissions through two mempools one wins', async () => {
    const mempools = await open(store);
    const txs = rivals(16, 0xffff_ffff, (i) => 1000 + i);
    const words = await Promise.all(
      txs.map(async (tx, i) => inAWord(await mempools[i % 2]!.accept(tx.raw))),
    );
    expect(words.filter((word) => word === 'accepted')).toHaveLength(1);
    expect(words.filter((word) => word === 'txn-mempool-conflict')).toHaveLength(15);
    for (const mempool of mempools) {
      expect(await world.txids(mempool)).toEqual([txs[words.indexOf('accepted')]?.txid]);
    }
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('of one transaction offered 16 times one admission counts, the rest is known', async () => {
    const mempools = await open(store);
    const tx = world.story.pay({ from: 'b1:0', to: 'bob', sats: 1000 });
    const words = await Promise.all(
      Array.from({ length: 16 }, async (_, i) => inAWord(await mempools[i % 2]!.accept(tx.raw))),
    );
    expect(words.sort()).toEqual(['accepted', ...Array.from({ length: 15 }, () => 'known')]);
  });

  it('of 16 replacements the dearest is left', async () => {
    const mempools = await open(store);
    const txs = rivals(16, 0xffff_fffd, (i) => 1000 + 1000 * i);
    const outcomes = await Promise.all(txs.map((tx, i) => mempools[i % 2]!.accept(tx.raw)));
    for (const outcome of outcomes)
      expect(['accepted', 'insufficient fee']).toContain(inAWord(outcome));
    expect(await world.txids()).toEqual([txs[15]?.txid]);
    expect(await world.txids(mempools[1])).toEqual([txs[15]?.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
    // Each one that was accepted and is gone was told as replaced by another.
    const accepted = outcomes.flatMap((outcome) =>
      outcome.status === 'accepted' ? [outcome] : [],
    );
    const replaced = accepted.flatMap((outcome) => outcome.replaced);
    expect(new Set(replaced).size).toBe(accepted.length - 1);
  });

  it('parents are replaced while children come in: no child outlives its parent', async () => {
    const mempools = await open(store);
    const [parent, ...replacements] = rivals(6, 0xffff_fffd, (i) => 2000 + 5000 * i);
    world.story.name(parent!, 'parent');
    await world.accept(parent!);
    const child = world.story.pay({ from: 'parent:0', to: 'carol', sats: 1000 });
    await Promise.all([
      ...replacements.map((tx, i) => mempools[i % 2]!.accept(tx.raw)),
      mempools[1]!.accept(child.raw),
      mempools[0]!.accept(child.raw, { local: true }),
    ]);
    expect(await world.txids()).toEqual([replacements.at(-1)?.txid]);
    for (const mempool of mempools) await mempool.tick();
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('blocks come and go while conflicting transactions race: at most one spender, templates valid', async () => {
    const mempools = await open(store);
    await raceRounds(world, mempools, { rounds: 8 });
  });
});
