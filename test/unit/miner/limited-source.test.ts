/** Blocks on command are as many as were asked for, whatever else the threads find meanwhile. */
import { expect, test } from 'vitest';
import type { Template, WorkSource } from '../../../lib/mining/types.ts';
import { createLimitedSource } from '../../../miner/limited-source.ts';

const block = (n: number): Uint8Array => Uint8Array.of(n);

test('no work is given on a tip whose submission is under way, none after the last', async () => {
  const taken: number[] = [];
  let answer: (reason: string | null) => void = () => undefined;
  const source: WorkSource = {
    template: async () => ({ height: taken.length }) as unknown as Template,
    submit: (bytes) => {
      taken.push(bytes[0] ?? 0);
      return new Promise((resolve) => {
        answer = resolve;
      });
    },
  };
  const limited = createLimitedSource(source, 1);
  const first = limited.submit(block(1));
  const second = limited.submit(block(2));
  const controller = new AbortController();
  let given = false;
  const work = limited.template({ signal: controller.signal }).then(() => {
    given = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(given).toBe(false);
  answer(null);
  expect(await first).toBe(null);
  expect(await second).toBe('stale-work');
  expect(taken).toEqual([1]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(given).toBe(false);
  controller.abort();
  await work;
});

test('a block that was refused does not count', async () => {
  const reasons = ['stale-prevblk', null];
  const source: WorkSource = {
    template: async () => ({}) as Template,
    submit: async () => reasons.shift() ?? null,
  };
  const limited = createLimitedSource(source, 1);
  expect(await limited.submit(block(1))).toBe('stale-prevblk');
  await limited.template();
  expect(await limited.submit(block(2))).toBe(null);
  expect(await limited.submit(block(3))).toBe('stale-work');
});
