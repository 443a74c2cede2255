/** Catching up by bounded calls: what a killed one leaves, the next goes on with. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Node } from '../../../lib/node/types.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';
import { openRig, type Rig } from './rig.ts';

const BLOCKS = 40;
const LEASE_MS = 60_000;
const PEER_MS = 200;
const LONG = { getRemainingTimeInMillis: () => 300_000 };
const never = new Promise<never>(() => undefined);

describeWith(
  dynoxidePath(),
  { name: 'sync', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let dynamo: RunningDynamo;
    let rig: Rig;
    let far: Node;

    beforeEach(async () => {
      dynamo = await startDynoxide(binary);
      rig = await openRig(dynamo.endpoint);
      far = await rig.addPeer('far');
      for (const { block } of rig.story.mineMany(BLOCKS)) {
        await far.acceptBlock(block.raw, { asked: true });
      }
    });
    afterEach(async () => {
      vi.useRealTimers();
      await rig?.stop();
      dynamo?.stop();
    });

    const height = async (): Promise<number> => (await rig.storedTip()).height;
    const passTime = (ms: number): void => {
      const now = Date.now();
      vi.useFakeTimers({ toFake: ['Date'] });
      vi.setSystemTime(now + ms);
    };
    /** The peer gives headers, and falls silent when it is asked for bodies. */
    const hangAtBodies = (): { readonly asked: Promise<void>; heal(): void } => {
      const answer = rig.aws.peers.get('far');
      if (answer === undefined) throw new Error('no such peer');
      let tell = (): void => undefined;
      const asked = new Promise<void>((resolve) => {
        tell = resolve;
      });
      rig.aws.peers.set('far', (body) => {
        if (!JSON.stringify(body).includes('"getdata"')) return answer(body);
        tell();
        return never;
      });
      return { asked, heal: () => rig.aws.peers.set('far', answer) };
    };
    /** A sync that dies while it waits for bodies: its headers are stored, its lease is held. */
    const dieMidway = async (): Promise<void> => {
      const { asked, heal } = hangAtBodies();
      const killed = (await rig.start()).sync({}, LONG);
      killed.catch(() => undefined);
      // Healed before it asks, it would not be dead but at work beside the next.
      await asked;
      expect([await rig.headers(), await height()]).toEqual([BLOCKS, 0]);
      heal();
    };

    it('stops with a third of its time left and has itself called again, until all is there', async () => {
      const answer = rig.aws.peers.get('far');
      if (answer === undefined) throw new Error('no such peer');
      // The peer's answers are all that takes time here, so it is known how much was spent.
      const nowMs = Date.now();
      let spentMs = 0;
      passTime(0);
      rig.aws.peers.set('far', (body) => {
        spentMs += PEER_MS;
        vi.setSystemTime(nowMs + spentMs);
        return answer(body);
      });
      let calls = 0;
      const short = { getRemainingTimeInMillis: () => 3 * PEER_MS };
      do {
        rig.aws.invoked.length = 0;
        const startMs = spentMs;
        await (await rig.start()).sync({}, short);
        calls++;
        expect(spentMs - startMs).toBeLessThanOrEqual(2 * PEER_MS);
      } while (rig.aws.invoked.includes('own-sync') && calls < 50);
      expect(await height()).toBe(BLOCKS);
      expect(calls).toBeGreaterThan(1);
    });

    it('one that is killed midway blocks nobody for longer than its lease', async () => {
      await dieMidway();
      const next = await rig.start();
      const before = rig.aws.requests;
      await next.sync({}, LONG);
      expect([await height(), rig.aws.invoked], 'single while the lease holds').toEqual([0, []]);
      expect(rig.aws.requests).toBeGreaterThan(before);
      passTime(LEASE_MS + 1000);
      await (await rig.start()).sync({}, LONG);
      expect(await height()).toBe(BLOCKS);
    });

    it('a call that was lost is made up for by the tick', async () => {
      await dieMidway();
      passTime(LEASE_MS + 1000);
      await (await rig.start()).tick({});
      const isCalled = rig.aws.invoked.includes('own-sync');
      expect(isCalled || (await height()) === BLOCKS).toBe(true);
      if (isCalled) await (await rig.start()).sync({}, LONG);
      expect(await height()).toBe(BLOCKS);
    });
  },
);
