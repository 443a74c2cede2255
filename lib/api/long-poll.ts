/**
 * Waiting for other work to mine on (BIP22's long poll). Owns how long a request is held and what
 * wakes it: the node's events are hints from this process, the template's id is the truth.
 */
import type { Api } from './row.ts';

/** Another process may move the tip without an event here: look this often. */
const LOOK_MS = 500;
/** A busy mempool would answer every transaction; a moment's gathering costs a miner nothing. */
const MEMPOOL_HOLD_MS = 500;
const HASH_DIGITS = 64;
/** Requests held at a time in this process. */
export const POLLS_MAX = 256;

/** Counts the requests that are held. */
export interface Polls {
  held: number;
}

const tipOf = (id: string): string => id.slice(0, HASH_DIGITS);

/** Resolves once templateId() differs from `knownId`, the wait is over, or the caller went away. */
export async function waitForWork(
  { node, options }: Api,
  knownId: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const wake = wakeUp(node);
  try {
    // Both bounds, so that a clock that stands still ends it too.
    const startMs = node.clock.nowMs();
    let leftMs = options.waitMsMax;
    for (;;) {
      const woken = wake.next();
      const id = await node.templateId();
      const passedMs = node.clock.nowMs() - startMs;
      if (tipOf(id) !== tipOf(knownId)) return;
      const held = Math.max(passedMs, options.waitMsMax - leftMs);
      if (id !== knownId && held >= Math.min(MEMPOOL_HOLD_MS, options.waitMsMax)) return;
      leftMs = Math.min(leftMs, options.waitMsMax - passedMs);
      if (leftMs <= 0 || signal?.aborted === true) return;
      const stepMs = Math.min(leftMs, LOOK_MS);
      const slept = await Promise.race([
        woken.then(() => false),
        options.sleep(stepMs, signal).then(
          () => true,
          () => true,
        ),
      ]);
      if (slept) leftMs -= stepMs;
    }
  } finally {
    wake.stop();
  }
}

/** Turns the node's listener into promises. `next()` is taken before the truth is read. */
function wakeUp(node: Api['node']): { next(): Promise<void>; stop(): void } {
  let resolve = (): void => undefined;
  const stop = node.on((event) => {
    if (event.type === 'tip') resolve();
  });
  return {
    next: () =>
      new Promise<void>((done) => {
        resolve = done;
      }),
    stop,
  };
}
