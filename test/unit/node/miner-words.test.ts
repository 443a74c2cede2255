/** What miners say of themselves: seldom, together, and not for long. */
import { beforeEach, expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { createMinerWords, readMiners } from '../../../lib/node/miner-words.ts';
import { takeMiningLease } from '../../../lib/node/mining-lease.ts';
import type { LooseRow, Store } from '../../../lib/ports/store.ts';
import { countingRandom } from '../../helpers/mempool-world.ts';
import { handClock } from '../../helpers/node-net.ts';

const OFF = { active: false, hashRate: 0, address: null };

let clock: ReturnType<typeof handClock>;
let store: Store;
let puts: (readonly LooseRow[])[];
let fault: Error | undefined;

beforeEach(() => {
  clock = handClock(1_700_000_000);
  puts = [];
  fault = undefined;
  store = createMemoryStore({ clock });
  onPut(async (rows, put) => {
    puts.push(rows);
    if (fault !== undefined) throw fault;
    await put(rows);
  });
});

function onPut(then: (rows: readonly LooseRow[], put: Store['put']) => Promise<void>): void {
  const put = store.put.bind(store);
  store.put = (rows) => then(rows, put);
}
const random = countingRandom('words');
const tools = () => ({ store, random, now: () => Math.floor(clock.nowMs() / 1000) });
const shown = () => readMiners(tools());

it('nobody mines where nobody says so, and to ask is to write nothing', async () => {
  expect(await shown()).toEqual(OFF);
  await createMinerWords(tools(), 'A').end();
  expect(puts).toEqual([]);
});

it('writes once a minute however often it is told, and never without a hash rate', async () => {
  const words = createMinerWords(tools(), 'A');
  await words.say(0);
  expect(puts).toHaveLength(0);
  for (let second = 0; second < 600; second += 10) {
    await words.say(1000.4);
    clock.advance(10_000);
  }
  expect(puts).toHaveLength(10);
  expect(await shown()).toEqual({ active: true, hashRate: 1000, address: 'A' });
});

it('who falls silent, killed or without work, is none soon, and two lost words are no silence', async () => {
  const words = createMinerWords(tools(), null);
  await words.say(7);
  clock.advance(140_000);
  await words.say(0);
  expect(await shown()).toEqual({ active: true, hashRate: 7, address: null });
  clock.advance(10_000);
  expect(await shown()).toEqual(OFF);
});

it('several are shown as their sum, and as paying whom the last to speak pays', async () => {
  const first = createMinerWords(tools(), 'A');
  const second = createMinerWords(tools(), 'B');
  await second.say(30);
  clock.advance(1000);
  await first.say(12);
  expect(await shown()).toEqual({ active: true, hashRate: 42, address: 'A' });
  clock.advance(60_000);
  await second.say(31);
  expect(await shown()).toEqual({ active: true, hashRate: 43, address: 'B' });
  await second.end();
  expect(await shown()).toEqual({ active: true, hashRate: 12, address: 'A' });
  await first.end();
  expect(await shown()).toEqual(OFF);
  expect(await store.list('G#miner')).toEqual([]);
});

it('one that is called says how its search went when it ends, with no write of its own', async () => {
  let transactions = 0;
  const transact = store.transact.bind(store);
  store.transact = (operations) => {
    transactions += 1;
    return transact(operations);
  };
  const search = async (word?: { hashRate: number; address: string | null }) => {
    const lease = await takeMiningLease(tools(), 60);
    clock.advance(10_000);
    await lease?.release(word);
  };
  await search();
  expect(await shown()).toEqual(OFF);
  const ofOneCall = transactions;
  await search({ hashRate: 5, address: 'A' });
  expect(await shown()).toEqual({ active: true, hashRate: 5, address: 'A' });
  expect([transactions, puts]).toEqual([2 * ofOneCall, []]);
  // One that found nothing to do says nothing else, and takes nothing back.
  clock.advance(60_000);
  await search();
  expect(await shown()).toEqual({ active: true, hashRate: 5, address: 'A' });
  const running = createMinerWords(tools(), 'B');
  await running.say(30);
  expect(await shown()).toEqual({ active: true, hashRate: 35, address: 'B' });
  clock.advance(79_000);
  expect((await shown()).hashRate).toBe(35);
  clock.advance(1000);
  expect(await shown()).toEqual({ active: true, hashRate: 30, address: 'B' });
});

it('what a search said does not lengthen the lease of a call that dies', async () => {
  const first = await takeMiningLease(tools(), 60);
  await first?.release({ hashRate: 5, address: null });
  const dies = await takeMiningLease(tools(), 60);
  expect(dies).toBeDefined();
  clock.advance(59_000);
  expect(await takeMiningLease(tools(), 60)).toBeUndefined();
  clock.advance(1000);
  const next = await takeMiningLease(tools(), 60);
  expect(next).toBeDefined();
  // Who lost it ends nobody's, and says nothing any more.
  expect(await dies?.release({ hashRate: 9, address: null })).toBe(false);
  expect(await takeMiningLease(tools(), 60)).toBeUndefined();
  expect((await shown()).hashRate).toBe(5);
});

it('the living are seen behind all that a task left which dies all the time', async () => {
  for (let i = 0; i < 250; i++) {
    await createMinerWords(tools(), 'dead').say(1);
    clock.advance(30_000);
  }
  await createMinerWords(tools(), 'A').say(1);
  expect((await shown()).address).toBe('A');
});

it('a word that was lost is the caller’s to tell of, and ends nothing', async () => {
  const words = createMinerWords(tools(), 'A');
  fault = new Error('throttled');
  await expect(words.say(5)).rejects.toThrow('throttled');
  await words.end();
  fault = undefined;
  clock.advance(60_000);
  await words.say(5);
  expect((await shown()).active).toBe(true);
});

it('what was under way when it ended is gone too', async () => {
  let go = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  onPut(async (rows, put) => {
    await gate;
    await put(rows);
  });
  const words = createMinerWords(tools(), 'A');
  const saying = words.say(5);
  const ending = words.end();
  go();
  await Promise.all([saying, ending]);
  expect(await shown()).toEqual(OFF);
});
