/** The price table as Markdown. Owns its scenarios, its words and its rounding. */
import { boardCounts, countsOf, STACKS } from './counts.ts';
import {
  type Bill,
  billOf,
  HOURS,
  instanceBill,
  LINES,
  type Month,
  type Prices,
  type Stack,
  sumOf,
  type Use,
} from './model.ts';

const BLOCKS_A_MINUTE = HOURS * 60;
const PAYMENTS_PER_BLOCK = 10;
const MILLION = 1_000_000;

const ASLEEP: Month = { blocks: 0, payments: 0, time: true };
const BUSY: Month = {
  blocks: BLOCKS_A_MINUTE,
  payments: BLOCKS_A_MINUTE * PAYMENTS_PER_BLOCK,
  time: true,
};
const MILLION_PAYMENTS: Month = { blocks: 0, payments: MILLION, time: false };

const cents = (usd: number): string => {
  if (usd === 0) return '';
  return usd < 0.005 ? '< 0.01' : usd.toFixed(2);
};

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

const oldest = (prices: Prices): string =>
  Object.values(prices)
    .map(({ asOf }) => asOf)
    .sort()[0] ?? '';

/** What stands between the two marks of the README. */
export function renderPrices(prices: Prices, use: Use): string {
  const board = boardCounts();
  const stack = (miner: Stack['miner']): Stack => ({
    miner,
    board,
    counts: countsOf(miner),
  });
  const bill = (miner: Stack['miner'], month: Month): Bill =>
    billOf(prices, use, stack(miner), month);
  const columns: readonly (readonly [string, Bill])[] = [
    ['asleep', bill('off', ASLEEP)],
    ['busy, `off`', bill('off', BUSY)],
    ['busy, `lambda`', bill('lambda', BUSY)],
    ['busy, `fargate-spot`', bill('fargate-spot', BUSY)],
    ['busy, `fargate`', bill('fargate', BUSY)],
    ['a million payments', bill('off', MILLION_PAYMENTS)],
  ];
  const bills = columns.map(([, each]) => each);
  const instance = instanceBill(prices, use);
  const dashboards = board.dashboards * (prices['dashboard']?.usd ?? Number.NaN);
  const timed = columns.map(([name]) => !name.startsWith('a million'));
  const lines = LINES.map((line) => row([line, ...bills.map((each) => cents(each[line])), '']));
  return [
    row(['dollars a month, one stack', ...columns.map(([name]) => name), 'a t4g.small']),
    row(['---', ...columns.map(() => '---:'), '---:']),
    ...lines,
    row(['**One stack**', ...bills.map((each) => `**${cents(sumOf(each))}**`), cents(instance)]),
    row([
      `**${STACKS} stacks and their dashboard** (${cents(dashboards)})`,
      ...bills.map((each, i) => {
        const sum = STACKS * sumOf(each) + (timed[i] ? dashboards : 0);
        return `**${cents(sum)}**`;
      }),
      cents(instance),
    ]),
    '',
    `Each is one of ${STACKS} stacks that gossip. Asleep: no block, no payment, no miner. Busy: a block a`,
    `minute with ${PAYMENTS_PER_BLOCK} payments of one input and two outputs each. A million payments: what they add, on each`,
    'stack. Storage is what the month added. A t4g.small with a disk and an address runs all three',
    `nodes (\`npm start\`) at one price. List prices of us-east-1 without free tiers, the oldest of`,
    `${oldest(prices)}: \`docs/prices.json\` names source and date of each.`,
  ].join('\n');
}

export const START = '<!-- prices -->';
export const END = '<!-- /prices -->';

/** Puts the table between the marks of a text. */
export function putPrices(text: string, table: string): string {
  const from = text.indexOf(START);
  const to = text.indexOf(END);
  if (from < 0 || to < from) throw new Error(`the text lacks ${START} and ${END}`);
  return `${text.slice(0, from + START.length)}\n${table}\n${text.slice(to)}`;
}
