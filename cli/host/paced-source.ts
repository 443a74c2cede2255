/**
 * Mining where a block costs nothing (no retarget, as on regtest): without a pace, one thread would
 * find dozens of blocks a second, and the headers' times would run ahead of the clock until no block
 * is allowed any more.
 */
import type { Template, WorkSource } from '../../lib/mining/types.ts';

/** On average; drawn anew each time, so that two miners seldom find at the same moment. */
const PACE_MS = 1_000;

export interface PacedOptions {
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 to 1. */
  readonly draw: () => number;
  readonly paceMs?: number;
}

/** Hands out work on a new tip only after a while. */
export function createPacedSource(source: WorkSource, options: PacedOptions): WorkSource {
  const { sleep, draw, paceMs = PACE_MS } = options;
  let ready: string | undefined;
  return {
    submit: (block) => source.submit(block),
    async template(wanted = {}) {
      const signal = wanted.signal === undefined ? {} : { signal: wanted.signal };
      let template: Template = await source.template(wanted);
      while (template.prevHash !== ready && wanted.signal?.aborted !== true) {
        const { prevHash } = template;
        await sleep(paceMs * (0.5 + draw()), wanted.signal);
        template = await source.template(signal);
        if (template.prevHash === prevHash) ready = prevHash;
      }
      return template;
    },
  };
}
