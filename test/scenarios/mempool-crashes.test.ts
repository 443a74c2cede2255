/** A process that dies at any of its writes, before or after it took effect; what the next one finds. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Mempool } from '../../lib/mempool/types.ts';
import type { Store } from '../../lib/ports/store.ts';
import { scriptHash } from '../../lib/script/index.ts';
import type { Tx } from '../../lib/types.ts';
import { brokenInvariants, inAWord, MempoolWorld } from '../helpers/mempool-world.ts';

const OPT_IN = 0xffff_fffd;
const WRITES = new Set(['transact', 'put', 'remove']);
let world: MempoolWorld;
afterEach(() => world.close());

class Died extends Error {}

/** A mempool whose process dies at its n-th write. `done`: it takes effect, but is not answered. */
function dying(n: number, done: boolean): { mempool: Mempool; writes: () => number } {
  let writes = 0;
  const wrap = (store: Store): Store =>
    new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== 'function') return value;
        return async (...args: unknown[]) => {
          if (!WRITES.has(String(name))) {
            if (writes >= n) throw new Died();
            return value.apply(target, args);
          }
          writes += 1;
          if (writes > n || (writes === n && !done)) throw new Died();
          const result = await value.apply(target, args);
          if (writes === n) throw new Died();
          return result;
        };
      },
    });
  return { mempool: world.another(wrap), writes: () => writes };
}

interface Scene {
  readonly tx: Tx;
  /** Ids before it came. */
  readonly old: readonly string[];
  /** Ids once it is in. */
  readonly new: readonly string[];
}

const SCENES: Record<string, () => Promise<Scene>> = {
  'a simple payment': async () => {
    const tx = world.story.pay({ from: 'b1:0', to: 'bob', sats: 1000 });
    return { tx, old: [], new: [tx.txid] };
  },
  'a child of an unconfirmed parent': async () => {
    const { story } = world;
    const parent = story.pay({ name: 'parent', from: 'b1:0', to: 'bob', sats: 1e6 });
    const tx = story.pay({ name: 'child', from: 'parent:1', to: 'bob', sats: 1e6 });
    await world.accept(parent);
    return { tx, old: [parent.txid], new: [parent.txid, tx.txid] };
  },
  'a replacement of a family': async () => {
    const { story } = world;
    const first = story.pay({
      name: 'first',
      from: 'b1:0',
      to: 'bob',
      sats: 1e6,
      sequence: OPT_IN,
    });
    const child = story.pay({ name: 'child', from: 'first:1', to: 'bob', sats: 1e6 });
    const tx = story.pay({ from: 'b1:0', to: 'eve', sats: 1e6, fee: 50_000 });
    for (const each of [first, child]) await world.accept(each);
    return { tx, old: [first.txid, child.txid], new: [tx.txid] };
  },
  'a replacement by a transaction of 150 inputs': async () => {
    const { story } = world;
    const outputs = Array.from({ length: 150 }, () => ({ to: 'alice', sats: 1e6 }));
    await world.mine({ txs: [story.spend({ name: 'fan', inputs: ['b2:0'], outputs })] });
    const optIn = { to: 'bob', sats: 3e5, sequence: OPT_IN };
    const old = [3, 149].map((i) => story.pay({ ...optIn, name: `old${i}`, from: `fan:${i}` }));
    // Its other input must not be lost to it when the replacement dies half-way.
    const two = story.pay({ ...optIn, name: 'two', from: ['fan:70', 'fan:71'] });
    const child = story.pay({ from: 'two:1', to: 'bob', sats: 2e5 });
    for (const tx of [...old, two, child]) await world.accept(tx);
    const from = outputs.map((_, i) => `fan:${i}`);
    const tx = story.pay({ ...optIn, from, fee: 100_000 });
    return { tx, old: [...old, two, child].map(({ txid }) => txid), new: [tx.txid] };
  },
  'a transaction of 150 inputs': async () => {
    const { story } = world;
    const outputs = Array.from({ length: 150 }, () => ({ to: 'alice', sats: 1e6 }));
    const fan = story.spend({ name: 'fan', inputs: ['b2:0'], outputs });
    await world.mine({ txs: [fan] });
    const from = outputs.map((_, i) => `fan:${i}`);
    const tx = story.pay({ from, to: 'bob', sats: 1000, fee: 100_000 });
    return { tx, old: [], new: [tx.txid] };
  },
};

