/** Headers apart from bodies: what is stored, locators, which bodies are wanted, branches parked. */
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import type { RowKey, Snapshot, Store } from '../../../lib/ports/store.ts';
import type { BlockHash, BlockHeader } from '../../../lib/types.ts';
import { easyNetwork, mineHeader, Story, type StoryBlock } from '../../helpers/chain-builder.ts';
import { acceptAll, busyChain, openRig, tipHash } from '../../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });
const headersOf = (blocks: readonly StoryBlock[]): BlockHeader[] =>
  blocks.map(({ block }) => block.header);

describe('headers', () => {
  it('come before bodies; bodies are wanted lowest first and may come in any order', async () => {
    const { chain } = await openRig({ params });
    const story = new Story(params);
    const blocks = busyChain(story, { on: story.genesis, length: 40, tag: 'h' });
    const hashes = blocks.map(({ entry }) => entry.hash);
    expect(await chain.acceptHeaders(headersOf(blocks.slice(5)))).toEqual({ status: 'orphan' });
    expect(await chain.acceptHeaders(headersOf(blocks.slice(0, 30)))).toMatchObject({ added: 30 });
    expect(await chain.acceptHeaders(headersOf(blocks))).toMatchObject({ added: 10 });
    expect(await chain.acceptHeaders(headersOf(blocks))).toMatchObject({
      status: 'stored',
      added: 0,
      last: { hash: hashes[39] },
    });
    expect((await chain.bestHeader()).hash).toBe(hashes[39]);
    expect((await chain.tip()).entry.height).toBe(0);
    expect(await chain.missingBodies(3)).toEqual(hashes.slice(0, 3));
    expect(await chain.hasBody(hashes[0]!)).toBe(false);
    expect((await chain.entry(hashes[7]!))?.height).toBe(8);
    expect((await chain.tips()).map(({ status }) => status)).toEqual(['headers-only', 'active']);
    expect(await acceptAll(chain, [blocks[2]!, blocks[1]!])).toEqual(['side', 'side']);
    expect(await chain.missingBodies(3)).toEqual([hashes[0], hashes[3], hashes[4]]);
    expect(await acceptAll(chain, [blocks[0]!])).toEqual(['tip']);
    expect((await chain.tip()).entry.height).toBe(3);
    expect(await chain.missingBodies(2)).toEqual(hashes.slice(3, 5));
    await chain.acceptBlocks(blocks.slice(3).map(({ block }) => block.raw));
    expect((await chain.tip()).entry.height).toBe(40);
    expect(await chain.missingBodies(5)).toEqual([]);
    expect(await chain.offChainUsage()).toEqual({ headers: 0, bytes: 0 });
    expect((await chain.bestHeader()).hash).toBe(hashes[39]);
  });

  it('locators begin dense, double, and end at genesis, also on headers alone', async () => {
    const { chain } = await openRig({ params });
    const story = new Story(params);
    const blocks = story.mineMany(60);
    await acceptAll(chain, blocks.slice(0, 40));
    const hashes = [params.genesisHash, ...blocks.map(({ entry }) => entry.hash)];
    const heights = async (from?: BlockHash) =>
      (await chain.locator(from)).map((hash) => hashes.indexOf(hash));
    expect(await heights()).toEqual([40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 29, 25, 17, 1, 0]);
    await chain.acceptHeaders(headersOf(blocks.slice(40)));
    expect(await heights(hashes[60])).toEqual([
      60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 49, 45, 37, 21, 0,
    ]);
    expect(await heights(hashes[5])).toEqual([5, 4, 3, 2, 1, 0]);
    expect(await heights('9'.repeat(64) as BlockHash)).toEqual(await heights());
  });

  it('of two with one tip, neither the asking nor the answer costs a row but the head', async () => {
    const base = createMemoryStore();
    const keys: RowKey[] = [];
    const snapshot = async (): Promise<Snapshot> => {
      const view = await base.snapshot();
      const getMany: Snapshot['getMany'] = (asked) => {
        keys.push(...asked);
        return view.getMany(asked);
      };
      return new Proxy(view, {
        get: (target, name) => {
          if (name === 'getMany') return getMany;
          const found = Reflect.get(target, name);
          return typeof found === 'function' ? found.bind(target) : found;
        },
      });
    };
    const store: Store = new Proxy(base, {
      get: (target, name) => {
        if (name === 'snapshot') return snapshot;
        const found = Reflect.get(target, name);
        if (name !== 'read') return typeof found === 'function' ? found.bind(target) : found;
        return (asked: readonly RowKey[]) => {
          keys.push(...asked);
          return target.read(asked);
        };
      },
    });
    const { chain } = await openRig({ params, store });
    const story = new Story(params);
    const blocks = story.mineMany(60);
    await acceptAll(chain, blocks);
    const tip = blocks[59]!.entry.hash;
    const first = await chain.locator(tip);
    keys.length = 0;
    expect(await chain.locator(tip)).toEqual(first);
    expect(await chain.headersAfter(first, undefined, 2000)).toEqual([]);
    expect(keys).toEqual([]);
    // Another tip, on another branch: another locator.
    const other = story.mineMany(3, { on: blocks[58]! });
    await acceptAll(chain, other);
    const now = await chain.locator(other[2]!.entry.hash);
    expect(now).toEqual(await chain.locator());
    expect(now.slice(0, 4)).toEqual(
      [other[2]!, other[1]!, other[0]!, blocks[58]!].map(({ entry }) => entry.hash),
    );
    expect(await chain.locator(tip)).toEqual(first);
    expect(await chain.headersAfter(first, undefined, 2000)).toEqual(headersOf(other));
  });

  it('answers what comes after a locator, across partitions of a thousand', async () => {
    const { chain } = await openRig({ params });
    const story = new Story(params);
    const blocks = story.mineMany(1_050);
    for (let at = 0; at < blocks.length; at += 350) {
      await chain.acceptBlocks(blocks.slice(at, at + 350).map(({ block }) => block.raw));
    }
    const hashes = blocks.map(({ entry }) => entry.hash);
    const following = async (locator: BlockHash[], stop?: BlockHash, limit = 2_000) =>
      (await chain.headersAfter(locator, stop, limit)).map(({ hash }) => hash);
    expect(await following([])).toEqual(hashes);
    expect(await following([hashes[990]!])).toEqual(hashes.slice(991));
    expect(await following([hashes[990]!], undefined, 20)).toEqual(hashes.slice(991, 1011));
    expect(await following([hashes[990]!], hashes[1000])).toEqual(hashes.slice(991, 1001));
    const other = 'e'.repeat(64) as BlockHash;
    expect(await following([other, hashes[1040]!, hashes[3]!])).toEqual(hashes.slice(1041));
    expect(await following([hashes[1049]!])).toEqual([]);
  });

  it('the best of two branches; what is invalid is none', async () => {
    const { chain } = await openRig({ params });
    const story = new Story(params);
    const trunk = story.mineMany(3);
    await acceptAll(chain, trunk);
    const a = story.mineMany(4, { on: trunk[0]! });
    const b = story.mineMany(5, { on: trunk[1]! });
    await chain.acceptHeaders(headersOf(a));
    expect((await chain.bestHeader()).hash).toBe(a[3]!.entry.hash);
    await chain.acceptHeaders(headersOf(b));
    expect((await chain.bestHeader()).hash).toBe(b[4]!.entry.hash);
    expect(await chain.missingBodies(9)).toEqual(b.map(({ entry }) => entry.hash));
    await chain.invalidate(b[2]!.entry.hash);
    expect((await chain.bestHeader()).hash).toBe(a[3]!.entry.hash);
    expect(await chain.missingBodies(9)).toEqual(a.map(({ entry }) => entry.hash));
    await chain.reconsider(b[2]!.entry.hash);
    expect((await chain.bestHeader()).hash).toBe(b[4]!.entry.hash);
  });

  it('a run that is broken, too long, or stands on nothing is refused', async () => {
    const { chain, clock } = await openRig({ params });
    const story = new Story(params);
    const blocks = story.mineMany(6);
    const [h0, h1, h2] = headersOf(blocks);
    expect(await chain.acceptHeaders([h0!, h2!])).toMatchObject({
      reject: { reason: 'bad-prevblk' },
    });
    expect(await chain.acceptHeaders(Array(2001).fill(h0))).toMatchObject({ status: 'rejected' });
    expect(await chain.acceptHeaders([])).toMatchObject({ status: 'stored', added: 0 });
    const first = blocks[0]!.block.header;
    const bits = mineHeader({ ...first, bits: 0x207ffffe });
    expect(await chain.acceptHeaders([bits])).toMatchObject({ reject: { reason: 'bad-diffbits' } });
    const weak = mineHeader(first, false);
    expect(await chain.acceptHeaders([weak])).toMatchObject({ reject: { reason: 'high-hash' } });
    // The last two of the run are too new today: what is before them is not lost.
    clock.seconds = blocks[3]!.entry.header.time - params.maxFutureSeconds;
    const run = headersOf(blocks);
    expect(await chain.acceptHeaders(run)).toMatchObject({ status: 'stored', added: 4 });
    expect(await chain.acceptHeaders([h0!, h1!])).toMatchObject({ status: 'stored', added: 0 });
    expect(await chain.acceptHeaders(run.slice(4))).toMatchObject({
      reject: { reason: 'time-too-new', kind: 'early' },
    });
  });
});

