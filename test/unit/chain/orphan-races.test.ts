/** A block and its parent that come at one moment, to two processes on one store: both are connected. */
import { expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { createChain } from '../../../lib/chain/create-chain.ts';
import type { Chain } from '../../../lib/chain/types.ts';
import type { RowKey, Store } from '../../../lib/ports/store.ts';
import { blockKey, ORPHANS } from '../../../lib/store/layout.ts';
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
  return { store, chainOn, plain, parent, child, accept };
}

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
