/** The mempool after the chain moved: what is confirmed, dead, returned; janitors that stall or die. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Mempool } from '../../lib/mempool/types.ts';
import type { Op, Store } from '../../lib/ports/store.ts';
import type { Tx } from '../../lib/types.ts';
import { brokenInvariants, MempoolWorld, type StoreKind } from '../helpers/mempool-world.ts';

const COIN = 50e8;
let world: MempoolWorld;
afterEach(() => world.close());

/** Half of the coin to somebody, the rest back. */
const pay = (name: string, from: string, to = 'bob', fee = 1000): Tx => {
  const half = Math.floor(Number(world.story.output(from).output.value) / 2);
  return world.story.pay({ name, from, to, sats: half - fee, fee });
};

const proposes = async (mempool: Mempool = world.mempool): Promise<string> => {
  const block = await world.template(world.templatesOf(mempool));
  const verdict = await world.chain.proposeBlock(block.raw);
  return verdict.ok ? 'ok' : verdict.reject.reason;
};

describe.each<StoreKind>(['memory', 'leveldb'])('after a block, on %s', (store) => {
  it('what was confirmed goes, what conflicts goes with its descendants, the rest stays', async () => {
    world = await MempoolWorld.open({ store, blocks: 8 });
    const confirmed = pay('confirmed', 'b1:0');
    const child = pay('child', 'confirmed:1');
    const loser = pay('loser', 'b2:0');
    const loserChild = pay('loserChild', 'loser:0', 'carol', 500_000);
    const stays = pay('stays', 'b3:0');
    for (const tx of [confirmed, child, loser, loserChild, stays]) {
      expect(await world.try(tx)).toBe('accepted');
    }
    const winner = pay('winner', 'b2:0', 'eve');
    await world.mine({ txs: [confirmed, winner] });
    expect((await world.txids()).sort()).toEqual([child.txid, stays.txid].sort());
    expect(await world.mempool.get(loserChild.txid)).toBeUndefined();
    // Not derived only: the rows are gone.
    const fresh = world.another();
    expect(await fresh.list()).toHaveLength(2);
    expect(await proposes(fresh)).toBe('ok');
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('a reorganisation returns what it took off, but not what cannot stand any more', async () => {
    world = await MempoolWorld.open({ store, blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const a = pay('a', 'b1:0');
    const b = pay('b', 'a:1');
    const inConflict = pay('inConflict', 'b2:0');
    const ofConflict = pay('ofConflict', 'inConflict:0', 'dave', 500_000);
    const first = await world.mine({ txs: [a, inConflict] });
    await world.mine({ name: 'second', txs: [b] });
    await world.mine({ name: 'third' });
    // Spends what only the losing branch has: first's coinbase; its child waits in the mempool.
    const ofCoinbase = pay('ofCoinbase', `${first.name}:0`);
    const ofOfCoinbase = pay('ofOfCoinbase', 'ofCoinbase:1');
    const waiting = pay('waiting', 'b:1');
    const locked = story.spend({
      version: 2,
      inputs: [{ coin: 'b3:0', sequence: story.tip.entry.height + 1 - 3 }],
      outputs: [{ to: 'bob', sats: COIN - 5000 }],
    });
    const timed = story.spend({
      inputs: [{ coin: 'b4:0', sequence: 0 }],
      lockTime: story.tip.entry.height,
      outputs: [{ to: 'bob', sats: COIN - 5000 }],
    });
    const fourth = story.build({ txs: [ofCoinbase] });
    await world.give(fourth);
    for (const tx of [ofOfCoinbase, waiting, locked, timed]) {
      expect(await world.try(tx)).toBe('accepted');
    }
    story.mine({ on: fork, name: 'r1', txs: [pay('rival', 'b2:0', 'eve')] });
    for (let i = 2; i <= 5; i++) story.mine({ name: `r${i}` });
    let change = await world.give(story.block('r1').block);
    for (let i = 2; i <= 5; i++) change = (await world.give(story.block(`r${i}`).block)) ?? change;
    expect(change?.disconnected).toHaveLength(4);
    const left = await world.txids();
    expect(left).toEqual(expect.arrayContaining([a.txid, b.txid, waiting.txid]));
    for (const gone of [inConflict, ofConflict, ofCoinbase, ofOfCoinbase]) {
      expect(left).not.toContain(gone.txid);
    }
    expect(left).toHaveLength(5);
    expect(await proposes()).toBe('ok');
    expect(await brokenInvariants(world)).toEqual([]);
    const block = await world.template();
    expect(block.txs.map(({ txid }) => txid)).toEqual(
      expect.arrayContaining([a.txid, b.txid, waiting.txid]),
    );
    await world.give(block);
    expect(await world.txids()).toHaveLength(0);
  });

  it('a chain that returns is longer than what is let in, but bounded', async () => {
    world = await MempoolWorld.open({ store, blocks: 4 });
    const { story } = world;
    const txs = Array.from({ length: 104 }, (_, i) =>
      story.spend({
        name: `link${i}`,
        inputs: [i === 0 ? 'b1:0' : `link${i - 1}:0`],
        outputs: [{ to: 'alice', sats: COIN - 1000 * (i + 1) }],
      }),
    );
    const block = await world.mine({ txs });
    const change = await world.chain.invalidate(block.block.header.hash);
    await world.mempool.reconcile(change!);
    const back = await world.txids();
    expect(back.sort()).toEqual(
      txs
        .slice(0, 100)
        .map(({ txid }) => txid)
        .sort(),
    );
    expect(await proposes(world.another())).toBe('ok');
    // The others are nowhere now, which is said.
    const message = 'transactions of blocks that were taken off did not come back';
    const lost = { message, count: 4 };
    expect(world.warnings).toEqual([
      { ...lost, reasons: 'too-long-mempool-chain, bad-txns-inputs-missingorspent' },
    ]);
    // And by whoever makes up for a reconcile that died.
    await world.another().tick();
    expect(world.warnings[1]).toMatchObject(lost);
  });

  it('what is no longer final or mature after the chain grew shorter goes', async () => {
    world = await MempoolWorld.open({ store, blocks: 8 });
    const { story } = world;
    for (let i = 1; i <= 3; i++) await world.mine({ name: `l${i}` });
    const tall = story.tip.entry.height;
    const locked = story.spend({
      version: 2,
      inputs: [{ coin: 'b3:0', sequence: tall + 1 - 3 }],
      outputs: [{ to: 'bob', sats: COIN - 5000 }],
    });
    const timed = story.spend({
      inputs: [{ coin: 'b4:0', sequence: 0 }],
      lockTime: tall,
      outputs: [{ to: 'bob', sats: COIN - 5000 }],
    });
    const child = pay('lockedChild', `${locked.txid}:0`);
    for (const tx of [locked, timed, child]) expect(await world.try(tx)).toBe('accepted');
    const change = await world.chain.invalidate(story.block('l2').block.header.hash);
    expect(change?.to.height).toBe(tall - 2);
    // As an operator may: height and times go down. Derived at once, before any janitor.
    expect(await world.another().list()).toEqual([]);
    expect(await proposes(world.another())).toBe('ok');
    await world.mempool.reconcile(change!);
    expect(await world.txids()).toEqual([]);
  });
});

/** A store whose transactions wait for a promise. */
const stalling = (store: Store, asleep: Promise<void>): Store =>
  new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (name !== 'transact') return typeof value === 'function' ? value.bind(target) : value;
      return async (ops: readonly Op[]) => {
        await asleep;
        return target.transact(ops);
      };
    },
  });

describe('janitors', () => {
  it('that never run change no answer: dead rows are passed over', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const loser = pay('loser', 'b1:0');
    const confirmed = pay('confirmed', 'b2:0');
    const child = pay('child', 'confirmed:1');
    for (const tx of [loser, confirmed, child]) await world.accept(tx);
    const winner = pay('winner', 'b1:0', 'eve');
    await world.mine({ txs: [winner, confirmed] }, { stalled: true });
    expect(await world.txids()).toEqual([child.txid]);
    expect(await world.mempool.info()).toMatchObject({ count: 1, bytes: child.raw.length });
    expect(await world.mempool.get(loser.txid)).toBeUndefined();
    expect(await world.mempool.get(confirmed.txid)).toBeUndefined();
    expect((await world.mempool.get(child.txid))?.parents).toEqual([]);
    expect(await proposes()).toBe('ok');
    // Dead claims are in nobody's way.
    const onWinner = pay('onWinner', 'winner:1');
    expect(await world.try(onWinner)).toBe('accepted');
    expect(await world.try(loser)).toBe('bad-txns-inputs-missingorspent');
  });

  it('in which the reconcile died are made up for by the tick of another process', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    await world.mempool.tick();
    const fork = story.tip;
    const a = pay('a', 'b1:0');
    const b = pay('b', 'a:1');
    await world.mine({ txs: [a] });
    await world.mine({ txs: [b] });
    const waiting = pay('waiting', 'b:1');
    expect(await world.try(waiting)).toBe('accepted');
    story.mine({ on: fork, name: 'r1' });
    for (let i = 2; i <= 3; i++) story.mine({ name: `r${i}` });
    for (let i = 1; i <= 3; i++) await world.give(story.block(`r${i}`).block, { stalled: true });
    expect(await world.txids()).toEqual([]);
    const other = world.another();
    await other.tick();
    expect((await world.txids()).sort()).toEqual([a, b, waiting].map(({ txid }) => txid).sort());
    // Nothing is left to do: not for the next either.
    const sequence = await world.mempool.sequence();
    await world.another().tick();
    await world.mempool.tick();
    expect(await world.mempool.sequence()).toBe(sequence);
  });

  it('that stalled do not throw out who came back meanwhile', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const tx = pay('tx', 'b1:0');
    await world.accept(tx);
    // A janitor that has read, and then sleeps before it deletes.
    let release = (): void => {};
    const asleep = new Promise<void>((resolve) => {
      release = resolve;
    });
    const sleeper = world.another((store) => stalling(store, asleep));
    await sleeper.list();
    const mined = story.mine({ txs: [tx] });
    const change = await world.give(mined.block, { stalled: true });
    const sleeping = sleeper.reconcile(change!);
    await world.mempool.reconcile(change!);
    expect(await world.txids()).toEqual([]);
    story.mine({ on: fork, name: 'r1' });
    story.mine({ name: 'r2' });
    await world.give(story.block('r1').block);
    await world.give(story.block('r2').block);
    expect(await world.txids()).toEqual([tx.txid]);
    release();
    await sleeping;
    expect(await world.txids()).toEqual([tx.txid]);
    expect(await world.txids(world.another())).toEqual([tx.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('of a block that is past do not bury whose parents a reorganisation has yet to bring back', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const parent = pay('parent', 'b1:0');
    await world.mine({ txs: [parent] });
    const child = pay('child', 'parent:1');
    await world.accept(child);
    const past = await world.give(story.mine().block, { stalled: true });
    story.mine({ on: fork, name: 'r1' });
    for (const name of ['r2', 'r3']) story.mine({ name });
    for (const name of ['r1', 'r2']) await world.give(story.block(name).block, { stalled: true });
    const moved = await world.give(story.block('r3').block, { stalled: true });
    await world.another().reconcile(past!);
    await world.mempool.reconcile(moved!);
    const both = [parent.txid, child.txid].sort();
    expect((await world.txids()).sort()).toEqual(both);
    expect((await world.txids(world.another())).sort()).toEqual(both);
  });

  it('that stalled before anybody deleted do not throw out whom a reorganisation revived', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const tx = pay('tx', 'b1:0');
    await world.accept(tx);
    let release = (): void => {};
    const asleep = new Promise<void>((resolve) => {
      release = resolve;
    });
    const sleeper = world.another((store) => stalling(store, asleep));
    const mined = story.mine({ txs: [tx] });
    const change = await world.give(mined.block, { stalled: true });
    const sleeping = sleeper.reconcile(change!);
    story.mine({ on: fork, name: 'r1' });
    story.mine({ name: 'r2' });
    // Give the sleeper time to read.
    for (let i = 0; i < 20; i++) await world.mempool.list();
    await world.give(story.block('r1').block);
    await world.give(story.block('r2').block);
    release();
    await sleeping;
    expect(await world.txids()).toEqual([tx.txid]);
    expect(await world.txids(world.another())).toEqual([tx.txid]);
    expect(await world.txids(sleeper)).toEqual([tx.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('return transactions that pay no fee: they were good enough for a block', async () => {
    world = await MempoolWorld.open({ blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const free = pay('free', 'b1:0', 'bob', 0);
    expect(await world.try(free)).toBe('min relay fee not met');
    await world.mine({ txs: [free] });
    story.mine({ on: fork, name: 'r1' });
    story.mine({ name: 'r2' });
    await world.give(story.block('r1').block);
    await world.give(story.block('r2').block);
    expect(await world.txids()).toEqual([free.txid]);
  });
});