describe('an operator', () => {
  it('parks what forks too deep, and takes it when told', async () => {
    const limited = easyNetwork({ reorgLimit: 5, maxFutureSeconds: 7200 });
    const { chain } = await openRig({ params: limited });
    const story = new Story(limited);
    const trunk = story.mineMany(10);
    await acceptAll(chain, trunk);
    const shallow = story.mineMany(6, { on: trunk[4]! });
    const deep = story.mineMany(9, { on: trunk[3]! });
    const status = await acceptAll(chain, deep);
    expect(status).toEqual(Array(9).fill('side'));
    expect(await tipHash(chain)).toBe(trunk[9]!.entry.hash);
    const parked = (await chain.tips()).find(({ status: is }) => is === 'parked');
    expect(parked).toMatchObject({ hash: deep[8]!.entry.hash, height: 13, branchLength: 9 });
    // A parked branch is not what the node strives for.
    expect((await chain.bestHeader()).hash).toBe(trunk[9]!.entry.hash);
    expect(await chain.activateBest()).toBeUndefined();
    // Five deep is allowed.
    expect((await acceptAll(chain, shallow)).at(-1)).toBe('tip');
    const change = await chain.reconsider(deep[8]!.entry.hash);
    expect(change?.to.hash).toBe(deep[8]!.entry.hash);
    expect(await tipHash(chain)).toBe(deep[8]!.entry.hash);
  });

  it('invalidates and reconsiders', async () => {
    const { chain } = await openRig({ params });
    const story = new Story(params);
    const trunk = story.mineMany(3);
    const a = story.mineMany(3, { on: trunk[2]! });
    const b = story.mineMany(2, { on: trunk[2]! });
    await acceptAll(chain, [...trunk, ...a, ...b]);
    const away = await chain.invalidate(a[1]!.entry.hash);
    expect(away).toMatchObject({
      from: { hash: a[2]!.entry.hash },
      to: { hash: b[1]!.entry.hash },
    });
    expect(away?.disconnected).toEqual([2, 1, 0].map((i) => a[i]!.entry.hash));
    expect(away?.connected).toEqual(b.map(({ entry }) => entry.hash));
    expect(await acceptAll(chain, [a[1]!])).toEqual(['duplicate-invalid']);
    const above = story.mine({ name: 'above', on: a[2]! });
    expect(await acceptAll(chain, [above])).toEqual(['bad-prevblk']);
    const back = await chain.reconsider(a[2]!.entry.hash);
    expect(back?.to.hash).toBe(a[2]!.entry.hash);
    expect(await acceptAll(chain, [above])).toEqual(['tip']);
    expect(await chain.invalidate(params.genesisHash)).toBeUndefined();
    expect(await chain.reconsider('1'.repeat(64) as BlockHash)).toBeUndefined();
  });

  it('a checkpoint is a rule', async () => {
    const story = new Story(params);
    const good = story.mineMany(3);
    const bad = story.mineMany(4, { on: good[0]! });
    const checkpoints = [{ height: 2, hash: good[1]!.entry.hash }];
    const { chain } = await openRig({ params: { ...params, checkpoints } });
    expect(await acceptAll(chain, [good[0]!, bad[0]!])).toEqual(['tip', 'checkpoint mismatch']);
    expect(await chain.acceptHeaders(headersOf(bad))).toMatchObject({
      reject: { reason: 'checkpoint mismatch' },
    });
    expect(await acceptAll(chain, good.slice(1))).toEqual(['tip', 'tip']);
  });

  it('proposals are checked and not kept', async () => {
    const { chain, store } = await openRig({ params });
    const story = new Story(params);
    const blocks = busyChain(story, { on: story.genesis, length: 3, tag: 'q' });
    await acceptAll(chain, blocks);
    const reason = async (raw: Uint8Array) => {
      const verdict = await chain.proposeBlock(raw);
      return verdict.ok ? 'ok' : verdict.reject.reason;
    };
    const { version } = await chain.tip();
    const good = story.build({ unmined: true });
    expect(await reason(good.raw)).toBe('ok');
    expect(await reason(story.build({ reward: 51e8 }).raw)).toBe('bad-cb-amount');
    expect(await reason(story.build({ on: blocks[1]! }).raw)).toBe('inconclusive-not-best-prevblk');
    expect(await reason(blocks[2]!.block.raw)).toBe('duplicate');
    expect(await reason(good.raw.slice(0, 90))).toBe('block-decode-failed');
    const pay = story.pay({ name: 'twice', from: 'q2y:1', to: 'x', sats: 9 });
    expect(await reason(story.build({ txs: [pay, pay] }).raw)).toMatch(/^bad-txns/);
    expect((await chain.tip()).version).toBe(version);
    expect(await store.list('X')).toEqual([]);
    expect(await chain.hasBody(good.header.hash)).toBe(false);
  });

  it('branches are shown as they are', async () => {
    const { chain } = await openRig({ params });
    const story = new Story(params);
    const a = story.mineMany(2);
    const b = story.mineMany(3, { on: 'genesis' });
    const c = story.mineMany(2, { on: b[0]! });
    await acceptAll(chain, [...a, ...b, ...c]);
    const tips = await chain.tips();
    expect(tips).toEqual([
      { hash: b[2]!.entry.hash, height: 3, branchLength: 0, status: 'active' },
      { hash: c[1]!.entry.hash, height: 3, branchLength: 2, status: 'valid-headers' },
      { hash: a[1]!.entry.hash, height: 2, branchLength: 2, status: 'valid-fork' },
    ]);
    expect((await chain.undo(b[1]!.entry.hash))?.length).toBe(0);
    expect(await chain.blockRaw(a[0]!.entry.hash)).toEqual(a[0]!.block.raw);
    expect((await chain.block(a[0]!.entry.hash))?.header.hash).toBe(a[0]!.entry.hash);
  });
});
