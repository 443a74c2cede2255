/** Transactions that build on each other: limits, replacement with descendants, orphans, many inputs. */
import { afterEach, describe, expect, it } from 'vitest';
import { type Tx, toOutpointKey } from '../../lib/types.ts';
import { brokenInvariants, MempoolWorld } from '../helpers/mempool-world.ts';

const COIN = 50e8;
const OPT_IN = 0xffff_fffd;
let world: MempoolWorld;
afterEach(() => world.close());

const chainOf = (length: number, from = 'b1:0', fee = 500): Tx[] => {
  const txs: Tx[] = [];
  for (let i = 0; i < length; i++) {
    const coin = i === 0 ? from : `${txs[i - 1]?.txid}:0`;
    const value = Number(world.story.output(coin).output.value);
    txs.push(world.story.spend({ inputs: [coin], outputs: [{ to: 'alice', sats: value - fee }] }));
  }
  return txs;
};
const acceptAll = async (txs: readonly Tx[]): Promise<string[]> => {
  const words: string[] = [];
  for (const tx of txs) words.push(await world.try(tx, { local: true }));
  return words;
};

describe('chains of unconfirmed transactions', () => {
  it('are 25 long at most, as written to blocks parents first', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    const chain = chainOf(26);
    const words = await acceptAll(chain);
    expect(words.slice(0, 25)).toEqual(Array.from({ length: 25 }, () => 'accepted'));
    expect(words[25]).toBe('too-long-mempool-chain');
    const entry = await world.mempool.get(chain[10]!.txid);
    expect(entry?.parents).toEqual([chain[9]?.txid]);
    const block = await world.template();
    expect(block.txs.slice(1).map(({ txid }) => txid)).toEqual(
      chain.slice(0, 25).map(({ txid }) => txid),
    );
    await world.give(block);
    expect(await world.txids()).toEqual([]);
    expect(await world.try(chain[25]!)).toBe('accepted');
  });

  it('a parent has 25 descendants at most, itself counted', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    const fan = world.story.spend({
      inputs: ['b1:0'],
      outputs: Array.from({ length: 30 }, () => ({ to: 'alice', sats: 1e6 })),
    });
    await world.accept(fan);
    const children = Array.from({ length: 25 }, (_, i) =>
      world.story.pay({ from: `${fan.txid}:${i}`, to: 'bob', sats: 1000 }),
    );
    const words = await acceptAll(children);
    expect(words.filter((word) => word === 'accepted')).toHaveLength(24);
    expect(words[24]).toBe('too-long-mempool-chain');
    // Another process sees the same.
    const other = await world.another().accept(children[24]!.raw);
    expect(other).toMatchObject({ reject: { reason: 'too-long-mempool-chain' } });
    expect(await world.mempool.coin(toOutpointKey(fan.txid, 29))).toMatchObject({ value: 1e6 });
    expect(await world.mempool.coin(toOutpointKey(fan.txid, 30))).toBeUndefined();
  });

  it('a replacement takes all that builds on what it replaces', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    const first = world.story.spend({
      name: 'first',
      inputs: [{ coin: 'b1:0', sequence: OPT_IN }],
      outputs: [{ to: 'alice', sats: COIN - 1000 }],
    });
    const chain = [first, ...chainOf(5, 'first:0')];
    await acceptAll(chain);
    const cheap = world.story.pay({ from: 'b1:0', to: 'bob', sats: 1000, fee: 3600 });
    expect(await world.try(cheap)).toBe('insufficient fee');
    const dear = world.story.pay({ from: 'b1:0', to: 'bob', sats: 1000, fee: 4000 });
    const outcome = await world.accept(dear);
    expect(outcome).toMatchObject({ status: 'accepted' });
    if (outcome.status !== 'accepted') throw new Error('refused');
    expect([...outcome.replaced].sort()).toEqual(chain.map(({ txid }) => txid).sort());
    expect(await world.txids()).toEqual([dear.txid]);
    expect(await world.txids(world.another())).toEqual([dear.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
    // Claims of what is gone lock no coin.
    expect(await world.try(chain[1]!, { local: true })).toBe('bad-txns-inputs-missingorspent');
  });

  it('a conflict that does not signal stays, unless an ancestor signals', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    const signalling = world.story.spend({
      name: 'signalling',
      inputs: [{ coin: 'b1:0', sequence: OPT_IN }],
      outputs: [{ to: 'alice', sats: COIN - 1000 }],
    });
    const quiet = world.story.pay({ from: 'signalling:0', to: 'bob', sats: 5000, fee: 500 });
    const alone = world.story.pay({ from: 'b2:0', to: 'bob', sats: 5000, fee: 500 });
    await acceptAll([signalling, quiet, alone]);
    const onQuiet = world.story.pay({ from: 'signalling:0', to: 'carol', sats: 5000, fee: 2000 });
    const onAlone = world.story.pay({ from: 'b2:0', to: 'carol', sats: 5000, fee: 2000 });
    expect(await world.try(onAlone)).toBe('txn-mempool-conflict');
    expect(await world.try(onQuiet)).toBe('accepted');
    // Once the ancestor is confirmed nothing is inherited any more.
    await world.mine({ txs: [signalling] });
    expect(await world.txids()).toEqual(
      [alone.txid, onQuiet.txid].sort(byPlace(await world.txids())),
    );
    const again = world.story.pay({ from: 'signalling:0', to: 'dave', sats: 5000, fee: 9000 });
    expect(await world.try(again)).toBe('txn-mempool-conflict');
  });

  it('refuses what adds unconfirmed inputs, spends what it replaces, or replaces too many', async () => {
    world = await MempoolWorld.open({ blocks: 8, policy: { replacementsMax: 3 } });
    const base = world.story.spend({
      name: 'base',
      inputs: [{ coin: 'b1:0', sequence: OPT_IN }],
      outputs: [
        { to: 'alice', sats: COIN / 2 },
        { to: 'alice', sats: COIN / 2 - 1000 },
      ],
    });
    const other = world.story.pay({ name: 'other', from: 'b2:0', to: 'bob', sats: 1e6 });
    await acceptAll([base, other]);
    const adds = world.story.pay({
      from: ['b1:0', 'other:0'],
      to: 'carol',
      sats: 1000,
      fee: 90_000,
    });
    expect(await world.try(adds)).toBe('replacement-adds-unconfirmed');
    const own = world.story.pay({ from: ['b1:0', 'base:0'], to: 'carol', sats: 1000, fee: 90_000 });
    expect(await world.try(own)).toBe('bad-txns-spends-conflicting-tx');
    await acceptAll(chainOf(3, 'base:1'));
    const many = world.story.pay({ from: 'b1:0', to: 'carol', sats: 1000, fee: 90_000 });
    expect(await world.try(many)).toBe('too many potential replacements');
    expect(await world.try(many)).toBe('too many potential replacements');
  });
});

