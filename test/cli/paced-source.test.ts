/** Mining without difficulty keeps a pace: work on a new tip comes only after a while. */
import { expect, test } from 'vitest';
import { createPacedSource } from '../../cli/host/paced-source.ts';
import type { Template, WorkSource } from '../../lib/mining/types.ts';

/** Answers these tips one after the other, the last one for ever; time passes by sleeping alone. */
function world(tips: string[]) {
  const time = { ms: 1_000_000 };
  const slept: number[] = [];
  const source: WorkSource = {
    async template() {
      const prevHash = tips.length > 1 ? tips.shift() : tips[0];
      return { prevHash } as unknown as Template;
    },
    submit: async () => null,
  };
  const options = {
    paceMs: 100,
    draw: () => 0.25,
    clock: { nowMs: () => time.ms },
    sleep: async (ms: number) => {
      slept.push(ms);
      time.ms += ms;
    },
  };
  return { source, options, slept, time };
}

test('waits once for each tip, again if it moves meanwhile', async () => {
  const { source, options, slept } = world(['a', 'b', 'b', 'b', 'c', 'c']);
  const paced = createPacedSource(source, options);
  // a is seen, and is b after the wait: waited for again.
  expect((await paced.template()).prevHash).toBe('b');
  expect(slept).toEqual([75, 75]);
  expect((await paced.template({ knownId: 'x' })).prevHash).toBe('b');
  expect(slept).toHaveLength(2);
  expect((await paced.template()).prevHash).toBe('c');
  expect(slept).toHaveLength(3);
});

test('a wait that is broken off is not over: the rest is waited for when asked again', async () => {
  const { source, options, slept, time } = world(['a']);
  const controller = new AbortController();
  const { signal } = controller;
  const paced = createPacedSource(source, {
    ...options,
    sleep: async (ms, broken) => {
      // The miner breaks off each time it has found: right after the tip has moved.
      if (broken !== signal) return options.sleep(ms);
      slept.push(ms);
      time.ms += 10;
      controller.abort();
    },
  });
  expect((await paced.template({ signal })).prevHash).toBe('a');
  expect(slept).toEqual([75]);
  await paced.template();
  expect(slept).toEqual([75, 65]);
});
