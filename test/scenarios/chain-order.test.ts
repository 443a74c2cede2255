/** The same blocks in any order, also twice, and by two writers at once: one and the same state. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { makeBlock } from '../../lib/codec/block.ts';
import { makeTx } from '../../lib/codec/tx.ts';
import type { Block } from '../../lib/types.ts';
import { easyNetwork, mineHeader, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import {
  acceptAll,
  busyChain,
  coinLines,
  openRig,
  replayLines,
  STORES,
  scriptsOf,
  stateDigest,
  tipHash,
} from '../helpers/chain-rig.ts';

const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

/*
 *  genesis - t0 - t1 - a0 - a1 - a2 - a3        the best
 *                   \- b0 - b1 - b2
 *                    \- c0
 */
function tree(): { blocks: StoryBlock[]; best: StoryBlock[] } {
  const story = new Story(params);
  const trunk = busyChain(story, { on: story.genesis, length: 2, tag: 't' });
  const on = trunk[1]!;
  const a = busyChain(story, { on, length: 4, tag: 'a' });
  const b = busyChain(story, { on, length: 3, tag: 'b' });
  const c = busyChain(story, { on, length: 1, tag: 'c' });
  return { blocks: [...trunk, ...a, ...b, ...c], best: [...trunk, ...a] };
}