const sorted = (ids: readonly string[]): string[] => [...ids].sort();

describe('a process that dies while it admits', () => {
  it.each(Object.keys(SCENES))('%s, at every write', async (name) => {
    let died = 0;
    for (let n = 1; ; n++) {
      for (const done of [false, true]) {
        world = await MempoolWorld.open({ blocks: 8 });
        const scene = await SCENES[name]!();
        const { mempool } = dying(n, done);
        const word = await mempool.accept(scene.tx.raw).then(inAWord, (error: unknown) => {
          if (!(error instanceof Died)) throw error;
          return 'died';
        });
        died += word === 'died' ? 1 : 0;
        expect(['died', 'accepted']).toContain(word);
        const next = world.another();
        const found = sorted((await next.list()).map(({ txid }) => txid));
        expect([sorted(scene.old), sorted(scene.new)]).toContainEqual(found);
        expect(await brokenInvariants(world)).toEqual([]);
        const made = await world.template(world.templatesOf(next));
        expect((await world.chain.proposeBlock(made.raw)).ok).toBe(true);
        // Half-made claims are in nobody's way for long.
        world.clock.advance(61_000);
        await next.tick();
        expect(['accepted', 'known']).toContain(inAWord(await next.accept(scene.tx.raw)));
        expect(sorted(await world.txids(next))).toEqual(sorted(scene.new));
        expect(await brokenInvariants(world)).toEqual([]);
        await world.close();
        if (word === 'accepted') {
          expect(died).toBeGreaterThan(3);
          return;
        }
      }
    }
  });

  it('a replacement that cannot go in one step is refused, and the one that stands goes on', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fan = async (name: string, from: string, count: number): Promise<string[]> => {
      const outputs = Array.from({ length: count }, () => ({ to: 'alice', sats: 1e6 }));
      await world.mine({ txs: [story.spend({ name, inputs: [from], outputs })] });
      return outputs.map((_, i) => `${name}:${i}`);
    };
    const pay = (from: string[], fee: number) =>
      story.pay({ from, to: 'bob', sats: 1000, fee, sequence: OPT_IN });
    const many = await fan('many', 'b1:0', 99);
    const large = pay(many, 100_000);
    const small = pay(await fan('few', 'b2:0', 98), 100_000);
    for (const tx of [large, small]) expect(await world.try(tx)).toBe('accepted');
    // One row, 98 claims and one that goes: the store takes a hundred operations.
    const better = pay(
      small.inputs.map((_, i) => `few:${i}`),
      200_000,
    );
    expect(await world.try(better)).toBe('accepted');
    const tooLarge = pay(many, 200_000);
    expect(await world.mempool.test(tooLarge.raw)).toMatchObject({ ok: false });
    expect(await world.try(tooLarge)).toBe('too many potential replacements');
    expect(sorted(await world.txids())).toEqual(sorted([large.txid, better.txid]));
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('one that lives on ends its long admission: who saw it pending does not clear it away', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { tx } = await SCENES['a transaction of 150 inputs']!();
    const other = world.another();
    let writes = 0;
    const slow = world.another(
      (store) =>
        new Proxy(store, {
          get(target, name) {
            const value = Reflect.get(target, name) as unknown;
            if (typeof value !== 'function') return value;
            if (name !== 'transact') return value.bind(target);
            return async (...args: unknown[]) => {
              const result = await value.apply(target, args);
              // Another process reads all for the first time while the claims are being made.
              if (++writes === 2) expect(await other.list()).toEqual([]);
              return result;
            };
          },
        }),
    );
    expect(inAWord(await slow.accept(tx.raw))).toBe('accepted');
    expect(writes).toBeGreaterThan(2);
    world.clock.advance(61_000);
    await other.tick();
    expect(await world.txids(world.another())).toEqual([tx.txid]);
    expect(await world.txids(other)).toEqual([tx.txid]);
  });

  it('leaves a transaction that nobody was told of: the next tick tells it', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const witness = world.another();
    expect(await witness.list()).toEqual([]);
    const tx = world.story.pay({ from: 'b1:0', to: 'bob', sats: 1000 });
    await expect(dying(1, true).mempool.accept(tx.raw)).rejects.toThrow(Died);
    const cursor = (await witness.feed('', 10)).cursor;
    const sequence = await witness.sequence();
    world.clock.advance(301_000);
    await witness.tick();
    expect((await witness.list()).map(({ txid }) => txid)).toEqual([tx.txid]);
    expect(await witness.sequence()).not.toBe(sequence);
    expect((await witness.feed(cursor, 10)).txids).toEqual([tx.txid]);
    const script = scriptHash(world.story.script('bob'));
    expect((await witness.byScript(script)).map(({ txid }) => txid)).toEqual([tx.txid]);
  });

  it('leaves a parent that others do not know of: its child is not buried', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const witness = world.another();
    expect(await witness.list()).toEqual([]);
    const parent = story.pay({ name: 'parent', from: 'b1:0', to: 'bob', sats: 1e6 });
    const child = story.pay({ from: 'parent:1', to: 'bob', sats: 1e6 });
    await expect(dying(1, true).mempool.accept(parent.raw)).rejects.toThrow(Died);
    expect(await world.try(child)).toBe('accepted');
    // It heard of the child alone.
    expect(await witness.list()).toEqual([]);
    const mined = story.mine();
    const change = await world.give(mined.block, { stalled: true });
    await witness.reconcile(change!);
    const ids = [parent, child].map(({ txid }) => txid);
    expect(sorted((await witness.list()).map(({ txid }) => txid))).toEqual(sorted(ids));
    expect(sorted(await world.txids(world.another()))).toEqual(sorted(ids));
  });
});

