/** The mempool on DynamoDB, where deleted coins leave tombstones and commits take their time. */
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { createTable } from '../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import { fuzzSeed } from '../helpers/fuzz.ts';
import { mempoolStory, raceRounds, Teller } from '../helpers/mempool-stories.ts';
import {
  brokenInvariants,
  inAWord,
  MempoolWorld,
  type OpenedStore,
} from '../helpers/mempool-world.ts';
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';

let tables = 0;

describeOnDynoxide('dynoxide', (connect) => {
  const open = async (): Promise<OpenedStore> => {
    const client = await connect();
    const table = `mempool-${process.pid}-${tables++}`;
    await createTable(client, table);
    // Its own clock: requests are dated by the machine's.
    const store = createDynamoStore({ client, table });
    return { store, close: () => store.close() };
  };
  let world: MempoolWorld | undefined;
  afterEach(() => world?.close());

  it('of 16 conflicting admissions through two mempools one wins', async () => {
    world = await MempoolWorld.open({ store: open, blocks: 6 });
    const { story, mempool } = world;
    const mempools = [mempool, world.another()];
    const txs = Array.from({ length: 16 }, (_, i) =>
      story.pay({ from: 'b1:0', to: 'bob', sats: 1000 + i }),
    );
    const words = await Promise.all(
      txs.map(async (tx, i) => inAWord(await mempools[i % 2]!.accept(tx.raw))),
    );
    expect(words.filter((word) => word === 'accepted')).toHaveLength(1);
    expect(words.filter((word) => word === 'txn-mempool-conflict')).toHaveLength(15);
    expect(await brokenInvariants(world)).toEqual([]);
  });

  it('a coin that left the chain is claimed again: its tombstone is in nobody’s way', async () => {
    world = await MempoolWorld.open({ store: open, blocks: 8 });
    const { story } = world;
    const fork = story.tip;
    const parent = story.pay({ name: 'parent', from: 'b1:0', to: 'bob', sats: 1e6 });
    await world.mine({ txs: [parent] });
    story.mine({ on: fork, name: 'r1' });
    story.mine({ name: 'r2' });
    for (const name of ['r1', 'r2']) await world.give(story.block(name).block);
    expect(await world.txids()).toEqual([parent.txid]);
    const child = story.pay({ from: 'parent:1', to: 'carol', sats: 1e6 });
    expect(await world.try(child)).toBe('accepted');
    const block = await world.template();
    expect(block.txs).toHaveLength(3);
    await world.give(block);
    expect(await world.txids()).toEqual([]);
  });

  it('races while large commits are under way: at most one spender, templates valid', async () => {
    world = await MempoolWorld.open({ store: open, blocks: 6 });
    await raceRounds(world, [world.mempool, world.another()], { rounds: 3, bulk: 40 });
  });

  it('random stories keep their invariants', async () => {
    const seed = fuzzSeed('mempool stories on DynamoDB');
    await fc.assert(
      fc.asyncProperty(mempoolStory, async (steps) => {
        const each = await MempoolWorld.open({ store: open, blocks: 8 });
        try {
          const teller = new Teller(each);
          for (const step of steps) {
            await teller.tell(step);
            await teller.check();
            await teller.agree();
          }
        } finally {
          await each.close();
        }
      }),
      { numRuns: 3, seed, endOnFailure: true },
    );
  });
});
