/** Ending takes less than five seconds, whatever hangs (interfaces section 1). */
import { afterEach, expect, test, vi } from 'vitest';
import { stopInTime } from '../../cli/host/until-stopped.ts';

const STOP_MS_MAX = 5_000;

afterEach(() => {
  vi.useRealTimers();
});

test('what does not end is not waited for longer than a user waits', async () => {
  vi.useFakeTimers();
  let isOver = false;
  const stopping = stopInTime(new Promise(() => undefined)).then(() => {
    isOver = true;
  });
  // A second is left for what comes after.
  await vi.advanceTimersByTimeAsync(STOP_MS_MAX - 1_000);
  expect(isOver).toBe(true);
  await stopping;
});

test('what ends is waited for, and not longer', async () => {
  vi.useFakeTimers();
  const stopped = Promise.withResolvers<string>();
  const stopping = stopInTime(stopped.promise);
  await vi.advanceTimersByTimeAsync(1_000);
  stopped.resolve('all of it');
  expect(await stopping).toBe('all of it');
});
