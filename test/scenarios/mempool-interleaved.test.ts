/**
 * What changes between an admission's reading and its writing: each condition of the write is met
 * by another actor's move at exactly that moment (store-protocol sections 5 and 8).
 */
import { afterEach, describe, expect, it } from 'vitest';
import type { Mempool } from '../../lib/mempool/types.ts';
import type { Store } from '../../lib/ports/store.ts';
import type { Tx } from '../../lib/types.ts';
import { brokenInvariants, inAWord, MempoolWorld } from '../helpers/mempool-world.ts';

const OPT_IN = 0xffff_fffd;
let world: MempoolWorld;
afterEach(() => world.close());

/** A mempool that lets `move` happen before its next write of a transaction's row. */
function interrupted(move: () => Promise<unknown>): Mempool {
  let done = false;
  return world.another(
    (store) =>
      new Proxy(store, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown;
          if (name !== 'transact') return typeof value === 'function' ? value.bind(target) : value;
          const transact: Store['transact'] = async (ops) => {
            const isAdmission = ops.some(({ op, pk }) => op === 'put' && pk.startsWith('M#'));
            if (isAdmission && !done) {
              done = true;
              await move();
            }
            return target.transact(ops);
          };
          return transact;
        },
      }),
  );
}

const spend = (coin: string, fee: number, options: { name?: string; sequence?: number } = {}): Tx =>
  world.story.spend({
    ...(options.name !== undefined && { name: options.name }),
    inputs: [{ coin, sequence: options.sequence ?? OPT_IN }],
    outputs: [{ to: 'alice', sats: Number(world.story.output(coin).output.value) - fee }],
  });

describe('between reading and writing', () => {
  it('another claims the coin', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const mine = spend('b1:0', 1000, { sequence: 0xffff_ffff });
    const theirs = spend('b1:0', 2000, { sequence: 0xffff_ffff });
    const mempool = interrupted(() => world.accept(theirs));
    expect(inAWord(await mempool.accept(mine.raw))).toBe('txn-mempool-conflict');
    expect(await world.txids()).toEqual([theirs.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('the claimant whose row was gone comes back', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const theirs = spend('b1:0', 2000, { sequence: 0xffff_ffff });
    const mine = spend('b1:0', 1000, { sequence: 0xffff_ffff });
    await world.accept(theirs);
    // Expired: its claim stays behind.
    world.clock.advance(73 * 3_600_000);
    await world.mempool.tick();
    expect(await world.txids()).toEqual([]);
    const mempool = interrupted(() => world.accept(theirs));
    expect(inAWord(await mempool.accept(mine.raw))).toBe('txn-mempool-conflict');
    expect(await world.txids()).toEqual([theirs.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('the coin is spent by a block', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const mine = spend('b1:0', 1000);
    const theirs = spend('b1:0', 2000);
    const mempool = interrupted(() => world.mine({ txs: [theirs] }));
    const outcome = await mempool.accept(mine.raw);
    expect(inAWord(outcome)).toBe('bad-txns-inputs-missingorspent');
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('the coin is unmade by a reorganisation and made again at another height', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const made = spend('b1:0', 500, { name: 'made' });
    await world.mine({ txs: [made] });
    const mine = spend('made:0', 1000);
    const mempool = interrupted(async () => {
      story.mine({ on: fork, name: 'r1' });
      story.mine({ name: 'r2', txs: [made] });
      for (const name of ['r1', 'r2']) await world.give(story.block(name).block);
    });
    expect(inAWord(await mempool.accept(mine.raw))).toBe('accepted');
    expect(await brokenInvariants(world)).toEqual([]);
    const block = await world.template(world.templatesOf(mempool));
    expect(block.txs.map(({ txid }) => txid)).toContain(mine.txid);
    expect((await world.chain.proposeBlock(block.raw)).ok).toBe(true);
  });

  it('the parent is replaced', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    await world.accept(spend('b1:0', 500, { name: 'parent' }));
    const child = spend('parent:0', 1000);
    const other = spend('b1:0', 90_000);
    const mempool = interrupted(() => world.accept(other));
    const outcome = await mempool.accept(child.raw, { local: true });
    expect(inAWord(outcome)).toBe('bad-txns-inputs-missingorspent');
    expect(await world.txids()).toEqual([other.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('the parent leaves and comes back: another admission, another nonce', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const parent = spend('b1:0', 500, { name: 'parent' });
    await world.accept(parent);
    const child = spend('parent:0', 1000);
    const mempool = interrupted(async () => {
      const rival = spend('b1:0', 90_000);
      await world.accept(rival);
      world.clock.advance(73 * 3_600_000);
      await world.mempool.tick();
      expect(await world.try(parent)).toBe('accepted');
    });
    expect(inAWord(await mempool.accept(child.raw))).toBe('accepted');
    expect((await world.txids()).sort()).toEqual([parent.txid, child.txid].sort());
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it.each([
    ['the parent is confirmed', false, 'accepted'],
    ['the parent is confirmed and its output spent', true, 'bad-txns-inputs-missingorspent'],
  ])('%s', async (_, spent, expected) => {
    world = await MempoolWorld.open({ blocks: 8 });
    const parent = spend('b1:0', 500, { name: 'parent' });
    await world.accept(parent);
    const child = spend('parent:0', 1000);
    const rival = spend('parent:0', 2000);
    const mempool = interrupted(() => world.mine({ txs: spent ? [parent, rival] : [parent] }));
    expect(inAWord(await mempool.accept(child.raw, { local: true }))).toBe(expected);
    expect(await world.txids()).toEqual(spent ? [] : [child.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('what would be replaced is replaced by another', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    await world.accept(spend('b1:0', 500));
    const mine = spend('b1:0', 5000);
    const theirs = spend('b1:0', 9000);
    const mempool = interrupted(() => world.accept(theirs));
    expect(inAWord(await mempool.accept(mine.raw))).toBe('insufficient fee');
    expect(await world.txids()).toEqual([theirs.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('it comes in by another way', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const tx = spend('b1:0', 500);
    const mempool = interrupted(() => world.accept(tx));
    expect(inAWord(await mempool.accept(tx.raw))).toBe('known');
  });

  it('it is confirmed', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const tx = spend('b1:0', 500);
    const mempool = interrupted(() => world.mine({ txs: [tx] }));
    expect(inAWord(await mempool.accept(tx.raw))).toBe('known');
    expect(await world.txids()).toEqual([]);
  });
});