const byPlace =
  (order: readonly string[]) =>
  (a: string, b: string): number =>
    order.indexOf(a) - order.indexOf(b);

describe('orphans', () => {
  it('come in with their parents, whoever of them comes first', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    const [a, b, c] = chainOf(3);
    const last = await world.accept(c!);
    expect(last).toMatchObject({ status: 'orphan', missing: [b?.txid] });
    expect(await world.try(b!)).toBe('orphan');
    expect(await world.txids()).toEqual([]);
    // Through another process on the same store.
    const outcome = await world.another().accept(a!.raw);
    expect(outcome).toMatchObject({ status: 'accepted' });
    expect(outcome.status === 'accepted' && outcome.also?.map(({ txid }) => txid)).toEqual([
      b?.txid,
      c?.txid,
    ]);
    expect((await world.txids()).sort()).toEqual([a, b, c].map((tx) => tx!.txid).sort());
  });

  it('come in when their parent is confirmed without having been here', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    const [a, b] = chainOf(2);
    await world.accept(b!);
    const mined = world.story.mine({ txs: [a!] });
    const change = await world.give(mined.block, { stalled: true });
    const { accepted } = await world.mempool.reconcile(change!);
    expect(accepted.map(({ txid }) => txid)).toEqual([b?.txid]);
  });

  it('are 100 at most, the oldest going first, and wait five minutes at most', async () => {
    world = await MempoolWorld.open({ blocks: 6, policy: { orphansMax: 3 } });
    const fan = world.story.spend({
      inputs: ['b1:0'],
      outputs: Array.from({ length: 6 }, () => ({ to: 'alice', sats: 1e6 })),
    });
    const children = Array.from({ length: 5 }, (_, i) =>
      world.story.pay({ from: `${fan.txid}:${i}`, to: 'bob', sats: 1000 }),
    );
    for (const child of children) {
      expect(await world.try(child)).toBe('orphan');
      world.clock.advance(1000);
    }
    const outcome = await world.accept(fan);
    const also = outcome.status === 'accepted' ? (outcome.also ?? []) : [];
    expect(also.map(({ txid }) => txid).sort()).toEqual(
      children
        .slice(2)
        .map(({ txid }) => txid)
        .sort(),
    );
    // A new one that waits too long is forgotten.
    const [late, later] = chainOf(2, 'b2:0');
    expect(await world.try(later!)).toBe('orphan');
    world.clock.advance(301_000);
    await world.mempool.tick();
    const alone = await world.accept(late!);
    expect(alone.status === 'accepted' && alone.also).toBeUndefined();
  });
});

