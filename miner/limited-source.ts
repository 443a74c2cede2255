/**
 * A WorkSource that takes a number of blocks and no more: what mines on command must not lengthen
 * the chain by a block that nobody asked for. Owns the count.
 */
import type { WorkSource } from '../lib/mining/types.ts';
import { pause } from './pause.ts';

/** Only the signal ends it. */
const FOR_EVER_MS = 2 ** 31 - 1;

export function createLimitedSource(source: WorkSource, count: number): WorkSource {
  let taken = 0;
  let submitting: Promise<unknown> = Promise.resolve();
  return {
    async template(options = {}) {
      const template = await source.template(options);
      // The tip moves before its submission is answered: whether it was the last is known after.
      await submitting;
      if (taken >= count) await pause(FOR_EVER_MS, options.signal);
      return template;
    },
    submit(block) {
      const answer = submitting.then(async () => {
        if (taken >= count) return 'stale-work';
        const reason = await source.submit(block);
        if (reason === null) taken++;
        return reason;
      });
      submitting = answer.catch(() => undefined);
      return answer;
    },
  };
}
