/** Breakers over a deploy, against a server that speaks SQS's protocol and keeps policies as it does. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SQSClient } from '@aws-sdk/client-sqs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Breakers, throughDeploy } from '../../cli/cloud/breakers.ts';
import { isShut, openInbox, shutInbox } from '../../functions/breaker.ts';
import { inboxName } from '../../infra/names.ts';

const ids = ['node0', 'node1', 'node2'].map((node) => ({ network: 'testnet', node }));
const [node0 = '', node1 = ''] = ids.map(inboxName);
/** As CloudFormation writes it. */
const policyFor = (peer: string): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: [{ Sid: 'ForeignPeers', Resource: peer }] });

let server: Server;
/** By the queue's name. */
let policies: Map<string, string>;
let calls: string[];
let denied: string | undefined;
let said: string[];
let config: Breakers['config'];
let sqs: SQSClient;

const urlOf = (queue: string): string => `${config.endpoint}/111111111111/${queue}`;

interface Call {
  readonly QueueName?: string;
  readonly QueueUrl?: string;
  readonly Attributes?: { readonly Policy: string };
}

function answer(operation: string, call: Call): [number, object] {
  const queue = call.QueueName ?? call.QueueUrl?.split('/').at(-1) ?? '';
  calls.push(operation);
  if (operation === denied) return [400, { __type: 'AccessDeniedException', message: 'no' }];
  if (!policies.has(queue)) {
    return [400, { __type: 'com.amazonaws.sqs#QueueDoesNotExist', message: 'no' }];
  }
  if (operation === 'GetQueueUrl') return [200, { QueueUrl: urlOf(queue) }];
  if (operation === 'SetQueueAttributes') {
    policies.set(queue, call.Attributes?.Policy ?? '');
    return [200, {}];
  }
  const Policy = policies.get(queue);
  const QueueArn = `arn:aws:sqs:us-east-1:111111111111:${queue}`;
  return [200, { Attributes: { QueueArn, ...(Policy !== '' && { Policy }) } }];
}

beforeEach(async () => {
  policies = new Map([node0, node1].map((queue) => [queue, policyFor('old')]));
  [calls, said, denied] = [[], [], undefined];
  server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const operation = String(request.headers['x-amz-target']).split('.').at(-1) ?? '';
    const [status, body] = answer(operation, JSON.parse(Buffer.concat(parts).toString()) as Call);
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  config = {
    region: 'us-east-1',
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  sqs = new SQSClient(config);
});
afterEach(async () => {
  sqs.destroy();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const deploying = <T>(deploy: () => Promise<T>): Promise<T> =>
  throughDeploy(
    {
      config,
      ids,
      note: (line) => said.push(line),
      warn: (line) => said.push(`Warning: ${line}`),
    },
    deploy,
  );
/** The queues' policies change with the deploy, as where a foreign peer came or went. */
const rewriting = async (): Promise<string> => {
  for (const queue of policies.keys()) policies.set(queue, policyFor('new'));
  return 'deployed';
};
const SHUT =
  'node1 is shut to other accounts by its breaker, and stays so: `stackchain peers open node1` opens it.';

it('where none is tripped nothing is said, and no policy written', async () => {
  expect(await deploying(rewriting)).toBe('deployed');
  expect(said).toEqual([]);
  expect(calls).not.toContain('SetQueueAttributes');
  expect([...policies.values()]).toEqual([policyFor('new'), policyFor('new')]);
});

it('one that is tripped outlives a deploy that writes the policy anew, and both is said', async () => {
  await shutInbox(sqs, urlOf(node1));
  expect(await deploying(rewriting)).toBe('deployed');
  expect(said).toEqual([
    SHUT,
    "The deploy wrote the inbox's policy of node1 anew; its breaker was put back.",
  ]);
  expect(policies.get(node0)).toBe(policyFor('new'));
  // And all that the deploy wrote is there.
  expect(await openInbox(sqs, urlOf(node1))).toBe(true);
  expect(policies.get(node1)).toBe(policyFor('new'));
});

it('one that the deploy left alone is left alone', async () => {
  await shutInbox(sqs, urlOf(node1));
  const before = policies.get(node1);
  expect(await deploying(async () => 'nothing to do')).toBe('nothing to do');
  expect(said).toEqual([SHUT]);
  expect(policies.get(node1)).toBe(before);
});

it('a deploy that fails fails as it did, and what it opened is shut', async () => {
  await shutInbox(sqs, urlOf(node1));
  const failing = deploying(async () => {
    await rewriting();
    throw new Error('rolled back');
  });
  await expect(failing).rejects.toThrow('rolled back');
  expect(await isShut(sqs, urlOf(node1))).toBe(true);
  expect(said[1]).toBe(
    'Warning: what CloudFormation still does may open node1 to other accounts again.',
  );
});

it('who may not read queues deploys all the same, and is told', async () => {
  denied = 'GetQueueAttributes';
  expect(await deploying(rewriting)).toBe('deployed');
  expect(said.sort()).toEqual(
    ['node0', 'node1'].map(
      (node) =>
        `Warning: whether the breaker of ${node} is tripped cannot be read: AccessDeniedException.`,
    ),
  );
});

it('who may not write them is told which is open now', async () => {
  await shutInbox(sqs, urlOf(node1));
  denied = 'SetQueueAttributes';
  expect(await deploying(rewriting)).toBe('deployed');
  expect(said).toEqual([
    SHUT,
    'Warning: the breaker of node1 could not be put back, which the deploy may have ended: ' +
      'AccessDeniedException.',
  ]);
});
