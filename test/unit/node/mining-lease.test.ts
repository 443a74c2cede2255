/** The lease of a miner that is called: in every order of what its callers do, one at a time, and none unheard. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { takeMiningLease } from '../../../lib/node/mining-lease.ts';
import type { Store } from '../../../lib/ports/store.ts';
import { countingRandom } from '../../helpers/mempool-world.ts';
import { handClock } from '../../helpers/node-net.ts';

const SECONDS = 60;

it('whoever comes, in whatever order: one at a time, and nothing is left waiting', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), fc.integer({ min: 2, max: 6 }), async (s, callers) => {
      const clock = handClock(1_700_000_000);
      const memory: Store = createMemoryStore({ clock });
      const store = {
        ...memory,
        read: s.scheduleFunction(memory.read.bind(memory)),
        transact: s.scheduleFunction(memory.transact.bind(memory)),
      };
      const random = countingRandom('lease');
      const tools = { store, random, now: () => Math.floor(clock.nowMs() / 1000) };
      const pass = s.scheduleFunction(async () => undefined);
      let isWaiting = false;
      let holders = 0;
      let worst = 0;
      /** As mineOnce and its handler do: a block takes all that waits, then whether more came. */
      const call = async (): Promise<void> => {
        for (let more = true; more; ) {
          const lease = await takeMiningLease(tools, SECONDS);
          if (lease === undefined) return;
          worst = Math.max(worst, ++holders);
          await pass();
          isWaiting = false;
          await pass();
          const isLeft = isWaiting;
          await pass();
          holders -= 1;
          const wasCalled = await lease.release();
          more = isLeft || (wasCalled && isWaiting);
        }
      };
      const admit = async (): Promise<void> => {
        await pass();
        isWaiting = true;
        await call();
      };
      const all = Promise.all(Array.from({ length: callers }, admit));
      await s.waitFor(all);
      expect(worst).toBe(1);
      expect(isWaiting).toBe(false);
    }),
    { numRuns: 300 },
  );
});