describe('a process that dies while it reconciles', () => {
  it('a reorganisation, at every write: a tick of the next ends in the same state', async () => {
    for (let n = 1; ; n++) {
      world = await MempoolWorld.open({ blocks: 8 });
      const { story } = world;
      await world.mempool.tick();
      const fork = story.tip;
      const pay = (name: string, from: string) => story.pay({ name, from, to: 'bob', sats: 1e6 });
      const a = pay('a', 'b1:0');
      const b = pay('b', 'a:1');
      const conflicted = pay('conflicted', 'b2:0');
      const waits = pay('waits', 'b:1');
      const dies = pay('dies', 'conflicted:1');
      await world.mine({ txs: [a, conflicted] });
      await world.mine({ txs: [b] });
      for (const tx of [waits, dies]) expect(await world.try(tx)).toBe('accepted');
      story.mine({
        on: fork,
        name: 'r1',
        txs: [story.pay({ from: 'b2:0', to: 'eve', sats: 1e6 })],
      });
      for (const name of ['r2', 'r3']) story.mine({ name });
      await world.give(story.block('r1').block, { stalled: true });
      await world.give(story.block('r2').block, { stalled: true });
      const change = await world.give(story.block('r3').block, { stalled: true });
      const { mempool, writes } = dying(n, n % 2 === 0);
      const ended = await mempool.reconcile(change!).then(
        () => true,
        (error: unknown) => {
          if (!(error instanceof Died)) throw error;
          return false;
        },
      );
      const next = world.another();
      expect(await brokenInvariants(world)).toEqual([]);
      const made = await world.template(world.templatesOf(next));
      expect((await world.chain.proposeBlock(made.raw)).ok).toBe(true);
      await next.tick();
      const expected = [a, b, waits].map(({ txid }) => txid);
      expect(sorted(await world.txids(next))).toEqual(sorted(expected));
      expect(await brokenInvariants(world)).toEqual([]);
      await world.close();
      if (ended) {
        expect(writes()).toBeGreaterThan(4);
        return;
      }
    }
  });
});
