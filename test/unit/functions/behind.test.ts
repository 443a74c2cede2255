/**
 * Who hears of blocks that it lacks has them fetched by the sync function, whoever told it, and
 * whether or not its own calls find the peer: nothing is fetched for long by a call that has a sender
 * waiting.
 */
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { encodePayload } from '../../../lib/gossip/messages.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';
import { type Functions, openRig, type Rig, record, request } from './rig.ts';

const BLOCKS = 3;
const LATER_MS = 61_000;

describeWith(
  dynoxidePath(),
  { name: 'a node that is behind', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let dynamo: RunningDynamo;
    let rig: Rig;
    let functions: Functions;

    beforeEach(async () => {
      dynamo = await startDynoxide(binary);
      rig = await openRig(dynamo.endpoint);
      // Known by its line; its URL answers nobody.
      await rig.addPeer('far');
      rig.aws.peers.delete('far');
      functions = await rig.start();
    });
    afterEach(async () => {
      vi.useRealTimers();
      await rig?.stop();
      dynamo?.stop();
    });

    const headers = () => {
      const blocks = rig.story.mineMany(BLOCKS);
      const payload = encodePayload({
        type: 'headers',
        headers: blocks.map(({ block }) => block.header),
      });
      return rig.envelope('headers', payload, 'far');
    };
    const calls = (): string[] => rig.aws.invoked.filter((name) => name === 'own-sync');

    it('by a message in its inbox', async () => {
      expect(await functions.inbox({ Records: [record(headers())] })).toEqual({
        batchItemFailures: [],
      });
      expect(await rig.headers()).toBe(BLOCKS);
      expect(calls()).not.toEqual([]);
    });

    it('by what is posted to its API; reading alone calls nobody', async () => {
      const body = { envelopes: [headers()] };
      await functions.public(request('POST', '/v1/gossip', { body }));
      expect(await rig.headers()).toBe(BLOCKS);
      expect(calls()).not.toEqual([]);
      rig.aws.invoked.length = 0;
      await functions.public(request('GET', '/v1/node'));
      expect(calls()).toEqual([]);
    });

    it('and by tick, where that call was lost', async () => {
      await functions.inbox({ Records: [record(headers())] });
      rig.aws.invoked.length = 0;
      const now = Date.now();
      vi.useFakeTimers({ toFake: ['Date'] });
      vi.setSystemTime(now + LATER_MS);
      await (await rig.start()).tick({});
      expect((await rig.storedTip()).height).toBe(0);
      expect(calls()).not.toEqual([]);
    });
  },
);
