/** What is read from the mempool: feed, sequence, scripts, pages; and what reading costs. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withSignatureCache } from '../../../lib/adapters/caching-verifier.ts';
import { createNobleVerifier } from '../../../lib/adapters/noble-verifier.ts';
import type { Mempool } from '../../../lib/mempool/types.ts';
import type { Store } from '../../../lib/ports/store.ts';
import { scriptHash } from '../../../lib/script/index.ts';
import type { Tx } from '../../../lib/types.ts';
import { MempoolWorld } from '../../helpers/mempool-world.ts';

let world: MempoolWorld;
let calls: Record<string, number>;
beforeEach(async () => {
  calls = {};
  world = await MempoolWorld.open({ blocks: 12, wrap: counting });
  calls = {};
});
afterEach(() => world.close());

/** Counts the calls of the mempool's store. */
const counting = (store: Store): Store =>
  new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        calls[String(name)] = (calls[String(name)] ?? 0) + 1;
        return value.apply(target, args);
      };
    },
  });

const pay = (from: string, to = 'bob', name?: string): Tx =>
  world.story.pay({ from, to, sats: 1_000_000, ...(name !== undefined && { name }) });
const scriptOf = (name: string): string => scriptHash(world.story.script(name));

describe('the sequence', () => {
  it('changes with every coming and going, for every process, and with nothing else', async () => {
    const other = world.another();
    const seen = [await other.sequence()];
    const tx = pay('b1:0');
    await world.accept(tx);
    seen.push(await other.sequence());
    await world.accept(tx);
    await world.mempool.tick();
    await world.mempool.list();
    expect(await other.sequence()).toBe(seen[1]);
    await world.mine();
    expect(await other.sequence()).toBe(seen[1]);
    await world.mine({ txs: [tx] });
    seen.push(await other.sequence());
    expect(new Set(seen).size).toBe(3);
  });

  it('costs one small read', async () => {
    await world.mempool.sequence();
    expect(calls).toEqual({ list: 1 });
  });

  it('changes also for what a process tells whose clock is behind', async () => {
    const tx = pay('b1:0');
    await world.accept(tx);
    const before = await world.mempool.sequence();
    const behind = world.another();
    world.clock.advance(-300);
    await behind.accept(pay('b2:0').raw);
    world.clock.advance(300);
    expect(await world.mempool.sequence()).not.toBe(before);
    expect(await world.txids()).toHaveLength(2);
  });
});

describe('the feed', () => {
  it('tells who entered since a cursor, once each, in order', async () => {
    const txs = [1, 2, 3, 4, 5].map((i) => pay(`b${i}:0`));
    const ids = txs.map(({ txid }) => txid);
    for (const tx of txs.slice(0, 3)) await world.accept(tx);
    const first = await world.mempool.feed('', 2);
    expect(first.txids).toEqual(ids.slice(0, 2));
    const second = await world.mempool.feed(first.cursor, 10);
    expect(second.txids).toEqual(ids.slice(2, 3));
    const third = await world.mempool.feed(second.cursor, 10);
    expect(third.txids).toEqual([]);
    world.clock.advance(180_000);
    // By another process, whose clock may be a little behind.
    for (const tx of txs.slice(3)) await world.another().accept(tx.raw);
    const fourth = await world.mempool.feed(third.cursor, 10);
    expect([...fourth.txids].sort()).toEqual(ids.slice(3).sort());
    await world.mine({ txs });
    expect((await world.mempool.feed(fourth.cursor, 10)).txids).toEqual([]);
  });

  it.each(['', 'x', '0'.repeat(77), '9'.repeat(13), '9999999999999', '12', `${'1'.repeat(13)}zz`])(
    'takes any text for a cursor: %s',
    async (cursor) => {
      await world.accept(pay('b1:0'));
      const { cursor: next } = await world.mempool.feed(cursor, 10);
      expect(next).toMatch(/^\d{13}([0-9a-f]{64})?$/);
      expect((await world.mempool.feed(next, 10)).txids).toEqual([]);
    },
  );

  it('goes on over midnight, where a new partition begins', async () => {
    const day = 86_400_000;
    world.clock.advance(day - (world.clock.nowMs() % day) - 1500);
    const witness = world.another();
    const evening = pay('b1:0');
    await world.accept(evening);
    const first = await witness.feed('', 10);
    expect(first.txids).toEqual([evening.txid]);
    expect(await witness.list()).toHaveLength(1);
    world.clock.advance(3000);
    const morning = pay('b2:0');
    await world.accept(morning);
    expect((await witness.feed(first.cursor, 10)).txids).toEqual([morning.txid]);
    expect(await world.txids(witness)).toEqual([evening.txid, morning.txid]);
  });

  it('starts ten minutes ago', async () => {
    const old = pay('b1:0');
    const young = pay('b2:0');
    await world.accept(old);
    world.clock.advance(601_000);
    await world.accept(young);
    expect((await world.mempool.feed('', 10)).txids).toEqual([young.txid]);
  });
});

