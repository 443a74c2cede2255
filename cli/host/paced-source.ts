/**
 * Mining where a block costs nothing (no retarget, as on regtest): without a pace, one thread would
 * find dozens of blocks a second, and the headers' times would run ahead of the clock until no block
 * is allowed any more.
 */
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import type { WorkSource } from '../../lib/mining/types.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { BlockHash } from '../../lib/types.ts';
import { sleep } from './sleep.ts';

/** On average; drawn anew each time, so that two miners seldom find at the same moment. */
const PACE_MS = 1_000;

export interface PacedOptions {
  readonly clock: Clock;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** 0 to 1. */
  readonly draw: () => number;
  readonly paceMs?: number;
}

/** Hands out work on a new tip only after a while. */
export function createPacedSource(source: WorkSource, options: PacedOptions): WorkSource {
  const { clock, sleep, draw, paceMs = PACE_MS } = options;
  let tip: BlockHash | undefined;
  let readyMs = 0;
  return {
    submit: (block) => source.submit(block),
    async template(wanted = {}) {
      const { signal } = wanted;
      let template = await source.template(wanted);
      for (;;) {
        if (template.prevHash !== tip) {
          tip = template.prevHash;
          readyMs = clock.nowMs() + paceMs * (0.5 + draw());
        }
        const leftMs = readyMs - clock.nowMs();
        // Who does not wait any more asks again, and waits for what is left then.
        if (leftMs <= 0 || signal?.aborted === true) return template;
        await sleep(leftMs, signal);
        template = await source.template(signal === undefined ? {} : { signal });
      }
    },
  };
}

/** As it is, or at a pace on a network where a block costs nothing. */
export function paceOf(source: WorkSource, params: ChainParams | undefined): WorkSource {
  if (params?.retarget.kind !== 'none') return source;
  const draw = (): number => (systemRandom.bytes(1)[0] ?? 0) / 256;
  return createPacedSource(source, { clock: systemClock, sleep, draw });
}
