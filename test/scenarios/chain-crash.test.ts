/**
 * A process that dies at any of its calls to the store: whoever opens the store next finds the old
 * chain or the new one, its coins equal a replay from genesis, and goes on.
 */
import { describe, expect, it } from 'vitest';
import { createMemoryStore, type MemoryStore } from '../../lib/adapters/memory-store.ts';
import type { Chain } from '../../lib/chain/types.ts';
import { Fault } from '../../lib/faults.ts';
import type { Store } from '../../lib/ports/store.ts';
import { easyNetwork, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import {
  acceptAll,
  busyChain,
  coinLines,
  openRig,
  replayLines,
  STORES,
  scriptsOf,
  tipHash,
} from '../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

/** Writing calls fail from the n-th on; with `done` the n-th itself is still carried out. */
function dying(store: Store, n: number, done: boolean): { store: Store; died(): boolean } {
  let count = 0;
  const guard = async <T>(task: () => Promise<T>): Promise<T> => {
    count++;
    if (count === n && done) await task();
    if (count >= n) throw new Fault('store-io', 'dead');
    return task();
  };
  const wrapped: Store = {
    snapshot: () => store.snapshot(),
    recentHead: () => store.recentHead(),
    read: (keys) => store.read(keys),
    list: (pk, options) => store.list(pk, options),
    commit: (version, commit) => guard(() => store.commit(version, commit)),
    transact: (ops) => guard(() => store.transact(ops)),
    put: (rows) => guard(() => store.put(rows)),
    remove: (keys) => guard(() => store.remove(keys)),
    sweep: (now) => guard(() => store.sweep(now)),
    close: async () => undefined,
  };
  return { store: wrapped, died: () => count >= n };
}

/** Rows of one put arrive in part: the port promises no more for loose rows. */
function tearing(store: Store, n: number): { store: Store; died(): boolean } {
  let count = 0;
  const { store: dead, died } = dying(store, Number.POSITIVE_INFINITY, false);
  const put: Store['put'] = async (rows) => {
    for (const row of rows) {
      if (++count >= n) throw new Fault('store-io', 'dead');
      await store.put([row]);
    }
  };
  const remove: Store['remove'] = async (keys) => {
    for (const key of keys) {
      if (++count >= n) throw new Fault('store-io', 'dead');
      await store.remove([key]);
    }
  };
  return { store: { ...dead, put, remove }, died: () => died() || count >= n };
}

interface Work {
  readonly name: string;
  readonly before: readonly StoryBlock[];
  run(chain: Chain): Promise<unknown>;
  /** Tips that may be seen afterwards. */
  readonly tips: readonly StoryBlock[];
  /** What a second delivery of everything ends in. */
  readonly end: StoryBlock;
}

function works(): Work[] {
  const story = new Story(params);
  const trunk = busyChain(story, { on: story.genesis, length: 3, tag: 't' });
  const top = trunk[2]!;
  const next = busyChain(story, { on: top, length: 1, tag: 'n' });
  const a = busyChain(story, { on: trunk[1]!, length: 3, tag: 'a' });
  const w = busyChain(story, { on: top, length: 4, tag: 'w' });
  const raws = w.map(({ block }) => block.raw);
  return [
    {
      name: 'a block on the tip',
      before: trunk,
      run: (chain) => acceptAll(chain, next),
      tips: [top, next[0]!],
      end: next[0]!,
    },
    {
      name: 'a sync window',
      before: trunk,
      run: async (chain) => {
        await chain.acceptHeaders(w.map(({ block }) => block.header));
        await chain.acceptBlocks(raws);
      },
      tips: [top, w[3]!],
      end: w[3]!,
    },
    {
      name: 'a reorganisation',
      before: [...trunk, ...a.slice(0, 1)],
      run: (chain) => acceptAll(chain, a.slice(1)),
      tips: [top, a[1]!, a[2]!],
      end: a[2]!,
    },
    {
      name: 'orphans that find their parent',
      before: trunk,
      run: (chain) => acceptAll(chain, [...w].reverse()),
      tips: [top, ...w],
      end: w[3]!,
    },
    {
      name: 'the quota',
      before: [...trunk, ...a.slice(0, 1), ...w],
      run: (chain) => chain.tick(),
      tips: [w[3]!],
      end: w[3]!,
    },
  ];
}

async function deliver(chain: Chain, work: Work): Promise<void> {
  const blocks: StoryBlock[] = [];
  for (let at: StoryBlock | undefined = work.end; at?.parent; at = at.parent) blocks.unshift(at);
  await acceptAll(chain, blocks);
}

async function check(store: Store, work: Work, told: string): Promise<void> {
  const { chain } = await openRig({ params, store });
  await chain.activateBest();
  const hash = await tipHash(chain);
  const tip = work.tips.find(({ entry }) => entry.hash === hash);
  expect(tip?.name, told).toBeDefined();
  const scripts = scriptsOf([...work.before, ...work.tips].flatMap((at) => pathOf(at)));
  expect(await coinLines(store, scripts), told).toEqual(replayLines(tip!));
  await chain.tick();
  await deliver(chain, work);
  expect(await tipHash(chain), told).toBe(work.end.entry.hash);
  expect(await coinLines(store, scripts), told).toEqual(replayLines(work.end));
  // Nothing is left behind that the next tick would not take away.
  await chain.tick();
  const own = new Set(pathOf(work.end).map(({ entry }) => entry.hash));
  for (const row of [...(await store.list('O')), ...(await store.list('W'))]) {
    expect(own.has(row.sk.split(':')[1] as never), `${told} ${row.pk} ${row.sk}`).toBe(false);
  }
}

const pathOf = (at: StoryBlock): StoryBlock[] => {
  const path: StoryBlock[] = [];
  for (let block: StoryBlock | undefined = at; block?.parent; block = block.parent)
    path.push(block);
  return path;
};

describe('dead at the n-th write', () => {
  it.each(works())('$name, in memory, for every n', async (work) => {
    let moved = false;
    let stayed = false;
    for (const kind of ['before', 'after', 'torn'] as const) {
      for (let n = 1; n < 400; n++) {
        const store: MemoryStore = createMemoryStore();
        const rig = await openRig({ params, store });
        await acceptAll(rig.chain, work.before);
        const dead = kind === 'torn' ? tearing(store, n) : dying(store, n, kind === 'after');
        const mortal = await openRig({ params, store: dead.store }).catch(() => undefined);
        await (mortal && work.run(mortal.chain))?.catch(() => undefined);
        const seen = await tipHash(rig.chain);
        moved ||= seen === work.end.entry.hash;
        stayed ||= seen !== work.end.entry.hash;
        await check(store, work, `${kind} ${n}`);
        if (!dead.died()) break;
      }
    }
    expect(moved).toBe(true);
    if (work.tips.length > 1) expect(stayed).toBe(true);
  });

  it.each(works().slice(0, 3))('$name, on LevelDB, reopened', async (work) => {
    const level = STORES.find(({ name }) => name === 'LevelDB');
    for (let n = 1; n < 40; n++) {
      const { store, done } = await level!.open();
      const rig = await openRig({ params, store });
      await acceptAll(rig.chain, work.before);
      const dead = dying(store, n, n % 2 === 0);
      const mortal = await openRig({ params, store: dead.store });
      await work.run(mortal.chain).catch(() => undefined);
      await check(store, work, `${n}`);
      await done();
      if (!dead.died()) return;
    }
    throw new Error('the work never came to its end');
  });

  it('a block that was stored and not connected is connected by whoever comes next', async () => {
    const story = new Story(params);
    const [b1, b2] = busyChain(story, { on: story.genesis, length: 2, tag: 'b' });
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    await acceptAll(rig.chain, [b1!]);
    const failing: Store = {
      ...dying(store, Number.POSITIVE_INFINITY, false).store,
      commit: async () => {
        throw new Fault('store-io', 'dead');
      },
    };
    const mortal = await openRig({ params, store: failing });
    await expect(acceptAll(mortal.chain, [b2!])).rejects.toThrow('dead');
    expect(await tipHash(rig.chain)).toBe(b1!.entry.hash);
    const change = await rig.chain.activateBest();
    expect(change?.to.hash).toBe(b2!.entry.hash);
    expect(await coinLines(store, scriptsOf([b1!, b2!]))).toEqual(replayLines(b2!));
  });

  it('a block that died before its commit, and lost to another, can still win', async () => {
    const story = new Story(params);
    const [b1, b2, b3] = busyChain(story, { on: story.genesis, length: 3, tag: 'b' });
    const [c2] = busyChain(story, { on: b1!, length: 1, tag: 'c' });
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    await acceptAll(rig.chain, [b1!]);
    const commit = async () => {
      throw new Fault('store-io', 'dead');
    };
    const failing = { ...dying(store, Number.POSITIVE_INFINITY, false).store, commit };
    const mortal = await openRig({ params, store: failing });
    await expect(acceptAll(mortal.chain, [b2!])).rejects.toThrow('dead');
    expect(await acceptAll(rig.chain, [c2!])).toEqual(['tip']);
    await rig.chain.acceptHeaders([b2!.block.header, b3!.block.header]);
    expect(await rig.chain.missingBodies(9)).toEqual([b3!.entry.hash]);
    expect(await acceptAll(rig.chain, [b3!])).toEqual(['tip']);
    expect(await tipHash(rig.chain)).toBe(b3!.entry.hash);
  });

  it('headers whose storing was cut off anywhere are wanted when they come again', async () => {
    const story = new Story(params);
    const blocks = busyChain(story, { on: story.genesis, length: 4, tag: 'h' });
    const headers = blocks.map(({ block }) => block.header);
    const hashes = blocks.map(({ entry }) => entry.hash);
    for (let n = 1; ; n++) {
      const store = createMemoryStore();
      const rig = await openRig({ params, store });
      const torn = tearing(store, n);
      const mortal = await openRig({ params, store: torn.store });
      await mortal.chain.acceptHeaders(headers).catch(() => undefined);
      await rig.chain.acceptHeaders(headers.slice(0, n % 2 === 0 ? 3 : 4));
      await rig.chain.acceptHeaders(headers.slice(3));
      expect(await rig.chain.missingBodies(9), `${n}`).toEqual(hashes);
      if (!torn.died()) break;
    }
  });

  it('undo data that were put in part do not keep the block from the chain', async () => {
    const story = new Story(params);
    const blocks = busyChain(story, { on: story.genesis, length: 3, tag: 'u' });
    const last = blocks[2]!;
    const { hash } = last.entry;
    expect(last.effects.spent.length).toBeGreaterThan(0);
    const store = createMemoryStore();
    const rig = await openRig({ params, store });
    await acceptAll(rig.chain, blocks.slice(0, 2));
    const commit = async () => {
      const [row] = (await store.list(`B#${hash}`)).filter(({ sk }) => sk.startsWith('undo#'));
      await store.put([{ ...row!, value: row!.value.slice(0, 1) }]);
      throw new Fault('store-io', 'dead');
    };
    const failing = { ...dying(store, Number.POSITIVE_INFINITY, false).store, commit };
    const mortal = await openRig({ params, store: failing });
    await expect(acceptAll(mortal.chain, [last])).rejects.toThrow('dead');
    expect((await rig.chain.activateBest())?.to.hash).toBe(hash);
    await rig.chain.invalidate(hash);
    expect(await tipHash(rig.chain)).toBe(blocks[1]!.entry.hash);
    expect(await coinLines(store, scriptsOf(blocks))).toEqual(replayLines(blocks[1]!));
  });
});
