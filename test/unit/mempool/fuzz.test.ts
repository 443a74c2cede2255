/** Bytes from anybody: nothing is thrown, and what is refused leaves no trace in the store. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/codec/index.ts';
import { feedPartition, TX_PARTITIONS } from '../../../lib/mempool/rows.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';
import { brokenInvariants, MempoolWorld } from '../../helpers/mempool-world.ts';

let world: MempoolWorld;
const messages: Uint8Array[] = [];

beforeAll(async () => {
  world = await MempoolWorld.open({ blocks: 8 });
  const { story } = world;
  const fan = story.spend({
    name: 'fan',
    inputs: ['b1:0'],
    outputs: Array.from({ length: 6 }, () => ({ to: 'alice', sats: 1e8 })),
  });
  await world.mine({ txs: [fan] });
  const pay = (from: string | string[], name: string) =>
    story.pay({ name, from, to: 'bob', sats: 1e6, sequence: 0xffff_fffd });
  const inside = pay('fan:0', 'inside');
  const parent = pay('fan:1', 'parent');
  for (const tx of [inside, parent]) expect(await world.try(tx)).toBe('accepted');
  const offered = [
    pay('fan:2', 'good'),
    pay(['fan:3', 'fan:4'], 'two inputs'),
    pay('parent:1', 'child'),
    story.pay({ name: 'replaces', from: 'fan:0', to: 'eve', sats: 1e6, fee: 50_000 }),
    inside,
    pay('good:1', 'orphan'),
    fan,
  ];
  messages.push(...offered.map(({ raw }) => raw));
});
afterAll(() => world.close());

/** All that a transaction's admission may leave behind. */
async function traces(): Promise<string> {
  const partitions = [...TX_PARTITIONS, 'MQ'];
  partitions.push(feedPartition(world.clock.nowMs()));
  const rows = await Promise.all(partitions.map((pk) => world.store.list(pk)));
  return rows
    .flat()
    .map(({ pk, sk, nonce, value }) => `${pk} ${sk} ${nonce} ${toHex(value)}`)
    .join('\n');
}

describe('bytes from anybody', () => {
  it(`are accepted, kept as orphans or refused: ${FUZZ_RUNS} runs`, async () => {
    const seed = fuzzSeed('mempool');
    const before = await traces();
    const mempools = [world.mempool, world.another()];
    const good = new Set(messages.map(toHex));
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(mangled(messages), fc.nat(1), fc.boolean(), async (raw, by, local) => {
        // An edit may put the byte there that was there.
        fc.pre(!good.has(toHex(raw)));
        const given = raw.slice();
        const sequence = await world.mempool.sequence();
        const tested = await mempools[by]!.test(raw);
        const outcome = await mempools[by]!.accept(raw, { local });
        expect(raw).toEqual(given);
        const word = outcome.status === 'rejected' ? outcome.reject.reason : outcome.status;
        seen.set(word, (seen.get(word) ?? 0) + 1);
        // A changed signature would have to hold by chance: nothing mangled gets in.
        expect(outcome.status).not.toBe('accepted');
        expect(await world.mempool.sequence()).toBe(sequence);
        if (tested.ok) throw new Error('a dry run took what is not taken');
        if (outcome.status === 'rejected') expect(tested.reject.reason).toBe(outcome.reject.reason);
      }),
      { numRuns: FUZZ_RUNS, seed },
    );
    expect(await traces()).toBe(before);
    expect(await brokenInvariants(world)).toEqual([]);
    // Both early and late refusals were met.
    expect([...seen.keys()].length).toBeGreaterThan(8);
    expect([...seen.keys()].some((word) => word.startsWith('mempool-script'))).toBe(true);
    // And the good ones are still good.
    expect(await world.mempool.test(messages[0]!)).toMatchObject({ ok: true });
  });
});
