/**
 * A block that came before its parent is connected whichever way the parent comes: at the same moment to
 * another process, in a sync window, or left behind by a process that died.
 */
import { expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { createChain } from '../../../lib/chain/create-chain.ts';
import type { Chain } from '../../../lib/chain/types.ts';
import { Fault } from '../../../lib/faults.ts';
import type { RowKey, Store } from '../../../lib/ports/store.ts';
import { blockKey, ORPHANS, orphanChunkKey } from '../../../lib/store/layout.ts';
import { easyNetwork, Story, type StoryBlock } from '../../helpers/chain-builder.ts';
import { LATE, TestClock, tipHash, verifier } from '../../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

/** Does something else first, once, when a call of the store `isIt`. */
function interrupted(
  store: Store,
  isIt: (call: string, args: readonly unknown[]) => boolean,
  first: () => Promise<unknown>,
): Store {
  let isDone = false;
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return async (...args: unknown[]) => {
        if (!isDone && isIt(String(name), args)) {
          isDone = true;
          await first();
        }
        return value.apply(target, args);
      };
    },
  });
}

async function open() {
  const clock = new TestClock(LATE);
  const store = createMemoryStore({ clock });
  const story = new Story(params);
  const chainOn = (on: Store): Chain => createChain({ params, store: on, clock, verifier });
  const plain = chainOn(store);
  await plain.init();
  const [base, parent, child] = story.mineMany(3) as [StoryBlock, StoryBlock, StoryBlock];
  const accept = (chain: Chain, { block }: StoryBlock) =>
    chain.acceptBlock(block.raw, { asked: true });
  await accept(plain, base);
  return { store, clock, story, chainOn, plain, base, parent, child, accept };
}

/** As another process keeps a block whose parent it does not know. */
async function keepAsOrphan(store: Store, { block }: StoryBlock): Promise<void> {
  const elsewhere = createMemoryStore({ clock: new TestClock(LATE) });
  const chain = createChain({ params, store: elsewhere, clock: new TestClock(LATE), verifier });
  await chain.init();
  await chain.acceptBlock(block.raw, { asked: true });
  const { hash } = block.header;
  const rows = [await elsewhere.list(ORPHANS), await elsewhere.list(`${ORPHANS}#${hash}`)].flat();
  await store.put(rows);
}

/** A store whose call dies, once, when it `isIt`. */
const dying = (store: Store, isIt: (call: string, args: readonly unknown[]) => boolean): Store =>
  interrupted(store, isIt, () => Promise.reject(new Fault('store-io', 'the process died here')));

const isOrphansAsked = (call: string, args: readonly unknown[]): boolean =>
  call === 'list' && args[0] === ORPHANS;

const isOrphanKept = (call: string, args: readonly unknown[]): boolean =>
  call === 'put' && (args[0] as RowKey[]).some(({ pk }) => pk === ORPHANS);

it('the parent is connected while its child is being kept as an orphan', async () => {
  const { store, chainOn, plain, parent, child, accept } = await open();
  const other = chainOn(interrupted(store, isOrphanKept, () => accept(plain, parent)));
  expect((await accept(other, child)).status).toBe('tip');
  expect(await tipHash(plain)).toBe(child.entry.hash);
  expect(await store.list(ORPHANS)).toEqual([]);
});

it('the child is kept as an orphan while its parent is being connected', async () => {
  const { store, chainOn, plain, parent, child, accept } = await open();
  const { pk } = blockKey(parent.entry.hash);
  const isStored = (call: string, args: readonly unknown[]): boolean =>
    call === 'put' && (args[0] as RowKey[]).some((row) => row.pk === pk);
  const other = chainOn(interrupted(store, isStored, () => accept(plain, child)));
  expect((await accept(other, parent)).status).toBe('tip');
  expect(await tipHash(plain)).toBe(child.entry.hash);
  expect(await store.list(ORPHANS)).toEqual([]);
});

it('the parent comes in a sync window', async () => {
  const { store, plain, parent, child, accept } = await open();
  expect((await accept(plain, child)).status).toBe('orphan');
  const [outcome] = await plain.acceptBlocks([parent.block.raw]);
  // Whoever follows the chain is told of both.
  if (outcome?.status !== 'tip') throw new Error(outcome?.status);
  expect(outcome.change.connected).toEqual([parent.entry.hash, child.entry.hash]);
  expect(await tipHash(plain)).toBe(child.entry.hash);
  expect(await store.list(ORPHANS)).toEqual([]);
});

