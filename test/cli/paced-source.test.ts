/** Mining without difficulty keeps a pace: work on a new tip comes only after a while. */
import { expect, test } from 'vitest';
import { createPacedSource } from '../../cli/host/paced-source.ts';
import type { Template, WorkSource } from '../../lib/mining/types.ts';

function fake(prevHashes: string[]) {
  const asked: unknown[] = [];
  const source: WorkSource = {
    async template(options) {
      asked.push(options);
      const prevHash = prevHashes.length > 1 ? prevHashes.shift() : prevHashes[0];
      return { prevHash } as unknown as Template;
    },
    submit: async () => null,
  };
  return { source, asked };
}

test('waits once for each tip, again if it moves meanwhile', async () => {
  const { source } = fake(['a', 'b', 'b', 'b', 'c', 'c']);
  const slept: number[] = [];
  const paced = createPacedSource(source, {
    paceMs: 100,
    draw: () => 0.25,
    sleep: async (ms) => {
      slept.push(ms);
    },
  });
  // a is seen, and is b after the wait: waited for again.
  expect((await paced.template()).prevHash).toBe('b');
  expect(slept).toEqual([75, 75]);
  expect((await paced.template({ knownId: 'x' })).prevHash).toBe('b');
  expect(slept).toHaveLength(2);
  expect((await paced.template()).prevHash).toBe('c');
  expect(slept).toHaveLength(3);
});

test('does not hold up one that is told to stop', async () => {
  const { source } = fake(['a']);
  const controller = new AbortController();
  const paced = createPacedSource(source, {
    draw: () => 0,
    sleep: async () => controller.abort(),
  });
  const { signal } = controller;
  expect((await paced.template({ signal })).prevHash).toBe('a');
});
