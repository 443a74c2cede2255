/** A role without the right to write, or a table that takes nothing: reading goes on. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';
import { type Functions, hexOf, openRig, type Rig, record, request } from './rig.ts';

const isWrite = (operation: string): boolean =>
  /^(Put|Update|Delete|TransactWrite|BatchWrite|ExecuteS|BatchExecute)/.test(operation);
const OLD_MS = 61_000;

describeWith(
  dynoxidePath(),
  {
    name: 'a table that takes no writes',
    missing: 'npm has no build of dynoxide for this platform',
  },
  (binary) => {
    let dynamo: RunningDynamo;
    let rig: Rig;

    beforeAll(async () => {
      dynamo = await startDynoxide(binary);
      rig = await openRig(dynamo.endpoint);
      await rig.addPeer('near');
      const functions = await rig.start();
      for (const block of rig.story.mineMany(3, { payTo: 'alice' })) {
        await functions.public(request('POST', '/v1/blocks', { body: { hex: hexOf(block) } }));
      }
      expect((await rig.storedTip()).height).toBe(3);
    });
    afterEach(() => {
      vi.useRealTimers();
      rig.aws.denies = () => false;
    });
    afterAll(async () => {
      await rig?.stop();
      dynamo?.stop();
    });

    const readAll = async (functions: Functions): Promise<void> => {
      const paths = [
        ...['/v1/node', '/v1/network', '/v1/blocks', '/v1/blocks/2', '/v1/peers', '/v1/mempool'],
        `/v1/addresses/${rig.story.key('alice').address}`,
        ...['/api/blocks/tip/height', '/api/blocks', '/healthz', '/'],
      ];
      for (const path of paths) {
        const { statusCode, body } = await functions.public(request('GET', path));
        expect([path, statusCode, statusCode < 300 || body]).toEqual([path, 200, true]);
      }
      const balance = await functions.public(request('GET', paths[6] as string));
      expect(JSON.parse(balance.body)).toMatchObject({ coins: 3 });
    };

    it('a process that runs goes on answering, and says no to what would write', async () => {
      const functions = await rig.start();
      await readAll(functions);
      rig.aws.denies = isWrite;
      await readAll(functions);
      const block = rig.story.mine();
      const answer = await functions.public(
        request('POST', '/v1/blocks', { body: { hex: hexOf(block) } }),
      );
      expect(answer.statusCode).toBeGreaterThanOrEqual(500);
      // A message fails, and comes again when it can be taken: its dead letter is the alarm.
      const Records = [record(rig.blockMessage(block), { id: 'block' })];
      const failed = await functions.inbox({ Records });
      expect(failed.batchItemFailures).toEqual([{ itemIdentifier: 'block' }]);
      rig.aws.denies = () => false;
      expect(await functions.inbox({ Records })).toEqual({ batchItemFailures: [] });
      expect((await rig.storedTip()).hash).toBe(block.block.header.hash);
      rig.story.tip = block;
    });

    it('a process that starts answers too', async () => {
      rig.aws.denies = isWrite;
      const functions = await rig.start();
      const answer = await functions.public(request('GET', '/v1/blocks/1'));
      expect(answer.statusCode).toBe(200);
    });

    it('so it is beside a commit that a dead process left half done', async () => {
      const { story } = rig;
      // So many new coins are a commit by intent, whose rows go by statements.
      const outputs = Array.from({ length: 20 }, () => ({ to: 'bob', sats: 1_000_000 }));
      const tx = story.spend({ inputs: [`${story.path()[1]?.name}:0`], outputs });
      const block = story.mine({ txs: [tx] });
      const functions = await rig.start();
      await functions.public(request('GET', '/healthz'));
      let isDead = false;
      rig.aws.denies = (operation) => {
        isDead ||= operation.startsWith('BatchExecute');
        return isDead && isWrite(operation);
      };
      const body = { hex: hexOf(block) };
      const answer = await functions.public(request('POST', '/v1/blocks', { body }));
      expect(answer.statusCode).toBeGreaterThanOrEqual(500);
      expect(isDead).toBe(true);
      let tries = 0;
      rig.aws.denies = (operation) => {
        if (isWrite(operation)) tries++;
        return isWrite(operation);
      };
      const now = Date.now();
      vi.useFakeTimers({ toFake: ['Date'] });
      vi.setSystemTime(now + OLD_MS);
      const reader = await rig.start();
      const before = await reader.public(request('GET', '/v1/blocks/1'));
      expect([before.statusCode, tries > 0], 'it met the open commit').toEqual([200, true]);
      rig.aws.denies = () => false;
      // Who may write finishes it.
      await (await rig.start()).tick({});
      expect((await rig.storedTip()).hash).toBe(block.block.header.hash);
    });
  },
);
