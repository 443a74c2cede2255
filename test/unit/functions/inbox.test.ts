/** Which messages an inbox fails, how soon they come again, and what it does not even read. */
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { idOf, ROWS } from '../../../lib/gossip/rows.ts';
import { dynoxidePath, type RunningDynamo, startDynoxide } from '../../helpers/dynamodb.ts';
import { describeWith } from '../../helpers/tools.ts';
import { type Functions, openRig, queueArn, type Rig, record, roleId } from './rig.ts';

const MINUTE_MS = 60_000;
/** Who this sender is to the scores. */
const POISONER = `sqs:${queueArn('far')}`;

describeWith(
  dynoxidePath(),
  { name: 'inbox', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let dynamo: RunningDynamo;
    let rig: Rig;
    let functions: Functions;

    beforeAll(async () => {
      dynamo = await startDynoxide(binary);
      rig = await openRig(dynamo.endpoint);
      await rig.addPeer('near');
      await rig.addPeer('far');
      functions = await rig.start();
      // Damage of our own table: whoever sends under this name meets a fault of ours.
      const key = { pk: ROWS.scores, sk: idOf(POISONER) };
      await rig.store.put([{ ...key, value: new TextEncoder().encode('no JSON') }]);
    });
    afterEach(() => {
      rig.aws.hidden.length = 0;
      rig.aws.denies = () => false;
    });
    afterAll(async () => {
      await rig?.stop();
      dynamo?.stop();
    });

    const tip = async (): Promise<string> => (await rig.storedTip()).hash;
    const failures = async (Records: ReturnType<typeof record>[]): Promise<string[]> =>
      (await functions.inbox({ Records })).batchItemFailures.map((one) => one.itemIdentifier);
    const poison = () => rig.envelope('ping', 'AAAAAAAAAAA=', 'far');

    it('fails the one message that meets a fault of ours, and handles the others', async () => {
      const block = rig.story.mine();
      const records = [
        record(rig.envelope('ping', 'AAAAAAAAAAA='), { id: 'first' }),
        record(poison(), { id: 'poison' }),
        record(rig.blockMessage(block), { id: 'last' }),
      ];
      expect(await failures(records)).toEqual(['poison']);
      expect(await tip()).toBe(block.block.header.hash);
      expect(rig.aws.hidden.length).toBe(1);
    });

    it('reports a batch that fails as a whole, and does not throw', async () => {
      const records = ['a', 'b', 'c'].map((id) => record(poison(), { id }));
      expect(await failures(records)).toEqual(['a', 'b', 'c']);
    });

    it('fails all that come while the table refuses, and takes them when they come again', async () => {
      const block = rig.story.mine();
      const records = [record(rig.blockMessage(block), { id: 'block' })];
      rig.aws.denies = () => true;
      expect(await failures(records)).toEqual(['block']);
      rig.aws.denies = () => false;
      expect(await failures(records)).toEqual([]);
      expect(await tip()).toBe(block.block.header.hash);
    });

    it.each([
      [1, 4],
      [2, 8],
      [3, 16],
      [4, 30],
      [5, 30],
    ])('receipt %i comes again within 1 to %i seconds, not all at once', async (receipts, most) => {
      const records = Array.from({ length: 10 }, (_, i) =>
        record(poison(), { id: `${i}`, receipts }),
      );
      for (let i = 0; i < 4; i++) await failures(records);
      expect(rig.aws.hidden.length).toBe(40);
      expect(Math.min(...rig.aws.hidden)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...rig.aws.hidden)).toBeLessThanOrEqual(most);
      expect(new Set(rig.aws.hidden).size).toBeGreaterThan(Math.min(2, most / 4));
    });

    it('handles the chain first: a transaction may spend what its batch mines', async () => {
      const { story } = rig;
      const mined = story.mine({ payTo: 'alice' });
      const blocks = [mined, ...story.mineMany(2)];
      const tx = story.pay({ from: `${mined.name}:0`, to: 'bob', sats: 1_000_000 });
      const payload = Buffer.from(tx.raw).toString('base64');
      const records = [
        record(rig.envelope('tx', payload), { id: 'tx' }),
        ...blocks.map((block, i) => record(rig.blockMessage(block), { id: `${i}` })),
      ];
      expect(await failures(records)).toEqual([]);
      expect(await rig.pooled()).toEqual([tx.txid]);
    });

    it('a transaction that lay for more than ten minutes is acknowledged unread', async () => {
      const { story } = rig;
      const from = `${story.tip.parent?.name}:0`;
      const tx = story.pay({ from, to: 'carol', sats: 2_000_000 });
      const envelope = rig.envelope('tx', Buffer.from(tx.raw).toString('base64'));
      const before = await rig.pooled();
      const old = record(envelope, { sentMs: Date.now() - 11 * MINUTE_MS });
      expect(await failures([old])).toEqual([]);
      expect(await rig.pooled()).toEqual(before);
      const young = record(envelope, { sentMs: Date.now() - 9 * MINUTE_MS });
      expect(await failures([young])).toEqual([]);
      expect((await rig.pooled()).includes(tx.txid)).toBe(true);
    });

    it.each([
      ['no JSON', 'not JSON at all'],
      ['JSON that is no object', 'null'],
      ['another version', JSON.stringify({ v: 2 })],
      [
        'another network',
        JSON.stringify({ v: 1, network: 'f'.repeat(64), from: 'x', type: 'ping' }),
      ],
      ['no sender', () => ({ ...rig.envelope('ping', ''), from: 7 })],
      ['a payload that does not decode', () => rig.envelope('inv', 'rubbish')],
      ['a handshake of the wrong shape', () => rig.envelope('version', { name: 5 })],
      ['an unknown type', () => rig.envelope('gift', '')],
    ])('%s is acknowledged', async (_what, body) => {
      const sent = typeof body === 'function' ? body() : body;
      const before = rig.aws.sent.length;
      expect(await failures([record(sent)])).toEqual([]);
      expect([rig.aws.hidden.length, rig.aws.sent.length - before]).toEqual([0, 0]);
    });

    it('a sender that is in no line of a peer is not heard', async () => {
      const block = rig.story.mine();
      const before = await tip();
      const message = record(rig.blockMessage(block));
      message.attributes.SenderId = `${roleId('stranger')}:session`;
      expect(await failures([message])).toEqual([]);
      expect(await tip()).toBe(before);
      message.attributes.SenderId = `${roleId('near')}:session`;
      expect(await failures([message])).toEqual([]);
      expect(await tip()).toBe(block.block.header.hash);
    });
  },
);