describe('by script', () => {
  it('finds who pays and who spends, alive only, in every process', async () => {
    const { story } = world;
    story.miner = 'alice';
    const incoming = pay('b1:0', 'bob', 'incoming');
    const spends = world.story.spend({
      inputs: ['incoming:0'],
      outputs: [{ to: 'carol', sats: 990_000 }],
    });
    await world.accept(incoming);
    world.clock.advance(1);
    await world.accept(spends);
    const ids = async (name: string, mempool: Mempool = world.mempool) =>
      (await mempool.byScript(scriptOf(name))).map(({ txid }) => txid);
    expect(await ids('bob')).toEqual([incoming.txid, spends.txid]);
    expect(await ids('carol', world.another())).toEqual([spends.txid]);
    expect(await ids('dave')).toEqual([]);
    expect(await world.mempool.byScript('no script')).toEqual([]);
    await world.mine({ txs: [incoming] }, { stalled: true });
    expect(await ids('bob')).toEqual([spends.txid]);
    await world.mempool.tick();
    await world.mine({ txs: [spends] });
    expect(await ids('bob')).toEqual([]);
  });

  it('clears away hints of what is gone, but not those of who may just be coming', async () => {
    const tx = pay('b1:0');
    await world.accept(tx);
    await world.mine({ txs: [tx] });
    const hints = () => world.store.list(`A#${scriptOf('bob')}`, { prefix: 'm#' });
    await world.mempool.byScript(scriptOf('bob'));
    expect(await hints()).toHaveLength(1);
    world.clock.advance(61_000);
    await world.mempool.byScript(scriptOf('bob'));
    expect(await hints()).toEqual([]);
  });
});

describe('pages and single transactions', () => {
  it('lists oldest first, page by page', async () => {
    const txs = [1, 2, 3, 4].map((i) => pay(`b${i}:0`));
    for (const tx of txs) {
      await world.accept(tx);
      world.clock.advance(10);
    }
    const ids = txs.map(({ txid }) => txid);
    const page = await world.mempool.list({ limit: 2 });
    expect(page.map(({ txid }) => txid)).toEqual(ids.slice(0, 2));
    const rest = await world.mempool.list({ after: page[1]!.txid });
    expect(rest.map(({ txid }) => txid)).toEqual(ids.slice(2));
    expect(await world.mempool.list({ after: 'f'.repeat(64) as never })).toEqual([]);
    const fees = txs.length * 1000;
    const bytes = txs.reduce((sum, { raw }) => sum + raw.length, 0);
    expect(await world.mempool.info()).toEqual({
      count: 4,
      bytes,
      feeSats: fees,
      minFeeRateSatVb: 1,
    });
  });

  it.each(['', 'x', 'f'.repeat(64), `${'f'.repeat(64)}:0`, '\u0000', 'F'.repeat(64)])(
    'finds nothing under %j',
    async (text) => {
      expect(await world.mempool.get(text as never)).toBeUndefined();
      expect(await world.mempool.coin(text as never)).toBeUndefined();
    },
  );
});

describe('what it costs', () => {
  it('a signature is checked once: at admission, not again in the block', async () => {
    let checked = 0;
    const noble = createNobleVerifier();
    const verifier = withSignatureCache({
      name: 'counting',
      firstInvalid: (checks) => {
        checked += checks.length;
        return noble.firstInvalid(checks);
      },
    });
    await world.close();
    world = await MempoolWorld.open({ blocks: 8, verifier });
    const txs = [1, 2, 3].map((i) => pay(`b${i}:0`));
    for (const tx of txs) await world.accept(tx);
    expect(checked).toBe(3);
    await world.mine({ txs });
    expect(checked).toBe(3);
    await world.mine({ txs: [pay('b4:0')] });
    expect(checked).toBe(4);
  });

  it('an ordinary admission: two reads beside the coins, one write, small rows in one', async () => {
    await world.accept(pay('b1:0'));
    calls = {};
    await world.accept(pay('b2:0'));
    expect(calls).toEqual({
      // Own row and floor together.
      read: 1,
      transact: 1,
      // Feed and hints.
      put: 1,
      // Orphans that wait for it.
      list: 1,
    });
  });

  it('an unchanged mempool is not read again, nor its coins', async () => {
    for (let i = 1; i <= 5; i++) await world.accept(pay(`b${i}:0`));
    const other = world.another();
    await other.list();
    calls = {};
    await other.list();
    await other.info();
    await other.select({ bytesMax: 1e6, sigopsMax: 2e4 });
    // The sequence three times, the floor once.
    expect(calls).toEqual({ list: 3, read: 1 });
    await world.accept(pay('b6:0'));
    calls = {};
    await other.list();
    // The sequence and the feed; the new row.
    expect(calls).toEqual({ list: 2, read: 1 });
  });

  it('a tick with nothing to do reads a little and writes nothing', async () => {
    await world.accept(pay('b1:0'));
    await world.mempool.tick();
    calls = {};
    await world.mempool.tick();
    expect(calls).toEqual({ list: 1 });
  });
});
