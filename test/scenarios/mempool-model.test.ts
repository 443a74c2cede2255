/**
 * Random stories over two mempools on one store: admissions, replacements, blocks, reorganisations,
 * stalled janitors, ticks. The seed is printed.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fuzzSeed } from '../helpers/fuzz.ts';
import { mempoolStory, Teller } from '../helpers/mempool-stories.ts';
import { MempoolWorld, type StoreKind } from '../helpers/mempool-world.ts';

describe('any story', () => {
  it.each<[StoreKind, number]>([
    ['memory', Number(process.env['STORY_RUNS'] ?? 40)],
    ['leveldb', 8],
  ])('on %s keeps its invariants (%d runs)', async (store, numRuns) => {
    const seed = fuzzSeed(`mempool stories on ${store}`);
    let accepted = 0;
    let returned = 0;
    await fc.assert(
      fc.asyncProperty(mempoolStory, async (steps) => {
        const world = await MempoolWorld.open({ store, blocks: 8 });
        try {
          const teller = new Teller(world);
          for (const each of steps) {
            await teller.tell(each);
            await teller.check();
            await teller.agree();
          }
          accepted += teller.accepted;
          returned += teller.returned;
        } finally {
          await world.close();
        }
      }),
      { numRuns, seed },
    );
    // The stories are about something: two of each are accepted on average, so that of a few all but
    // none may be (of eight, fewer than nine once in fifty times).
    expect(accepted).toBeGreaterThan(numRuns >= 40 ? numRuns : 0);
    if (numRuns >= 40) expect(returned).toBeGreaterThan(0);
  });

  it.each<[StoreKind, number]>([
    ['memory', Number(process.env['STORY_RUNS'] ?? 25)],
    ['leveldb', 6],
  ])('on %s keeps them with four steps at once (%d runs)', async (store, numRuns) => {
    const seed = fuzzSeed(`mempool stories on ${store}, four steps at once`);
    await fc.assert(
      fc.asyncProperty(mempoolStory, async (steps) => {
        const world = await MempoolWorld.open({ store, blocks: 8 });
        try {
          const teller = new Teller(world);
          for (let at = 0; at < steps.length; at += 4) {
            await Promise.all(steps.slice(at, at + 4).map((each) => teller.tell(each)));
            await teller.check();
            // A block that came and was taken off between two looks: what it confirmed is gone from
            // the store until somebody brings it back, and still in a copy that never saw the block.
            await teller.catchUp();
            await teller.check();
            await teller.agree();
          }
        } finally {
          await world.close();
        }
      }),
      { numRuns, seed },
    );
  });
});