describe('order of arrival', () => {
  it('does not matter', async () => {
    const { blocks, best } = tree();
    const calm = await openRig({ params });
    await acceptAll(calm.chain, best);
    const expected = await stateDigest(calm.store, best);
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray(blocks, { minLength: blocks.length }),
        fc.array(fc.nat({ max: blocks.length - 1 }), { maxLength: 5 }),
        fc.boolean(),
        async (shuffled, repeats, asked) => {
          const { chain, store } = await openRig({ params });
          await acceptAll(chain, [...shuffled, ...repeats.map((i) => blocks[i]!)], { asked });
          // What was unasked for and behind the tip was not kept: the best branch never is.
          if (!asked) await acceptAll(chain, best, { asked: true });
          expect(await stateDigest(store, best)).toBe(expected);
          expect(await coinLines(store, scriptsOf(blocks))).toEqual(replayLines(best.at(-1)!));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('disconnecting takes back what connecting did', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 0, max: 8 }),
        async (length, back) => {
          const story = new Story(params);
          const blocks = busyChain(story, { on: story.genesis, length, tag: 'd' });
          const keep = Math.max(0, length - back);
          const { chain, store } = await openRig({ params });
          await acceptAll(chain, blocks);
          const first = blocks[keep];
          if (first === undefined) return;
          const whole = await stateDigest(store, blocks);
          const change = await chain.invalidate(first.entry.hash);
          expect(change?.disconnected.length).toBe(length - keep);
          const at = keep === 0 ? story.genesis : blocks[keep - 1]!;
          expect(await tipHash(chain)).toBe(at.entry.hash);
          expect(await coinLines(store, scriptsOf(blocks))).toEqual(replayLines(at));
          expect((await chain.reconsider(first.entry.hash))?.connected.length).toBe(length - keep);
          expect(await stateDigest(store, blocks)).toBe(whole);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe.each(STORES)('two writers on $name', ({ open }) => {
  it('race, and end in one state', async () => {
    const { blocks, best } = tree();
    const calm = await openRig({ params });
    await acceptAll(calm.chain, best);
    for (let round = 0; round < 5; round++) {
      const { store, done } = await open();
      const one = await openRig({ params, store });
      const two = await openRig({ params, store });
      const shuffled = [...blocks].sort(() => (round % 2 === 0 ? -1 : 1));
      await Promise.all([
        acceptAll(one.chain, blocks),
        acceptAll(two.chain, shuffled),
        two.chain.acceptBlocks(best.map(({ block }) => block.raw)),
      ]);
      await acceptAll(one.chain, best);
      expect(await stateDigest(store, best)).toBe(await stateDigest(calm.store, best));
      expect(await coinLines(store, scriptsOf(blocks))).toEqual(replayLines(best.at(-1)!));
      await done();
    }
  });

  it('in turns: neither trusts what it remembers of an older version', async () => {
    const story = new Story(params);
    const blocks = busyChain(story, { on: story.genesis, length: 9, tag: 'v' });
    const calm = await openRig({ params });
    await acceptAll(calm.chain, blocks);
    const { store, done } = await open();
    const one = await openRig({ params, store });
    const two = await openRig({ params, store });
    for (const [i, block] of blocks.entries()) {
      const chain = (Math.floor(i / 2) % 2 === 0 ? one : two).chain;
      expect(await acceptAll(chain, [block])).toEqual(['tip']);
    }
    expect(await stateDigest(store, blocks)).toBe(await stateDigest(calm.store, blocks));
    await done();
  });

  it('the same block by both is connected once', async () => {
    const story = new Story(params);
    const blocks = busyChain(story, { on: story.genesis, length: 6, tag: 'r' });
    const { store, done } = await open();
    const one = await openRig({ params, store });
    const two = await openRig({ params, store });
    for (const { block } of blocks) {
      const outcomes = await Promise.all(
        [one, two].map(({ chain }) => chain.acceptBlock(block.raw, { asked: false })),
      );
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['known', 'tip']);
    }
    expect((await one.chain.tip()).version).toBe(1 + blocks.length);
    await done();
  });
});

describe('blame', () => {
  const story = new Story(params);
  const trunk = busyChain(story, { on: story.genesis, length: 3, tag: 't' });
  const good = busyChain(story, { on: trunk[2]!, length: 1, tag: 'g' })[0]!;
  const [coinbase, first, second] = good.block.txs;

  const reasonOf = async (raw: Uint8Array): Promise<{ reason: string; after: string }> => {
    const { chain } = await openRig({ params });
    await acceptAll(chain, trunk);
    const outcome = await chain.acceptBlock(raw, { asked: true });
    const reason = outcome.status === 'rejected' ? outcome.reject.reason : outcome.status;
    const [after] = await acceptAll(chain, [good]);
    return { reason, after: after! };
  };
  const withTxs = (txs: Block['txs']): Uint8Array => makeBlock(good.block.header, txs).raw;

  it.each([
    [
      'its last transaction twice',
      () => withTxs([coinbase!, first!, second!, second!]),
      'bad-txns-duplicate',
    ],
    ['a transaction left out', () => withTxs([coinbase!, first!]), 'bad-txnmrklroot'],
    [
      'another signature',
      () => {
        const scriptSig = first!.inputs[0]!.scriptSig.slice();
        scriptSig[10]! ^= 1;
        const other = makeTx({ ...first!, inputs: [{ ...first!.inputs[0]!, scriptSig }] });
        return withTxs([coinbase!, other, second!]);
      },
      'bad-txnmrklroot',
    ],
    ['a byte too many', () => Uint8Array.from([...good.block.raw, 0]), 'stack-trailing-bytes'],
    ['its end missing', () => good.block.raw.slice(0, -1), 'block-decode-failed'],
  ])('a body with %s does not condemn the hash', async (_, make, reason) => {
    expect(await reasonOf(make())).toEqual({ reason, after: 'tip' });
  });

  it('a body that breaks a rule condemns its hash, and nothing else', async () => {
    const { chain, store } = await openRig({ params });
    await acceptAll(chain, trunk);
    const bad = story.build({ on: trunk[2]!, reward: 51e8 });
    const outcome = await chain.acceptBlock(bad.raw, { asked: false });
    expect(outcome).toMatchObject({ status: 'rejected', reject: { reason: 'bad-cb-amount' } });
    expect(await chain.hasBody(bad.header.hash)).toBe(false);
    expect(await chain.acceptBlock(bad.raw, { asked: true })).toMatchObject({
      reject: { reason: 'duplicate-invalid', detail: 'bad-cb-amount' },
    });
    expect(await chain.acceptHeaders([bad.header])).toMatchObject({
      reject: { reason: 'duplicate-invalid' },
    });
    const above = mineHeader({
      ...bad.header,
      prevHash: bad.header.hash,
      time: bad.header.time + 15,
    });
    expect(await chain.acceptHeaders([above])).toMatchObject({
      status: 'rejected',
      reject: { reason: 'bad-prevblk' },
    });
    expect(await acceptAll(chain, [good])).toEqual(['tip']);
    expect((await store.list('X')).length).toBe(1);
  });

  it('what is too new today is welcome tomorrow', async () => {
    const { chain, clock } = await openRig({ params, now: good.entry.header.time - 7201 });
    await acceptAll(chain, trunk);
    expect(await acceptAll(chain, [good])).toEqual(['time-too-new']);
    clock.seconds += 1;
    expect(await acceptAll(chain, [good])).toEqual(['tip']);
  });

  it('bytes that are no block have no hash', async () => {
    const { chain } = await openRig({ params });
    for (const raw of [new Uint8Array(0), new Uint8Array(79), new Uint8Array(200)]) {
      const outcome = await chain.acceptBlock(raw, { asked: true });
      expect(outcome.status).toBe('rejected');
    }
    const short = await chain.acceptBlock(new Uint8Array(10), { asked: true });
    expect(short).toMatchObject({ reject: { reason: 'block-decode-failed' } });
    expect(short.hash).toBeUndefined();
  });

  it('any bytes change nothing', async () => {
    const { chain, store } = await openRig({ params, store: createMemoryStore() });
    await acceptAll(chain, trunk);
    const digest = await stateDigest(store, trunk);
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 400 }),
          fc
            .tuple(
              // Another version, time or nonce makes another block, which may be as good.
              fc.oneof(
                fc.integer({ min: 4, max: 67 }),
                fc.integer({ min: 80, max: good.block.raw.length - 1 }),
              ),
              fc.integer({ min: 1, max: 255 }),
            )
            .map(([at, by]) => {
              const raw = good.block.raw.slice();
              raw[at]! ^= by;
              return raw;
            }),
        ),
        async (raw) => {
          const outcome = await chain.acceptBlock(raw, { asked: true });
          expect(['rejected', 'orphan', 'side']).toContain(outcome.status);
          expect(await stateDigest(store, trunk)).toBe(digest);
        },
      ),
      { numRuns: 400 },
    );
  });
});
