import { setTimeout as wait } from 'node:timers/promises';

/** Resolves after so many milliseconds, or at once when the signal says so. Never rejects. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  wait(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