it('orphans come again in a window: none of them is left waiting', async () => {
  const { store, story, plain, parent, child, accept } = await open();
  const above = story.mine({ on: child });
  for (const orphan of [above, child]) await accept(plain, orphan);
  await plain.acceptBlocks([parent, child].map(({ block }) => block.raw));
  expect(await tipHash(plain)).toBe(above.entry.hash);
  expect(await store.list(ORPHANS)).toEqual([]);
});

it('the parent is not the last of its window', async () => {
  const { store, story, plain, parent, child, accept } = await open();
  const [rival, above] = story.mineMany(2, { on: parent }) as [StoryBlock, StoryBlock];
  const best = story.mine({ on: child });
  for (const orphan of [best, child]) await accept(plain, orphan);
  await plain.acceptBlocks([parent, rival].map(({ block }) => block.raw));
  // One answer takes off nothing that it put on: the periodic look does.
  await plain.activateBest();
  expect(await tipHash(plain)).toBe(best.entry.hash);
  expect(await store.list(ORPHANS)).toEqual([]);
  expect((await accept(plain, above)).status).toBe('side');
});

it.each(['by itself', 'in a window'])(
  'the process that connected the parent %s died before it looked for orphans',
  async (how) => {
    const { store, chainOn, plain, parent, child, accept } = await open();
    expect((await accept(plain, child)).status).toBe('orphan');
    const mortal = chainOn(dying(store, isOrphansAsked));
    const dead =
      how === 'by itself' ? accept(mortal, parent) : mortal.acceptBlocks([parent.block.raw]);
    await expect(dead).rejects.toThrow('died');
    expect(await tipHash(plain)).toBe(parent.entry.hash);
    const change = await plain.tick();
    expect(change?.connected).toEqual([child.entry.hash]);
    expect(await tipHash(plain)).toBe(child.entry.hash);
    expect(await store.list(ORPHANS)).toEqual([]);
    expect(await plain.tick()).toBeUndefined();
  },
);

it('the process that took the orphan in died before it connected it', async () => {
  const { store, chainOn, plain, parent, child, accept } = await open();
  await accept(plain, child);
  const isTaken = (call: string, args: readonly unknown[]): boolean =>
    call === 'remove' && (args[0] as RowKey[]).some(({ pk }) => pk.startsWith(ORPHANS));
  await expect(accept(chainOn(dying(store, isTaken)), parent)).rejects.toThrow('died');
  expect(await tipHash(plain)).toBe(parent.entry.hash);
  await plain.tick();
  expect(await tipHash(plain)).toBe(child.entry.hash);
  expect(await store.list(ORPHANS)).toEqual([]);
});

it('the parent loses its place to another block, and wins it back with its orphan', async () => {
  const { store, story, chainOn, plain, base, parent, child, accept } = await open();
  const rival = story.mine({ on: base, payTo: 'rival' });
  const isCommitted = (call: string): boolean => call === 'commit';
  const other = chainOn(
    interrupted(store, isCommitted, async () => {
      await accept(plain, rival);
      // Before the parent's rows are read by anybody, its child is an orphan.
      await keepAsOrphan(store, child);
    }),
  );
  expect((await accept(other, parent)).status).toBe('tip');
  expect(await tipHash(plain)).toBe(child.entry.hash);
  expect(await store.list(ORPHANS)).toEqual([]);
});

it('an orphan that makes room while it is being kept leaves nothing for good', async () => {
  const { store, clock, story, chainOn, plain, child, accept } = await open();
  const { pk } = orphanChunkKey(child.entry.hash, 0);
  const isRest = (call: string, args: readonly unknown[]): boolean =>
    call === 'put' && (args[0] as RowKey[]).some((row) => row.pk === pk);
  const keeper = chainOn(
    interrupted(store, isRest, async () => {
      clock.seconds += 1;
      for (const other of story.mineMany(17, { on: child }).slice(1)) await accept(plain, other);
    }),
  );
  expect((await accept(keeper, child)).status).toBe('orphan');
  expect(await store.list(ORPHANS)).toHaveLength(16);
  clock.seconds += 7201;
  await plain.tick();
  expect(await store.list(ORPHANS)).toEqual([]);
  expect(await store.list(pk)).toEqual([]);
});
