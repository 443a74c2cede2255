/** What stacknet must live through: issue "A real chain in one command", point 1. */
import type { MinerModel, Scenario } from './simulate.ts';

const MHS = 1_000_000;
const YEAR = 365 * 86_400;
const HOURS_12 = 12 * 3600;
/** Blocks from genesis by which the spacing must be right. */
export const SETTLED_AFTER = 1500;
/** Blocks after a pause, or a change, by which it must be right again. */
export const SETTLED_AGAIN = 200;
const EVENT = 2000;
const BLOCKS = 3000;

const HONEST: readonly MinerModel[] = [{ share: 1, clock: 0 }];
const BASE = {
  genesisAgeSeconds: 0,
  miners: HONEST,
  clocksFrom: 1,
  blocks: BLOCKS,
  rates: [{ from: 1, hashRate: MHS }],
  settled: [{ from: SETTLED_AFTER, to: BLOCKS }],
} as const;
const AGAIN = {
  settled: [
    { from: SETTLED_AFTER, to: EVENT },
    { from: EVENT + SETTLED_AGAIN, to: BLOCKS },
  ],
};

const clocks = (name: string, wrong: MinerModel): Scenario => ({
  ...BASE,
  ...AGAIN,
  name,
  clocksFrom: EVENT,
  miners: [wrong, { share: 1 - wrong.share, clock: 0 }],
});

/** `futureLimit`: seconds that a header's time may be ahead. */
export const scenarios = (futureLimit: number): Scenario[] => [
  { ...BASE, name: '1 MH/s, genesis a year old', genesisAgeSeconds: YEAR },
  {
    ...BASE,
    name: '100 MH/s, genesis a year old',
    genesisAgeSeconds: YEAR,
    rates: [{ from: 1, hashRate: 100 * MHS }],
  },
  { ...BASE, name: '1 MH/s from block 1' },
  { ...BASE, name: '100 MH/s from block 1', rates: [{ from: 1, hashRate: 100 * MHS }] },
  {
    ...BASE,
    ...AGAIN,
    name: `hash rate x 10 at ${EVENT}`,
    rates: [
      { from: 1, hashRate: 5 * MHS },
      { from: EVENT, hashRate: 50 * MHS },
    ],
  },
  {
    ...BASE,
    ...AGAIN,
    name: `hash rate / 10 at ${EVENT}`,
    rates: [
      { from: 1, hashRate: 50 * MHS },
      { from: EVENT, hashRate: 5 * MHS },
    ],
  },
  {
    ...BASE,
    ...AGAIN,
    name: `12 h without a miner at ${EVENT}`,
    rates: [{ from: 1, hashRate: 5 * MHS }],
    pause: { at: EVENT, seconds: HOURS_12 },
  },
  clocks(`all clocks ${futureLimit} s ahead from ${EVENT}`, { share: 1, clock: futureLimit }),
  clocks(`half of the clocks ${futureLimit} s ahead from ${EVENT}`, {
    share: 0.5,
    clock: futureLimit,
  }),
  clocks(`a third takes the least time from ${EVENT}`, { share: 1 / 3, clock: 'lowest' }),
  clocks(`half takes the least time from ${EVENT}`, { share: 0.5, clock: 'lowest' }),
];
