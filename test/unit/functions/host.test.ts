/** The node in a function: whom it knows, what it has called, and what is written before a call ends. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { toHex } from '../../../lib/codec/index.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';
import { type Functions, hexOf, openRig, queueName, type Rig, request } from './rig.ts';

const SLOW_MS = 300;
const MINUTE_MS = 60_000;

describeWith(
  dynoxidePath(),
  { name: 'the host of a function', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let dynamo: RunningDynamo;
    let rig: Rig;

    beforeEach(async () => {
      dynamo = await startDynoxide(binary);
      rig = await openRig(dynamo.endpoint);
      await rig.addPeer('near');
    });
    afterEach(async () => {
      await rig?.stop();
      dynamo?.stop();
    });

    /** The queues that hear of a new block. */
    const toldOf = async (functions: Functions): Promise<string[]> => {
      const before = rig.aws.sent.length;
      const body = { hex: hexOf(rig.story.mine({ payTo: 'alice' })) };
      const { statusCode, body: text } = await functions.public(
        request('POST', '/v1/blocks', { body }),
      );
      expect([statusCode, statusCode === 200 || text]).toEqual([200, true]);
      return rig.aws.sent
        .slice(before)
        .map(({ queue }) => queue)
        .sort();
    };

    it('knows a neighbour that was deployed after it within five minutes, and looks no more often', async () => {
      const functions = await rig.start();
      // The clock that these functions were loaded with: AWS's clients keep their own.
      const { systemClock } = await import('../../../lib/adapters/system-clock.ts');
      let aheadMs = 0;
      vi.spyOn(systemClock, 'nowMs').mockImplementation(() => Date.now() + aheadMs);
      const near = [queueName('near')];
      expect(await toldOf(functions)).toEqual(near);
      await rig.addPeer('far');
      aheadMs = 4 * MINUTE_MS;
      expect(await toldOf(functions)).toEqual(near);
      aheadMs = 6 * MINUTE_MS;
      expect(await toldOf(functions)).toEqual([queueName('far'), ...near]);
    });

    it('writes the metrics of a call before it ends', async () => {
      const functions = await rig.start();
      await toldOf(functions);
      rig.lines.length = 0;
      await toldOf(functions);
      const metrics = rig.lines
        .filter((line) => line.includes('"_aws"'))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      expect(metrics).toEqual([
        expect.objectContaining({ Network: 'easynet', Node: 'own', BlocksConnected: 1 }),
      ]);
    });

    it('has called its miner when a call ends that put the first transaction in', async () => {
      vi.stubEnv('STACKCHAIN_MINE_FUNCTION', 'own-mine');
      // Nobody else is told, so that nothing but this call is waited for.
      rig.aws.parameters.clear();
      const functions = await rig.start();
      const { story, aws } = rig;
      const rich = story.mine({ payTo: 'alice' });
      for (const block of [rich, ...story.mineMany(2)]) {
        await functions.public(request('POST', '/v1/blocks', { body: { hex: hexOf(block) } }));
      }
      const tx = story.pay({ from: `${rich.name}:0`, to: 'bob', sats: 1_000_000 });
      expect(aws.invoked).toEqual([]);
      aws.slowMs = SLOW_MS;
      const body = { hex: toHex(tx.raw) };
      await functions.public(request('POST', '/v1/transactions', { body }));
      expect([aws.invoked, aws.open]).toEqual([['own-mine'], 0]);
    });
  },
);
