/** The emulated cloud of the tests: stacks deployed by the real CDK, and words to talk to them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { deleteStacks, deployedNodes } from '../../cli/cloud/deployed.ts';
import { EMULATOR_REGION } from '../../cli/cloud/emulator.ts';
import { type CloudNode, type LocalCloud, startLocalCloud } from '../../cli/cloud/local-cloud.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import { decodeJson, ROWS } from '../../lib/gossip/rows.ts';
import type { ChainParams } from '../../lib/params/index.ts';
import { toNetworkFile } from '../../lib/params/index.ts';
import type { Store } from '../../lib/ports/store.ts';
import { easyNetwork } from '../helpers/chain-builder.ts';
import { dynamoClientOn, freePort } from '../helpers/dynamodb.ts';

/** About 65,000 hashes a block: a test mines one in a moment, a miner some in a second. */
const BITS = 0x1f00ffff;
const GENESIS_AGE_SECONDS = 50_000;
/** Longer than a message stays hidden whose function was killed: what comes again after that is in time. */
const WAIT_MS_MAX = 400_000;
export const CREDENTIALS = { accessKeyId: '000000000000', secretAccessKey: 'test' };

/** Its schedules are off: see stopSchedules. */
export interface TestCloud {
  readonly cloud: LocalCloud;
  readonly params: ChainParams;
  readonly sqs: SQSClient;
  /** As of the last deploy. */
  nodes(): readonly CloudNode[];
  deploy(count: number): Promise<void>;
  get<T>(node: number, path: string): Promise<T>;
  post<T>(
    node: number,
    path: string,
    body: unknown,
    token?: boolean,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; body: T }>;
  /** Calls a function and answers what it answers; throws what it throws. */
  invoke(node: number, name: string, payload?: object): Promise<unknown>;
  /** Lets a node's inbox be read, or lie. */
  setReading(node: number, enabled: boolean): Promise<void>;
  sendRaw(node: number, bodies: readonly string[]): Promise<void>;
  /** Messages that lie in a queue or are being handled. */
  waiting(node: number, queue: 'InboxUrl' | 'DlqUrl'): Promise<number>;
  waitingIn(queueUrl: string): Promise<number>;
  logs(): Promise<string>;
  close(): Promise<void>;
}

/**
 * `miner`: as `-c miner=`; no process that mines is started. `bits`: what a block costs; by default a
 * miner's second.
 */
