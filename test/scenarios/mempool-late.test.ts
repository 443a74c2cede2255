/** Janitors of several processes while the chain moves on: who looks late, who has yet to come back. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Op, Store } from '../../lib/ports/store.ts';
import type { Tx } from '../../lib/types.ts';
import { brokenInvariants, MempoolWorld } from '../helpers/mempool-world.ts';

let world: MempoolWorld;
afterEach(() => world.close());

/** Half of the coin to somebody, the rest back. */
const pay = (name: string, from: string, to = 'bob', fee = 1000): Tx => {
  const half = Math.floor(Number(world.story.output(from).output.value) / 2);
  return world.story.pay({ name, from, to, sats: half - fee, fee });
};

/** A parent in the tip and its child that waits. `fork`: the block below. */
async function openFamily() {
  world = await MempoolWorld.open({ blocks: 8 });
  const { story } = world;
  const fork = story.tip;
  const parent = pay('parent', 'b1:0');
  await world.mine({ txs: [parent] });
  const child = pay('child', 'parent:1');
  await world.accept(child);
  return { story, fork, parent, child };
}

describe('janitors', () => {
  it.each(['stalls', 'died'])(
    'of the next block do not bury whose parents a reorganisation has yet to bring back: who made it %s',
    async (fate) => {
      const { story, fork, parent, child } = await openFamily();
      story.mine({ on: fork, name: 'r1' });
      for (const name of ['r2', 'r3']) story.mine({ name });
      await world.give(story.block('r1').block, { stalled: true });
      const moved = await world.give(story.block('r2').block, { stalled: true });
      expect(moved?.disconnected).toHaveLength(1);
      // Another process connects the next block before anybody has brought the parent back.
      const next = await world.give(story.block('r3').block, { stalled: true });
      await world.another().reconcile(next!);
      if (fate === 'stalls') await world.mempool.reconcile(moved!);
      else await world.another().tick();
      const both = [parent.txid, child.txid].sort();
      expect((await world.txids()).sort()).toEqual(both);
      expect((await world.txids(world.another())).sort()).toEqual(both);
      expect(await brokenInvariants(world)).toEqual([]);
    },
  );

  it('of a past tip do not take for dead what came back since: they look again', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const tx = pay('tx', 'b1:0');
    const [x, y] = [story.mine({ txs: [tx] }), story.mine()];
    for (const name of ['r1', 'r2', 'r3'])
      story.mine({ name, on: name === 'r1' ? fork : story.tip });
    await world.give(x.block);
    await world.give(story.block('r1').block);
    const off = await world.give(story.block('r2').block, { stalled: true });
    expect(off?.returned).toHaveLength(1);
    // The block is back, and the transaction confirmed again, when its taking back begins.
    const z = story.mine({ on: y });
    for (const { block } of [y, z]) await world.give(block);
    let asleep = true;
    const deleted: string[] = [];
    const sleeper = world.another(
      (store) =>
        new Proxy(store, {
          get(target, name) {
            const value = Reflect.get(target, name) as unknown;
            if (typeof value !== 'function') return value;
            if (name === 'transact')
              return async (ops: readonly Op[]) => {
                for (const op of ops) if (op.op === 'delete') deleted.push(op.sk);
                return target.transact(ops);
              };
            if (name !== 'read') return value.bind(target);
            return async (keys: Parameters<Store['read']>[0]) => {
              if (asleep && keys.some(({ sk }) => sk === tx.txid)) {
                asleep = false;
                // Another process takes it back for good, while this one looks at a tip that is past.
                await world.chain.invalidate(x.block.header.hash);
                expect(await world.try(tx)).toBe('accepted');
              }
              return target.read(keys);
            };
          },
        }),
    );
    await sleeper.reconcile(off!);
    expect(asleep).toBe(false);
    expect(await world.txids()).toEqual([tx.txid]);
    expect(deleted).toEqual([]);
  });

  it('do not take for dead who came in since they looked: they look again', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const tx = pay('tx', 'b1:0');
    await world.mine({ txs: [tx] });
    story.mine({ on: fork, name: 'r1' });
    story.mine({ name: 'r2' });
    await world.give(story.block('r1').block, { stalled: true });
    const moved = await world.give(story.block('r2').block, { stalled: true });
    const deleted: string[] = [];
    let isFirst = true;
    const slow = world.another(
      (store) =>
        new Proxy(store, {
          get(target, name) {
            const value = Reflect.get(target, name) as unknown;
            if (typeof value !== 'function') return value;
            return async (...args: unknown[]) => {
              const [list] = args as [readonly (Op | { sk: string })[]];
              const isOfTx = Array.isArray(list) && list.some(({ sk }) => sk === tx.txid);
              if (name === 'transact')
                for (const op of list as readonly Op[]) if (op.op === 'delete') deleted.push(op.sk);
              if (name === 'read' && isOfTx && isFirst) {
                isFirst = false;
                // Its view is of before this; the row that it is about to read is not.
                await world.mempool.reconcile(moved!);
              }
              return value.apply(target, args);
            };
          },
        }),
    );
    await slow.reconcile(moved!);
    expect(isFirst).toBe(false);
    expect(deleted).toEqual([]);
    expect(await world.txids()).toEqual([tx.txid]);
  });

  it('of two reorganisations bring back a child whose parent only the second took off', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    await world.mempool.tick();
    const fork = story.tip;
    const parent = pay('parent', 'b1:0');
    const child = pay('child', 'parent:1');
    const x1 = story.mine({ name: 'x1', on: fork, txs: [parent] });
    story.mine({ name: 'x2', txs: [child] });
    story.mine({ name: 'y2', on: x1 });
    story.mine({ name: 'y3' });
    story.mine({ name: 'z1', on: fork });
    for (const name of ['z2', 'z3', 'z4']) story.mine({ name });
    for (const name of ['x1', 'x2', 'y2', 'y3', 'z1', 'z2', 'z3', 'z4'])
      await world.give(story.block(name).block, { stalled: true });
    await world.another().tick();
    expect((await world.txids()).sort()).toEqual([parent.txid, child.txid].sort());
  });

  it('leave a transaction that is offered again before its parent is back', async () => {
    const { story, fork, parent, child } = await openFamily();
    story.mine({ on: fork, name: 'r1' });
    story.mine({ name: 'r2' });
    for (const name of ['r1', 'r2']) await world.give(story.block(name).block, { stalled: true });
    // Whoever moved the tip died. Its user hands the child in again, or a rival of it.
    expect(await world.try(child, { local: true })).toBe('known');
    expect((await world.txids()).sort()).toEqual([parent.txid, child.txid].sort());
  });

  it('that take back the first do not throw out who waits for what the second took off', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const parent = pay('parent', 'b1:0');
    const child = pay('child', 'parent:1');
    const x1 = story.mine({ on: fork, txs: [parent] });
    const x2 = story.mine({ txs: [child] });
    const [y2, y3] = [story.mine({ on: x1 }), story.mine()];
    story.mine({ name: 'z1', on: fork });
    for (const name of ['z2', 'z3', 'z4']) story.mine({ name });
    for (const { block } of [x1, x2, y2]) await world.give(block, { stalled: true });
    const first = await world.give(y3.block);
    expect(await world.txids()).toEqual([child.txid]);
    for (const name of ['z1', 'z2', 'z3']) await world.give(story.block(name).block);
    const second = await world.give(story.block('z4').block, { stalled: true });
    await world.another().reconcile(first!);
    await world.mempool.reconcile(second!);
    expect((await world.txids()).sort()).toEqual([parent.txid, child.txid].sort());
  });
});
