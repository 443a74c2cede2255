/** The machine's time, held so that it never goes back within the process. */
import type { Clock } from '../ports/clock.ts';

/** A step back of the machine's clock (NTP, a suspended laptop) shows as standing still. */
export function createSystemClock(): Clock {
  let latestMs = 0;
  return {
    nowMs() {
      latestMs = Math.max(latestMs, Date.now());
      return latestMs;
    },
  };
}

export const systemClock: Clock = createSystemClock();