export async function openCloud(
  nodes: number,
  options: {
    readonly miner?: string;
    readonly bits?: number;
    /** Real IAM: what a role may not do, it cannot. */
    readonly auth?: boolean;
  } = {},
): Promise<TestCloud> {
  const { miner = 'fargate', bits = BITS, auth = false } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'stackchain-emulator-'));
  const networkFile = join(scratch, 'network.json');
  const time = Math.floor(Date.now() / 1000) - GENESIS_AGE_SECONDS;
  const params = easyNetwork({ powLimitBits: bits, time });
  writeFileSync(networkFile, JSON.stringify(toNetworkFile(params)));
  const given = process.env['AWS_ENDPOINT_URL'];
  if (given !== undefined) await refuseOthers(given);
  const cloud = await startLocalCloud({
    nodes,
    networkFile,
    mining: false,
    auth,
    context: [`miner=${miner}`, 'dev=true'],
    note: (line) => {
      if (process.env['STACKCHAIN_DEBUG']) console.error(line);
    },
    ...(given === undefined ? { port: await freePort() } : { endpoint: given }),
  });
  await stopSchedules(cloud.endpoint);
  let current = cloud.nodes;
  const config = {
    endpoint: cloud.endpoint,
    region: EMULATOR_REGION,
    credentials: CREDENTIALS,
  };
  const lambda = new LambdaClient(config);
  const sqs = new SQSClient(config);
  const nodeAt = (index: number): CloudNode => {
    const node = current[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  };
  const waitingIn = async (QueueUrl: string): Promise<number> => {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl,
        AttributeNames: ['ApproximateNumberOfMessages', 'ApproximateNumberOfMessagesNotVisible'],
      }),
    );
    return (
      Number(Attributes['ApproximateNumberOfMessages']) +
      Number(Attributes['ApproximateNumberOfMessagesNotVisible'])
    );
  };
  const functionOf = (index: number, name: string): string =>
    (nodeAt(index).outputs['ChainTableName'] ?? '').replace(/-chain$/, `-${name}`);
  return {
    cloud,
    params,
    sqs,
    nodes: () => current,
    async deploy(count) {
      current = await cloud.deploy(count);
      await stopSchedules(cloud.endpoint);
    },
    async get(node, path) {
      const answer = await fetch(`${nodeAt(node).url}${path}`, {
        headers: { authorization: `Bearer ${nodeAt(node).token}` },
      });
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
      return (await answer.json()) as never;
    },
    async post(node, path, body, token = false, more = {}) {
      const answer = await fetch(`${nodeAt(node).url}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...more,
          ...(token && { authorization: `Bearer ${nodeAt(node).token}` }),
        },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      const isJson = answer.headers.get('content-type')?.includes('json') === true;
      return { status: answer.status, body: (isJson ? JSON.parse(text) : text) as never };
    },
    async invoke(node, name, payload = {}) {
      const answer = await lambda.send(
        new InvokeCommand({
          FunctionName: functionOf(node, name),
          Payload: JSON.stringify(payload),
        }),
      );
      if (answer.FunctionError !== undefined) {
        throw new Error(`${name}: ${Buffer.from(answer.Payload ?? []).toString()}`);
      }
      return JSON.parse(Buffer.from(answer.Payload ?? []).toString() || 'null') as unknown;
    },
    async setReading(node, Enabled) {
      const { EventSourceMappings = [] } = await lambda.send(
        new ListEventSourceMappingsCommand({ FunctionName: functionOf(node, 'inbox') }),
      );
      for (const { UUID } of EventSourceMappings) {
        await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
      }
    },
    async sendRaw(node, bodies) {
      const QueueUrl = nodeAt(node).outputs['InboxUrl'];
      // A batch holds 1 MiB in all.
      const size = bodies.some((body) => body.length > 100_000) ? 4 : 10;
      for (let at = 0; at < bodies.length; at += size) {
        const Entries = bodies
          .slice(at, at + size)
          .map((MessageBody, i) => ({ Id: `${i}`, MessageBody }));
        await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries }));
      }
    },
    waiting: (node, queue) => waitingIn(nodeAt(node).outputs[queue] ?? ''),
    waitingIn,
    logs: () => allLogs(cloud.endpoint),
    async close() {
      lambda.destroy();
      sqs.destroy();
      // What runs on goes to the next: its stacks have these names too, and another chain.
      if (given !== undefined) await deleteStacks(config, 'all', () => undefined);
      await cloud.stop();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** An emulator that runs already may hold what somebody else put there: it is not ours to take down. */
async function refuseOthers(endpoint: string): Promise<void> {
  const config = { endpoint, region: EMULATOR_REGION, credentials: CREDENTIALS };
  const left = await deployedNodes(config);
  if (left.length === 0) return;
  throw new Error(
    `${endpoint} holds ${left.join(', ')}: \`stackchain destroy --local --delete-data\` takes them down`,
  );
}

export const storeOf = ({ cloud, nodes }: TestCloud, node: number): Store =>
  createDynamoStore({
    client: dynamoClientOn(cloud.endpoint),
    table: nodes()[node]?.outputs['ChainTableName'] ?? '',
  });

/**
 * Waits until nothing is under way between the nodes: no message lies or is being handled, and none
 * catches up, which asks over HTTP, whatever becomes of the queues.
 */
export async function atRest(world: TestCloud): Promise<void> {
  const all = [...world.nodes().keys()];
  const emptied = (): Promise<unknown> =>
    until(
      'all inboxes are empty',
      () => Promise.all(all.map((node) => world.waiting(node, 'InboxUrl'))),
      (counts) => counts.every((count) => count === 0),
    );
  await emptied();
  for (const node of all) {
    const store = storeOf(world, node);
    await until(
      `node${node} syncs no more`,
      () => store.read([{ pk: ROWS.self, sk: 'sync' }]),
      ([row]) => row === undefined || decodeJson<{ until: number }>(row).until === 0,
    );
    await store.close();
  }
  // What a sync said at its end.
  await emptied();
}

/**
 * Waits until the logs tell it. The emulator listens to a call's output for a moment only: what a busy
 * machine brings later comes with the next call of the same process, which `again` makes.
 */
export async function untilLogged<T>(
  what: string,
  read: () => Promise<T>,
  isRight: (value: T) => boolean,
  again: () => Promise<unknown>,
): Promise<T> {
  let looks = 0;
  return until(
    what,
    async () => {
      if (looks++ > 0) await again();
      return read();
    },
    isRight,
  );
}

/** As many calls of a function at once as an inbox has processes. */
export const callAll = (world: TestCloud, node: number, name: string, payload: object) =>
  Promise.all(Array.from({ length: 5 }, () => world.invoke(node, name, payload)));

/** One call of a service that speaks JSON. */
export async function awsJson<T>(
  endpoint: string,
  service: string,
  target: string,
  body: object,
  account = CREDENTIALS.accessKeyId,
): Promise<T> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      'x-amz-target': target,
      'content-type': 'application/x-amz-json-1.1',
      authorization: `AWS4-HMAC-SHA256 Credential=${account}/20260101/${EMULATOR_REGION}/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${target}: ${answer.status} ${await answer.text()}`);
  return JSON.parse((await answer.text()) || 'null') as T;
}

