/**
 * What is given up off the chain while another process makes it the best chain, and what deaths leave
 * behind: no block of the best chain may ever lack its body, and nothing stays that nobody will use.
 */
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { Fault } from '../../lib/faults.ts';
import type { LooseRow, Store } from '../../lib/ports/store.ts';
import { easyNetwork, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import { acceptAll, openRig, type Rig, tipHash } from '../helpers/chain-rig.ts';

const DEPTH = 300;
const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

/** The same store with some of its calls changed. */
const withCalls = (store: Store, calls: Partial<Store>): Store => ({
  snapshot: () => store.snapshot(),
  recentHead: () => store.recentHead(),
  read: (keys) => store.read(keys),
  list: (pk, options) => store.list(pk, options),
  commit: (version, commit) => store.commit(version, commit),
  transact: (ops) => store.transact(ops),
  put: (rows) => store.put(rows),
  remove: (keys) => store.remove(keys),
  sweep: (now) => store.sweep(now),
  close: async () => undefined,
  ...calls,
});

/** Two branches of equal length, `a` off the chain; the lowest of `a` are due to be given up. */
async function twoBranches(): Promise<{ rig: Rig; a: StoryBlock[]; b: StoryBlock[] }> {
  const store = createMemoryStore();
  const rig = await openRig({ params, store });
  const story = new Story(params);
  const a = story.mineMany(DEPTH + 2);
  const b = story.mineMany(DEPTH + 1, { on: story.genesis });
  for (let i = 0; i < DEPTH; i++) await acceptAll(rig.chain, [a[i]!, b[i]!]);
  await acceptAll(rig.chain, [b[DEPTH]!]);
  expect(await tipHash(rig.chain)).toBe(b[DEPTH]!.entry.hash);
  return { rig, a, b };
}

async function bodiesOf({ chain }: Rig, blocks: readonly StoryBlock[]): Promise<number> {
  const found = await Promise.all(blocks.map(({ entry }) => chain.block(entry.hash)));
  return found.filter((block) => block !== undefined).length;
}

describe('a branch that is given up', () => {
  it('stays whole when another process takes it just before', async () => {
    const { rig, a } = await twoBranches();
    let raced = false;
    const store = withCalls(rig.store, {
      commit: async (version, commit) => {
        if (!raced) {
          raced = true;
          const other = await openRig({ params, store: rig.store });
          expect(await acceptAll(other.chain, a.slice(DEPTH))).toEqual(['side', 'tip']);
        }
        return rig.store.commit(version, commit);
      },
    });
    const evictor = await openRig({ params, store });
    await evictor.chain.tick();
    expect(raced).toBe(true);
    expect(await tipHash(rig.chain)).toBe(a.at(-1)!.entry.hash);
    expect(await bodiesOf(rig, a)).toBe(DEPTH + 2);
    // What is left of the other branch goes instead, and it is the tip that is looked at.
    await evictor.chain.tick();
    expect(await bodiesOf(rig, a)).toBe(DEPTH + 2);
  });

  it('is not taken by a process that read it before and commits just after', async () => {
    const { rig, a, b } = await twoBranches();
    let reachCommit = (): void => undefined;
    let openCommit = (): void => undefined;
    const atCommit = new Promise<void>((resolve) => {
      reachCommit = resolve;
    });
    const evicted = new Promise<void>((resolve) => {
      openCommit = resolve;
    });
    // It has read the branch, all bodies of it, and is about to commit.
    const late = await openRig({
      params,
      store: withCalls(rig.store, {
        commit: async (version, commit) => {
          reachCommit();
          await evicted;
          return rig.store.commit(version, commit);
        },
      }),
    });
    let taking: Promise<string[]> | undefined;
    // It has planned what goes before the branch grew.
    const evictor = await openRig({
      params,
      store: withCalls(rig.store, {
        commit: async (version, commit) => {
          taking ??= acceptAll(late.chain, a.slice(DEPTH));
          await atCommit;
          return rig.store.commit(version, commit);
        },
      }),
    });
    await evictor.chain.tick();
    openCommit();
    expect(await taking).toEqual(['side', 'side']);
    expect(await tipHash(rig.chain)).toBe(b[DEPTH]!.entry.hash);
    expect(await bodiesOf(rig, b)).toBe(DEPTH + 1);
    expect(await bodiesOf(rig, a)).toBeLessThan(DEPTH);
    // The chain goes on.
    await rig.chain.activateBest();
    expect(await tipHash(rig.chain)).toBe(b[DEPTH]!.entry.hash);
  });
});

const listedIn = async (store: Store): Promise<(string | undefined)[]> =>
  (await store.list('O')).map(({ sk }) => sk.split(':')[1]);

const rowsOf = async (store: Store, blocks: readonly StoryBlock[]): Promise<LooseRow[]> => {
  const lists = await Promise.all(blocks.map(({ entry }) => store.list(`B#${entry.hash}`)));
  return lists.flat();
};

/** Three blocks, and one of over 96 KB that stands on the last of them, or on the one before. */
function largeBlock(story: Story, on: 'tip' | 'below') {
  const trunk = story.mineMany(3);
  const fan = story.spend({
    inputs: [`${trunk[0]!.name}:0`],
    outputs: Array.from({ length: 3000 }, () => ({ to: 'alice', sats: 1000 })),
  });
  const large = story.mine({ on: trunk[on === 'tip' ? 2 : 1]!, txs: [fan] });
  expect(large.block.raw.length).toBeGreaterThan(96 * 1024);
  return { trunk, large };
}

/** Dies at the n-th row that is put, and at any commit. Rows of one put may land in any order. */
function dyingAt(store: Store, n: number, order: 'first' | 'last' = 'first'): Store {
  let rows = 0;
  const died = (): Fault => new Fault('store-io', 'the process died here');
  return withCalls(store, {
    put: async (given) => {
      for (const row of order === 'first' ? given : [...given].reverse()) {
        if (++rows >= n) throw died();
        await store.put([row]);
      }
    },
    commit: async () => {
      throw died();
    },
  });
}

const ROWS = [1, 2, 3, 4, 5, 6];

/** The periodic call now, and when nobody's writer can live any more. */
async function tickForLong({ chain, clock }: Rig): Promise<void> {
  await chain.tick();
  clock.seconds += 601;
  await chain.tick();
}

describe('a block whose writer died before its commit, and another was faster', () => {
  const NEXT = ['the tick', 'two blocks', 'a window', 'two writers that died as well'] as const;
  const cases = ROWS.flatMap((dies) => NEXT.map((then) => [dies, then] as const));
  it.each(cases)('at row %i, then %s: it is listed and given up, or goes', async (dies, then) => {
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    const story = new Story(params);
    const { trunk, large: lost } = largeBlock(story, 'tip');
    await acceptAll(rig.chain, trunk);
    const mortal = await openRig({ params, store: dyingAt(store, dies) });
    await expect(acceptAll(mortal.chain, [lost])).rejects.toThrow('died');
    const left = (await rowsOf(store, [lost])).length;
    if (dies > 2) expect(left).toBeGreaterThan(0);
    // Whoever comes next.
    const next = story.mineMany(2, { on: trunk[2]! });
    if (then === 'the tick') await rig.chain.tick();
    const others: StoryBlock[] = [];
    for (let i = 0; i < 2 && then.startsWith('two writers'); i++) {
      const other = story.mine({ on: trunk[2]!, txs: lost.block.txs.slice(1), payTo: `m${i}` });
      others.push(other);
      const another = await openRig({ params, store: dyingAt(store, 3) });
      await expect(acceptAll(another.chain, [other])).rejects.toThrow('died');
    }
    if (then === 'a window') await rig.chain.acceptBlocks(next.map(({ block }) => block.raw));
    else await acceptAll(rig.chain, next);
    await tickForLong(rig);
    const listed = await listedIn(store);
    const isWhole = (await rig.chain.block(lost.entry.hash)) !== undefined;
    expect(listed.includes(lost.entry.hash)).toBe(isWhole);
    if (!isWhole) expect(await rowsOf(store, [lost])).toEqual([]);
    expect(await tipHash(rig.chain)).toBe(next[1]!.entry.hash);
    expect(await bodiesOf(rig, [...trunk, ...next])).toBe(5);
    // It is no worse off than if it had never come.
    await acceptAll(rig.chain, [lost]);
    await acceptAll(rig.chain, story.mineMany(290, { on: next[1]! }));
    await rig.chain.tick();
    expect(await rowsOf(store, [lost, ...others])).toEqual([]);
  });
});

describe('a block off the chain whose writer died', () => {
  const cases = ROWS.flatMap((dies) =>
    (['alone', 'below a better one'] as const).map((how) => [dies, how] as const),
  );
  it.each(cases)('at row %i, %s: it can come again, or goes', async (dies, how) => {
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    const story = new Story(params);
    const { trunk, large } = largeBlock(story, 'below');
    await acceptAll(rig.chain, trunk);
    const mortal = await openRig({ params, store: dyingAt(store, dies) });
    await acceptAll(mortal.chain, [large]).catch(() => undefined);
    await tickForLong(rig);
    let top = trunk[2]!;
    if (how !== 'alone') {
      // Its child makes it the better branch: what is not wholly here is wanted again.
      const child = story.mine({ on: large });
      await rig.chain.acceptHeaders([large, child].map(({ block }) => block.header));
      await acceptAll(rig.chain, [child]);
      for (const hash of await rig.chain.missingBodies(9)) {
        expect(hash).toBe(large.entry.hash);
        await acceptAll(rig.chain, [large]);
      }
      expect(await tipHash(rig.chain)).toBe(child.entry.hash);
      expect(await bodiesOf(rig, [large, child])).toBe(2);
      top = trunk[2]!;
      for (let i = 0; i < 2; i++) top = story.mine({ on: top });
      await acceptAll(rig.chain, story.path(top).slice(-2));
    }
    await acceptAll(rig.chain, story.mineMany(291, { on: top }));
    await rig.chain.tick();
    expect(await rowsOf(store, [large])).toEqual([]);
  });

  it.each([1, 2, 3])('small, its last row landing first, at row %i: it goes', async (dies) => {
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    const story = new Story(params);
    const trunk = story.mineMany(3);
    const small = story.mine({ on: trunk[1]!, payTo: 'rival' });
    await acceptAll(rig.chain, trunk);
    const mortal = await openRig({ params, store: dyingAt(store, dies, 'last') });
    await acceptAll(mortal.chain, [small]).catch(() => undefined);
    await tickForLong(rig);
    await acceptAll(rig.chain, story.mineMany(291, { on: trunk[2]! }));
    await rig.chain.tick();
    expect(await rowsOf(store, [small])).toEqual([]);
  });

  const orders = ROWS.flatMap((dies) => [[dies, 'first'] as const, [dies, 'last'] as const]);
  it.each(orders)(
    'and whose parent is unknown, at row %i, the %s of a put landing first: it goes after its hour',
    async (dies, order) => {
      const store = createMemoryStore();
      const rig = await openRig({ params, store });
      const { large } = largeBlock(new Story(params), 'tip');
      const mortal = await openRig({ params, store: dyingAt(store, dies, order) });
      await acceptAll(mortal.chain, [large]).catch(() => undefined);
      rig.clock.seconds += 3601;
      await rig.chain.tick();
      expect(await store.list(`Q#${large.entry.hash}`)).toEqual([]);
      expect(await store.list('Q')).toEqual([]);
    },
  );
});

describe('a block whose writer lives while another process clears up', () => {
  it.each([1, 2, 3])('after its put %i: it is the tip all the same, whole', async (turn) => {
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    const story = new Story(params);
    const { trunk, large: block } = largeBlock(story, 'tip');
    await acceptAll(rig.chain, trunk);
    let puts = 0;
    const slow = withCalls(store, {
      put: async (rows) => {
        await store.put(rows);
        if (++puts === turn) await tickForLong(rig);
      },
    });
    const writer = await openRig({ params, store: slow });
    expect(await acceptAll(writer.chain, [block])).toEqual(['tip']);
    expect(await tipHash(rig.chain)).toBe(block.entry.hash);
    expect(await bodiesOf(rig, [...trunk, block])).toBe(4);
    await rig.chain.tick();
    expect(await bodiesOf(rig, [...trunk, block])).toBe(4);
    const next = story.mineMany(2, { on: block });
    expect(await acceptAll(rig.chain, next)).toEqual(['tip', 'tip']);
  });
});

describe('a process that tidies late', () => {
  it('takes the listing of a block that has left the chain since: its branch can still win', async () => {
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    const story = new Story(params);
    const trunk = story.mineMany(2);
    await acceptAll(rig.chain, trunk);
    const a = story.mineMany(4, { on: trunk[1]! });
    const b = story.mineMany(3, { on: trunk[1]! });
    await rig.chain.acceptHeaders([a[0]!.block.header]);
    let wake = (): void => undefined;
    let reach = (): void => undefined;
    const asleep = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const reached = new Promise<void>((resolve) => {
      reach = resolve;
    });
    const slow = withCalls(store, {
      remove: async (keys) => {
        reach();
        await asleep;
        await store.remove(keys);
      },
    });
    const late = await openRig({ params, store: slow });
    const tidying = acceptAll(late.chain, a.slice(0, 1));
    await reached;
    expect(await acceptAll(rig.chain, [a[1]!, ...b])).toEqual(['tip', 'side', 'side', 'tip']);
    wake();
    expect(await tidying).toEqual(['tip']);
    expect(await acceptAll(rig.chain, a.slice(2))).toEqual(['side', 'tip']);
    expect(await tipHash(rig.chain)).toBe(a[3]!.entry.hash);
    expect(await bodiesOf(rig, [...trunk, ...a])).toBe(6);
  });
});

describe('what is given up while it comes, or leaves the chain, at the same moment', () => {
  /** Does something else before its first call that takes anything away, or just after its first commit. */
  function raced(store: Store, when: 'before' | 'after', other: () => Promise<unknown>): Store {
    let isDone = false;
    const once = async (): Promise<void> => {
      if (isDone) return;
      isDone = true;
      await other();
    };
    return withCalls(store, {
      remove: async (keys) => {
        if (when === 'before') await once();
        await store.remove(keys);
      },
      commit: async (version, commit) => {
        if (when === 'before') await once();
        const result = await store.commit(version, commit);
        if (when === 'after') await once();
        return result;
      },
    });
  }

  it.each([
    ['a header, as its body comes', 'before'],
    ['a body, as it comes again', 'after'],
  ] as const)('%s: it stays listed, and goes with the next block', async (what, when) => {
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    const story = new Story(params);
    const trunk = story.mineMany(292);
    const side = story.mine({ on: trunk[0]! });
    await acceptAll(rig.chain, trunk.slice(0, 2));
    await rig.chain.acceptHeaders([side.block.header]);
    if (what.startsWith('a body')) await acceptAll(rig.chain, [side]);
    await acceptAll(rig.chain, trunk.slice(2));
    let status: string | undefined;
    const evictor = await openRig({
      params,
      store: raced(store, when, async () => {
        await rig.chain.acceptHeaders([side.block.header], { proven: true });
        [status] = await acceptAll(rig.chain, [side]);
      }),
    });
    await evictor.chain.tick();
    expect(status).toBe('side');
    expect(await listedIn(store)).toEqual([side.entry.hash]);
    await acceptAll(rig.chain, [story.mine({ on: trunk.at(-1)! })]);
    await rig.chain.tick();
    expect(await listedIn(store)).toEqual([]);
    expect(await rowsOf(store, [side])).toEqual([]);
  });

  it('the listing of a block that is on the chain, as it is taken off: it stays', async () => {
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    const story = new Story(params);
    const trunk = story.mineMany(2);
    const a = story.mineMany(2, { on: trunk[0]! });
    const b = story.mineMany(2, { on: trunk[1]! });
    await acceptAll(rig.chain, [...trunk, a[0]!]);
    const untidy = withCalls(store, {
      remove: async () => {
        throw new Fault('store-io', 'the process died here');
      },
    });
    const mortal = await openRig({ params, store: untidy });
    await expect(acceptAll(mortal.chain, [a[1]!])).rejects.toThrow('died');
    expect(await tipHash(rig.chain)).toBe(a[1]!.entry.hash);
    const other = async () => {
      expect(await acceptAll(rig.chain, b)).toEqual(['side', 'tip']);
    };
    const evictor = await openRig({ params, store: raced(store, 'before', other) });
    await evictor.chain.tick();
    expect(await tipHash(rig.chain)).toBe(b[1]!.entry.hash);
    expect(await listedIn(store)).toEqual(
      expect.arrayContaining(a.map(({ entry }) => entry.hash as string)),
    );
    expect((await rig.chain.tips()).map(({ hash }) => hash)).toContain(a[1]!.entry.hash);
  });
});
