/**
 * Promises of the form "within a second", on a machine that may be busy with something else. What
 * waits for a timer, or for an answer that does not come, is slow each time; a machine that is busy
 * is so for a while. Owns how often it is tried, and what is slow for this machine now.
 */
import { spawnSync } from 'node:child_process';

const TRIES = 20;
const PACES_MEASURED = 3;
const PACES_ALLOWED = 30;

/** The time of the first run that takes less than `ms`, of `TRIES` at most; else the shortest. */
export async function quickest(
  ms: number,
  run: (turn: number) => Promise<number>,
  tries = TRIES,
): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let turn = 0; turn < tries && shortest >= ms; turn++) {
    shortest = Math.min(shortest, await run(turn));
  }
  return shortest;
}

/** How long it takes. */
export async function timed(run: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await run();
  return performance.now() - startMs;
}

/**
 * For what is too dear to be tried again: the promise, and what a machine as busy as this one is now
 * adds to the end of a process. To be asked right after it; on an idle machine some hundred
 * milliseconds.
 */
export function allowedMs(promisedMs: number): number {
  const paces = Array.from({ length: PACES_MEASURED }, () => {
    const startMs = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - startMs;
  });
  return promisedMs + PACES_ALLOWED * Math.max(...paces);
}