/**
 * Ticks come when a test asks for one. The schedule's own, every five minutes from the deploy on, would
 * now and then heal a fork, call a miner or wake a node in the midst of a test that shows it without.
 */
export async function stopSchedules(endpoint: string, account?: string): Promise<void> {
  const call = <T>(target: string, body: object): Promise<T> =>
    awsJson<T>(endpoint, 'events', `AWSEvents.${target}`, body, account);
  const { Rules } = await call<{ Rules: { Name: string; ScheduleExpression?: string }[] }>(
    'ListRules',
    // The emulator may be somebody's, with rules of their own.
    { NamePrefix: 'Stackchain-' },
  );
  const scheduled = Rules.filter(({ ScheduleExpression }) => ScheduleExpression);
  if (scheduled.length === 0) throw new Error('the stacks have no schedule');
  for (const { Name } of scheduled) await call('DisableRule', { Name });
}

/** Everything that any function logged. */
async function allLogs(endpoint: string): Promise<string> {
  const call = <T>(target: string, body: object): Promise<T> =>
    awsJson<T>(endpoint, 'logs', `Logs_20140328.${target}`, body);
  const { logGroups } = await call<{ logGroups: { logGroupName: string }[] }>(
    'DescribeLogGroups',
    {},
  );
  const texts: string[] = [];
  for (const { logGroupName } of logGroups) {
    for (let nextToken: string | undefined; ; ) {
      const page = await call<{ events?: { message: string }[]; nextToken?: string }>(
        'FilterLogEvents',
        { logGroupName, ...(nextToken !== undefined && { nextToken }) },
      );
      const { events = [] } = page;
      texts.push(...events.map(({ message }) => message));
      nextToken = page.nextToken;
      if (nextToken === undefined || events.length === 0) break;
    }
  }
  return texts.join('\n');
}

/** Waits for a condition; says what was there in the end. */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  isRight: (value: T) => boolean,
  msMax = WAIT_MS_MAX,
): Promise<T> {
  const startMs = Date.now();
  for (;;) {
    let value: T | undefined;
    let failure: unknown;
    try {
      value = await look();
      if (isRight(value)) return value;
    } catch (error) {
      failure = error;
    }
    if (Date.now() - startMs > msMax) {
      throw new Error(`${what}: still ${failure ?? JSON.stringify(value)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
