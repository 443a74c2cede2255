/**
 * AWS freezes what a handler leaves over: each resolves only when its sends are done, however slow
 * queues and peers are, and nothing of it runs afterwards.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Node } from '../../../lib/node/types.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';
import {
  type Functions,
  hexOf,
  openNode,
  openRig,
  queueName,
  type Rig,
  record,
  request,
} from './rig.ts';

const SLOW_MS = 300;
const QUEUES = [queueName('far'), queueName('near')];

describeWith(
  dynoxidePath(),
  { name: 'sends of the functions', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let dynamo: RunningDynamo;
    let rig: Rig;
    let functions: Functions;
    let far: Node;

    beforeAll(async () => {
      dynamo = await startDynoxide(binary);
      rig = await openRig(dynamo.endpoint);
      await rig.addPeer('near');
      far = await rig.addPeer('far');
      functions = await rig.start();
    });
    afterAll(async () => {
      await rig?.stop();
      dynamo?.stop();
    });

    /** Calls it with slow queues and peers; answers what was sent by the time it resolved. */
    async function sentBy(call: () => Promise<unknown>) {
      const { aws } = rig;
      const before = aws.sent.length;
      rig.lines.length = 0;
      aws.slowMs = SLOW_MS;
      const startMs = performance.now();
      await call();
      const ms = performance.now() - startMs;
      aws.slowMs = 0;
      const { open, requests } = aws;
      const sent = aws.sent.slice(before);
      await new Promise((resolve) => setTimeout(resolve, 2 * SLOW_MS));
      expect([open, aws.open, aws.requests - requests], 'nothing is left over').toEqual([0, 0, 0]);
      expect(ms).toBeGreaterThan(SLOW_MS);
      const isDone = (line: string) => JSON.parse(line).message === 'done';
      expect(rig.lines.filter(isDone).length, 'one line a call').toBe(1);
      return sent.map(({ queue, envelope }) => ({ queue, type: envelope.type }));
    }
    const told = (type: string, queues = QUEUES) => queues.map((queue) => ({ queue, type }));
    const byQueue = (sent: { queue: string; type: string }[]) =>
      [...sent].sort((a, b) => (a.queue < b.queue ? -1 : 1));

    it('sync: the tip that it reached is told', async () => {
      for (const { block } of rig.story.mineMany(3)) {
        await far.acceptBlock(block.raw, { asked: true });
      }
      const context = { getRemainingTimeInMillis: () => 60_000 };
      const sent = await sentBy(() => functions.sync({}, context));
      expect(byQueue(sent)).toEqual(told('block'));
    });

    it('public: a block handed in is told to both peers before the answer', async () => {
      const event = request('POST', '/v1/blocks', { body: { hex: hexOf(rig.story.mine()) } });
      let status = 0;
      const sent = await sentBy(async () => {
        status = (await functions.public(event)).statusCode;
      });
      expect(status).toBe(200);
      expect(byQueue(sent)).toEqual(told('block'));
    });

    it('private: so is one that comes by JSON-RPC', async () => {
      const authorization = `Basic ${Buffer.from(`any:${rig.token}`).toString('base64')}`;
      const body = { method: 'submitblock', params: [hexOf(rig.story.mine())], id: 1 };
      const sent = await sentBy(async () => {
        const answer = await functions.private(request('POST', '/', { body, authorization }));
        expect(JSON.parse(answer.body)).toMatchObject({ result: null, error: null });
      });
      expect(byQueue(sent)).toEqual(told('block'));
    });

    it('inbox: what is new is relayed, not to where it came from', async () => {
      const Records = [record(rig.blockMessage(rig.story.mine(), 'near'))];
      const sent = await sentBy(() => functions.inbox({ Records }));
      expect(sent).toEqual(told('block', [queueName('far')]));
    });

    it('tick: a death between commit and announcement is made up for', async () => {
      const dying = await openNode(rig.story, rig.store, 'own');
      const { block } = rig.story.mine();
      const outcome = await dying.chain.acceptBlock(block.raw, { asked: true });
      expect(outcome.status).toBe('tip');
      const process = await rig.start();
      expect(byQueue(await sentBy(() => process.tick({})))).toEqual(told('block'));
      // Once is enough.
      const before = rig.aws.sent.length;
      await process.tick({});
      expect(rig.aws.sent.length).toBe(before);
    });
  },
);