describe('a transaction of more inputs than one store transaction holds', () => {
  const fanOut = async (count: number): Promise<Tx> => {
    const fan = world.story.spend({
      name: 'fan',
      inputs: ['b1:0'],
      outputs: Array.from({ length: count }, () => ({ to: 'alice', sats: 1e6 })),
    });
    await world.mine({ txs: [fan] });
    return fan;
  };
  const sweep = (count: number, first = 0): Tx =>
    world.story.pay({
      from: Array.from({ length: count }, (_, i) => `fan:${first + i}`),
      to: 'bob',
      sats: 1e6,
      fee: 200_000,
      sequence: OPT_IN,
    });

  it('claims all of them, is mined, and keeps rivals out', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    await fanOut(300);
    const big = sweep(300);
    expect(await world.try(big)).toBe('accepted');
    expect(await brokenInvariants(world)).toEqual([]);
    const rival = world.story.pay({ from: 'fan:299', to: 'eve', sats: 1000 });
    expect(await world.try(rival)).toBe('insufficient fee');
    const block = await world.template();
    expect(block.txs.map(({ txid }) => txid)).toContain(big.txid);
    expect(await world.try(big)).toBe('known');
  });

  it('replaces many at once, and is replaced by one', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    await fanOut(150);
    const small = Array.from({ length: 49 }, (_, i) =>
      world.story.pay({ from: `fan:${i}`, to: 'bob', sats: 1000, fee: 300, sequence: OPT_IN }),
    );
    expect(new Set(await acceptAll(small))).toEqual(new Set(['accepted']));
    const big = sweep(150);
    expect(await world.try(big)).toBe('accepted');
    expect(await world.txids()).toEqual([big.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
    const one = world.story.pay({ from: 'fan:140', to: 'eve', sats: 1000, fee: 300_000 });
    expect(await world.try(one)).toBe('accepted');
    expect(await world.txids()).toEqual([one.txid]);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('cut off in the middle, is dead: rivals and the tick clear it away', async () => {
    world = await MempoolWorld.open({ blocks: 6 });
    await fanOut(150);
    const big = sweep(150);
    let transacts = 0;
    const dying = world.another((store) => ({
      ...store,
      snapshot: () => store.snapshot(),
      read: (keys) => store.read(keys),
      list: (pk, options) => store.list(pk, options),
      put: (rows) => store.put(rows),
      remove: (keys) => store.remove(keys),
      commit: (version, commit) => store.commit(version, commit),
      sweep: (now) => store.sweep(now),
      close: () => store.close(),
      transact: (ops) => {
        if (++transacts > 2) throw new Error('died');
        return store.transact(ops);
      },
    }));
    await expect(dying.accept(big.raw)).rejects.toThrow('died');
    expect(await world.txids()).toEqual([]);
    const claimed = world.story.pay({ from: 'fan:0', to: 'eve', sats: 1000 });
    const free = world.story.pay({ from: 'fan:149', to: 'eve', sats: 1000 });
    expect(await world.try(claimed)).toBe('txn-mempool-conflict');
    expect(await world.try(free)).toBe('accepted');
    world.clock.advance(61_000);
    expect(await world.try(claimed)).toBe('accepted');
    expect(await world.txids()).toEqual([free.txid, claimed.txid]);
    // Once more: this time nobody wants its coins, and the tick finds it.
    transacts = 0;
    const again = sweep(140, 1);
    await expect(dying.accept(again.raw)).rejects.toThrow('died');
    world.clock.advance(61_000);
    const janitor = world.another();
    await janitor.tick();
    expect(await world.try(again)).toBe('accepted');
  });
});
