/** What the SQS transport sends, against a client that takes down what it is given. */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { type SendMessageBatchCommandInput, SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { awsQueueUrl, createSqsTransport } from '../../../lib/adapters/sqs-transport.ts';
import { decodeHeader } from '../../../lib/codec/index.ts';
import { LIMITS } from '../../../lib/gossip/limits.ts';
import { encodePayload, type Message } from '../../../lib/gossip/messages.ts';
import { regtest } from '../../../lib/params/index.ts';
import { parseQueueArn } from '../../../lib/ports/queue-arn.ts';
import type { Envelope } from '../../../lib/ports/transport.ts';
import type { BlockHash } from '../../../lib/types.ts';
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

  it('goes on with the next batch once all of one are taken, in their order', async () => {
    const left = (ids: string[]): Answer => ({
      Failed: ids.map((Id) => ({ Id, SenderFault: false })),
    });
    const { transport, sent, pauses } = setUp([left(['0', '4', '9']), left(['4', '9'])]);
    const envelopes = Array.from({ length: 12 }, (_, i) => envelope('inv', `${i}`));
    await transport.send(ARN, envelopes);
    expect(sent.map(({ Entries }) => Entries?.map(({ Id }) => Id).join())).toEqual([
      '0,1,2,3,4,5,6,7,8,9',
      '0,4,9',
      '4,9',
      '0,1',
    ]);
    const bodies = sent[2]?.Entries?.map(({ MessageBody }) => JSON.parse(MessageBody!).payload);
    expect(bodies).toEqual(['4', '9']);
    expect(pauses[1]).toBeGreaterThan(pauses[0]!);
  });

  it('a partial failure that is our fault ends it, whatever else was left', async () => {
    const { transport, sent } = setUp([
      {
        Failed: [
          { Id: '0', SenderFault: false },
          { Id: '1', SenderFault: true },
        ],
      },
    ]);
    const all = [envelope('inv'), envelope('tx'), envelope('inv')];
    expect(await faultOf(() => transport.send(ARN, all))).toBe('transport');
    expect(sent.length).toBe(1);
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

describe('a queue over the wire', () => {
  const answerOf = (body: unknown, status = 200) => ({
    response: {
      statusCode: status,
      headers: { 'content-type': 'application/x-amz-json-1.0' },
      body: Readable.from([JSON.stringify(body)]),
    },
  });
  /** A client of AWS's own, whose connection answers as the test has it. */
  function wire(answers: ((body: string) => ReturnType<typeof answerOf>)[]) {
    let calls = 0;
    const client = new SQSClient({
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      requestHandler: {
        handle: async (request: { body: string | Uint8Array }) => {
          const answer = answers[Math.min(calls++, answers.length - 1)];
          return answer?.(Buffer.from(request.body).toString());
        },
      } as never,
    });
    const transport = createSqsTransport({ name: 'node1', clientOf: () => client });
    return { transport, calls: () => calls };
  }
  const refused = (type: string) => () =>
    answerOf({ __type: `com.amazonaws.sqs#${type}`, message: type }, 400);
  const taken = (body: string) => {
    const { Entries } = JSON.parse(body) as { Entries: { Id: string; MessageBody: string }[] };
    return answerOf({
      Failed: [],
      Successful: Entries.map(({ Id, MessageBody }) => ({
        Id,
        MessageId: Id,
        MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
      })),
    });
  };

  it('is asked again when it throttles', async () => {
    const { transport, calls } = wire([
      refused('RequestThrottled'),
      refused('ThrottlingException'),
      taken,
    ]);
    expect(await transport.send(ARN, [envelope('inv')])).toEqual([]);
    expect(calls()).toBe(3);
  });

  it.each([
    ['QueueDoesNotExist', 1],
    ['AccessDeniedException', 1],
    ['RequestThrottled', 3],
  ])('%s for good is a fault of the transport', async (type, most) => {
    const { transport, calls } = wire([refused(type)]);
    expect(await faultOf(() => transport.send(ARN, [envelope('inv')]))).toBe('transport');
    expect(calls()).toBe(most);
  });
});

describe('what gossip tells a queue', () => {
  const hash = 'f'.repeat(64) as BlockHash;
  const header = decodeHeader(regtest.genesis.subarray(0, 80));
  const { pushBytesMax, headersPerQueueMessage, invMax } = LIMITS;
  // Billed by 64 KB, and ten of them make a batch of Lambda's 6 MB.
  it.each<[string, Message]>([
    ['the largest block pushed whole', { type: 'block', raw: new Uint8Array(pushBytesMax) }],
    ['the largest transaction pushed whole', { type: 'tx', raw: new Uint8Array(pushBytesMax) }],
    [
      'headers',
      { type: 'headers', headers: Array(headersPerQueueMessage).fill(header.ok && header.value) },
    ],
    ['inv', { type: 'inv', items: Array(invMax).fill({ kind: 'block', hash }) }],
    ['notfound', { type: 'notfound', items: Array(invMax).fill({ kind: 'tx', hash }) }],
    ['addr', { type: 'addr', urls: Array(LIMITS.addressesMax).fill(`https://${'a'.repeat(190)}`) }],
  ])('stays under 60 KB: %s', async (_name, message) => {
    const { transport, sent } = setUp();
    await transport.send(ARN, [
      { ...envelope(message.type, encodePayload(message)), from: 'n'.repeat(LIMITS.nameCharsMax) },
    ]);
    const body = sent[0]?.Entries?.[0]?.MessageBody ?? '';
    expect(Buffer.byteLength(body)).toBeGreaterThan(15_000);
    expect(Buffer.byteLength(body)).toBeLessThan(60_000);
  });
});
