/** What the SQS transport sends, against a client that takes down what it is given. */
import { type SendMessageBatchCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { awsQueueUrl, createSqsTransport } from '../../../lib/adapters/sqs-transport.ts';
import { parseQueueArn } from '../../../lib/ports/queue-arn.ts';
import type { Envelope } from '../../../lib/ports/transport.ts';
import { faultOf } from '../../conformance/store/harness.ts';

const ARN = 'arn:aws:sqs:eu-west-1:111122223333:stackchain-net-node0-inbox';
const envelope = (type: string, payload: unknown = ''): Envelope => ({
  v: 1,
  network: '0'.repeat(64),
  from: 'node1',
  type,
  payload,
});

type Answer = { Failed?: { Id: string; SenderFault: boolean }[] };

function setUp(answers: (Answer | Error)[] = []) {
  const sent: SendMessageBatchCommandInput[] = [];
  const regions: string[] = [];
  const pauses: number[] = [];
  const client = new SQSClient({ region: 'eu-west-1' });
  client.middlewareStack.add(
    () => async (args) => {
      sent.push(args.input as SendMessageBatchCommandInput);
      const answer = answers.shift() ?? {};
      if (answer instanceof Error) throw answer;
      return { output: { ...answer, $metadata: {} }, response: {} } as never;
    },
    { step: 'initialize', name: 'taken down' },
  );
  const transport = createSqsTransport({
    name: 'node1',
    clientOf: (region) => {
      regions.push(region);
      return client;
    },
    sleep: async (ms) => {
      pauses.push(ms);
    },
  });
  return { transport, sent, regions, pauses };
}

describe('queue names', () => {
  it('are read from ARNs', () => {
    expect(parseQueueArn(ARN)).toEqual({
      partition: 'aws',
      region: 'eu-west-1',
      account: '111122223333',
      name: 'stackchain-net-node0-inbox',
    });
    expect(awsQueueUrl(parseQueueArn(ARN)!)).toBe(
      'https://sqs.eu-west-1.amazonaws.com/111122223333/stackchain-net-node0-inbox',
    );
    expect(awsQueueUrl(parseQueueArn('arn:aws-cn:sqs:cn-north-1:111122223333:q')!)).toBe(
      'https://sqs.cn-north-1.amazonaws.com.cn/111122223333/q',
    );
  });

  it.each([
    '',
    'arn:aws:sns:eu-west-1:111122223333:x',
    'arn:aws:sqs:eu-west-1:1111:x',
    'arn:aws:sqs:evil.example/#-1:111122223333:x',
    'arn:aws:sqs:*:111122223333:x',
    'arn:aws:sqs:eu-west-1:111122223333:*',
    'arn:aws:sqs:eu-west-1:111122223333:x.fifo',
    'arn:aws:sqs:eu-west-1:111122223333:a/b',
    'arn:aws:sqs:eu-west-1:111122223333:x\n',
  ])('%j is none', async (arn) => {
    expect(parseQueueArn(arn)).toBeUndefined();
    expect(await faultOf(() => setUp().transport.send(arn, [envelope('inv')]))).toBe('transport');
  });
});

describe('sending', () => {
  it('batches by ten, each envelope a message of its sender and kind', async () => {
    const { transport, sent, regions } = setUp();
    const envelopes = Array.from({ length: 23 }, (_, i) => envelope(i % 2 ? 'tx' : 'inv', `${i}`));
    expect(await transport.send(ARN, envelopes)).toEqual([]);
    expect(sent.map(({ Entries }) => Entries?.length)).toEqual([10, 10, 3]);
    const entries = sent.flatMap(({ Entries }) => Entries ?? []);
    expect(entries.map(({ MessageBody }) => JSON.parse(MessageBody!))).toEqual(envelopes);
    expect(new Set(entries.map(({ MessageGroupId }) => MessageGroupId))).toEqual(
      new Set(['node1:tx', 'node1:chain']),
    );
    expect(new Set(regions)).toEqual(new Set(['eu-west-1']));
  });

  it('keeps a batch below 1 MB', async () => {
    const { transport, sent } = setUp();
    await transport.send(
      ARN,
      Array.from({ length: 5 }, () => envelope('block', 'a'.repeat(400_000))),
    );
    expect(sent.map(({ Entries }) => Entries?.length)).toEqual([2, 2, 1]);
  });

  it('sends again what a batch left, and only that', async () => {
    const { transport, sent, pauses } = setUp([
      { Failed: [{ Id: '1', SenderFault: false }] },
      { Failed: [{ Id: '1', SenderFault: false }] },
    ]);
    await transport.send(ARN, [envelope('inv', 'a'), envelope('inv', 'b'), envelope('inv', 'c')]);
    expect(sent.map(({ Entries }) => Entries?.map(({ Id }) => Id))).toEqual([
      ['0', '1', '2'],
      ['1'],
      ['1'],
    ]);
    expect(pauses.length).toBe(2);
  });

  it.each<[string, (Answer | Error)[], number]>([
    ['what is our fault is not sent again', [{ Failed: [{ Id: '0', SenderFault: true }] }], 1],
    ['it gives up', Array(9).fill({ Failed: [{ Id: '0', SenderFault: false }] }), 4],
    ['no such queue', [Object.assign(new Error('gone'), { name: 'QueueDoesNotExist' })], 1],
  ])('%s', async (_name, answers, calls) => {
    const { transport, sent } = setUp(answers);
    expect(await faultOf(() => transport.send(ARN, [envelope('inv')]))).toBe('transport');
    expect(sent.length).toBe(calls);
  });

  it('a message that no queue takes is refused before anything is sent', async () => {
    const { transport, sent } = setUp();
    const all = [envelope('inv'), envelope('block', 'a'.repeat(1_100_000))];
    expect(await faultOf(() => transport.send(ARN, all))).toBe('transport');
    expect(sent).toEqual([]);
  });
});
