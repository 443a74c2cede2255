/** The README's price table is what the files make, and every price says where it is from. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readPrices, readUse } from '../../bench/prices/files.ts';
import { billOf, LINES, type Prices, sumOf } from '../../bench/prices/model.ts';
import { putPrices, renderPrices } from '../../bench/prices/render.ts';

const README = readFileSync('README.md', 'utf8');
const COUNTS = {
  alarmMetrics: 2,
  tickSeconds: 300,
  memoryGb: { public: 0.5, inbox: 1, tick: 0.25 },
  queuesWithReader: 1,
  task: undefined,
};
const BOARD = { dashboards: 1, customMetrics: ['HashRate', 'TipHeight'] };

describe('prices', () => {
  it('each have a page, a source and a date', () => {
    const prices = Object.entries(readPrices());
    expect(prices.length).toBeGreaterThan(20);
    for (const [name, price] of prices) {
      expect(price.page, name).toMatch(/^https:\/\/aws\.amazon\.com\//);
      expect(price.source, name).toMatch(/^https:\/\/|as remembered$/);
      expect(price.asOf, name).toMatch(/^20\d\d(-\d\d(-\d\d)?)?$/);
      expect(price.usd, name).toBeGreaterThanOrEqual(0);
      expect(price.unit, name).not.toBe('');
    }
  });

  it('make the table of the README: npx node bench/prices/index.ts --write', () => {
    expect(README).toBe(putPrices(README, renderPrices(readPrices(), readUse())));
  });
});

describe('a bill', () => {
  const stack = { counts: COUNTS, board: BOARD, miner: 'off' } as const;
  const one: Prices = Object.fromEntries(
    Object.entries(readPrices()).map(([name, price]) => [name, { ...price, usd: 1, per: 1 }]),
  );

  it('of a month without time and events is nothing', () => {
    const bill = billOf(readPrices(), readUse(), stack, { blocks: 0, payments: 0, time: false });
    expect(sumOf(bill)).toBe(0);
  });

  it('counts what passes with time: alarms, polls of the queue, ticks', () => {
    const use = readUse();
    const bill = billOf(one, use, stack, { blocks: 0, payments: 0, time: true });
    expect(bill.Alarms).toBe(2);
    // 730 hours, five connections that ask three times a minute.
    expect(bill.SQS).toBe(730 * 60 * 3 * 5);
    const ticks = 730 * 12;
    const { read, write } = use.measured.idleTick;
    expect(bill['DynamoDB units']).toBeCloseTo(ticks * (read + write), 0);
    expect(bill['Metrics of its own']).toBe(0);
    expect(bill['Fargate task']).toBe(0);
  });

  it('counts a task by its hours, and what it sends', () => {
    const task = { vcpu: 0.25, memoryGb: 0.5, spot: false, count: 2, publicAddress: true };
    const mining = { ...stack, miner: 'fargate', counts: { ...COUNTS, task } } as const;
    const bill = billOf(one, readUse(), mining, { blocks: 1, payments: 0, time: true });
    expect(bill['Fargate task']).toBe(2 * 730 * 0.75);
    expect(bill['Public IPv4 address']).toBe(2 * 730);
    expect(bill['Metrics of its own']).toBe(2);
    const spot = { ...mining, counts: { ...COUNTS, task: { ...task, spot: true } } };
    const third: Prices = {
      ...one,
      'fargate-spot-share': { ...one['x'], usd: 0.3, per: 1 } as never,
    };
    const less = billOf(third, readUse(), spot, { blocks: 1, payments: 0, time: true });
    expect(less['Fargate task']).toBeCloseTo(0.3 * bill['Fargate task']);
    for (const line of LINES) expect(less[line]).toBeLessThanOrEqual(bill[line]);
  });
});
