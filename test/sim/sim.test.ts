/**
 * Nodes under faults, from one seed (SIM_SEED runs one again). While faults last: nobody errs, and
 * nobody blames an honest peer. When they stop: all stand on one tip with the same coins, and the
 * supply is the subsidies.
 */
import { describe, expect, it } from 'vitest';
import { heightOf, tipOf } from '../helpers/node-net.ts';
import { World } from './world.ts';

const given = Number(process.env['SIM_SEED']);
const seeds = Number.isInteger(given) && given !== 0 ? [given] : [1, 2, 3, Date.now() >>> 0];
const SUBSIDY = 50e8;
/** Longest backoff is 15 minutes; more rounds than that takes are a fault. */
const ROUNDS_MAX = 40;
const ROUNDS_MIN = 2;
const ROUND_SECONDS = 30;

describe('simulation', () => {
  it.each(seeds)('five nodes, seed %i', async (seed) => {
    console.info(`simulation: seed ${seed}`);
    const world = new World({ seed, nodes: 5, steps: 300 });
    await world.start();
    await world.run();
    await world.heal();
    const all = world.names.map((name) => world.node(name));
    let rounds = 0;
    const works = async (): Promise<number> =>
      new Set(await Promise.all(all.map(async ({ node }) => (await node.status()).chainwork))).size;
    while (rounds < ROUNDS_MIN || (await works()) > 1) {
      rounds += 1;
      if (rounds > ROUNDS_MAX) break;
      await world.net.pass(ROUND_SECONDS);
    }
    const heights = await Promise.all(all.map(heightOf));
    expect(await works(), `seed ${seed}: after ${rounds} rounds, at ${heights.join()}`).toBe(1);
    // Two branches of one work stand beside each other until the next block, as in Bitcoin.
    const [first] = all;
    if (first === undefined) throw new Error('no node');
    const [hash] = await world.net.mine(first, 1, 'n0');
    await world.net.pass(6, 2);
    expect(await Promise.all(all.map(tipOf)), `seed ${seed}`).toEqual(all.map(() => hash));

    const height = await heightOf(first);
    expect(height).toBeGreaterThan(10);
    const coins = await Promise.all(all.map((node) => world.coins(node)));
    for (const { total, lines } of coins) {
      expect(total, `seed ${seed}: supply`).toBe(height * SUBSIDY);
      expect(lines, `seed ${seed}: coins`).toEqual(coins[0]?.lines);
    }
    // Lost, late and doubled messages are nobody's fault.
    for (const { node, name } of all) {
      const banned = (await node.gossip.peers()).filter((peer) => peer.banned);
      expect(
        banned.filter(({ address }) => address !== ''),
        `seed ${seed}: ${name}`,
      ).toEqual([]);
    }
    const { mined, paid, lost, late, doubled, cut, died, rubbish } = world.counts;
    for (const count of [mined, paid, lost, late, doubled, cut, died, rubbish]) {
      expect(count, `seed ${seed}: ${JSON.stringify(world.counts)}`).toBeGreaterThan(0);
    }
  });

  it('a seed tells the same story twice', async () => {
    const tell = async (): Promise<string[]> => {
      const world = new World({ seed: 7, nodes: 3, steps: 60 });
      await world.start();
      await world.run();
      return Promise.all(world.names.map((name) => tipOf(world.node(name))));
    };
    expect(await tell()).toEqual(await tell());
  });
});
