/**
 * The node in a Lambda function (and in a miner's task): reads the environment, chooses adapters,
 * makes the node once per process. Nothing that matters is kept here: the next call may run in
 * another process, and many run at once.
 */
import { hostname } from 'node:os';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { createDynamoClient, createDynamoStore } from '../lib/adapters/dynamodb-store.ts';
import { createHttpTransport } from '../lib/adapters/http-transport.ts';
import {
  awsQueueUrl,
  createSqsTransport,
  parseQueueArn,
  type QueueName,
} from '../lib/adapters/sqs-transport.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import { createVerifier } from '../lib/adapters/verifier.ts';
import type { Sender } from '../lib/gossip/types.ts';
import { createNode } from '../lib/node/create-node.ts';
import type { Node } from '../lib/node/types.ts';
import type { Clock } from '../lib/ports/clock.ts';
import type { Random } from '../lib/ports/random.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { type PeerLine, parseLine, readLines } from './lines.ts';
import { type AwsTelemetry, createAwsTelemetry } from './telemetry.ts';

/** A stack's mempool: half of what its functions have. */
const MEMPOOL_BYTES_MAX = 50_000_000;
const READ_LINES_AGAIN_MS = 5 * 60_000;

export interface AwsHost {
  readonly environment: Environment;
  readonly node: Node;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: AwsTelemetry;
  readonly sqs: SQSClient;
  readonly inboxUrl: string;
  lines(): Promise<readonly PeerLine[]>;
  /** Has the sync function called, without waiting for it. */
  wakeSync(): Promise<void>;
  wakeSyncIfBehind(): Promise<void>;
  /** The same at the end of a call whose own work is done: a failure is logged, `tick` tries again. */
  nudgeSync(): Promise<void>;
  /** One line a call, and the metrics: the last that a handler does. */
  finish(fields: Record<string, string | number | boolean>): void;
}

/** On an emulator queues lie below its own URL. */
const queueUrlOf =
  (endpoint: string | undefined) =>
  (queue: QueueName): string =>
    endpoint === undefined ? awsQueueUrl(queue) : `${endpoint}/${queue.account}/${queue.name}`;

async function makeHost(service: string): Promise<AwsHost> {
  const environment = readEnvironment(process.env);
  const { params, nodeName, endpoint } = environment;
  const telemetry = createAwsTelemetry({
    network: params.name,
    node: nodeName,
    service,
    ...(service === 'miner' && { miner: hostname() }),
  });
  const ssm = new SSMClient({});
  const clients = new Map<string, SQSClient>();
  const clientOf = (region: string): SQSClient => {
    const known = clients.get(region) ?? new SQSClient({ region });
    clients.set(region, known);
    return known;
  };
  const readAll = async (): Promise<PeerLine[]> => {
    const foreign = environment.foreignLines.flatMap((text) => parseLine(text) ?? []);
    return [...(await readLines(ssm, environment.peerParameters)), ...foreign];
  };
  const [own] = await readLines(ssm, [environment.ownParameter]);
  let lines = await readAll();
  let linesAtMs = systemClock.nowMs();
  const inbox = parseQueueArn(environment.inboxArn);
  if (inbox === undefined) throw new Error('STACKCHAIN_INBOX_ARN is no queue');
  const urlOf = queueUrlOf(endpoint);
  const verifier = createVerifier();
  let isFirst = true;
  const node = await createNode({
    params,
    store: createDynamoStore({ client: createDynamoClient(), table: environment.chainTable }),
    clock: systemClock,
    random: systemRandom,
    verifier,
    transports: [createHttpTransport(), createSqsTransport({ name: nodeName, clientOf, urlOf })],
    telemetry,
    policy: { bytesMax: MEMPOOL_BYTES_MAX },
    name: nodeName,
    ...(own !== undefined && { url: own.url }),
    peers: [...lines.map((line) => JSON.stringify(line)), ...params.peers.filter(isUrl)],
  });
  const lambda = new LambdaClient({});
  const wakeSync = async (): Promise<void> => {
    await lambda.send(
      new InvokeCommand({ FunctionName: environment.syncFunction, InvocationType: 'Event' }),
    );
  };
  const wakeSyncIfBehind = async (): Promise<void> => {
    if ((await node.gossip.progress()).syncing) await wakeSync();
  };
  return {
    environment,
    node,
    clock: systemClock,
    random: systemRandom,
    telemetry,
    sqs: clientOf(inbox.region),
    inboxUrl: urlOf(inbox),
    async lines() {
      if (systemClock.nowMs() - linesAtMs > READ_LINES_AGAIN_MS) {
        lines = await readAll();
        linesAtMs = systemClock.nowMs();
      }
      return lines;
    },
    wakeSync,
    wakeSyncIfBehind,
    async nudgeSync() {
      try {
        await wakeSyncIfBehind();
      } catch (error) {
        telemetry.log('error', 'sync could not be called', { code: (error as Error).name });
      }
    },
    finish(fields) {
      // What this process is, once: the library that checks signatures decides its speed.
      telemetry.log('info', 'done', isFirst ? { ...fields, verifier: verifier.name } : fields);
      isFirst = false;
      telemetry.flush();
    },
  };
}

const isUrl = (peer: string): boolean => /^https?:/.test(peer);

let host: Promise<AwsHost> | undefined;

/** The host of this process. A start that failed is tried again by the next call. */
export function getHost(): Promise<AwsHost> {
  host ??= makeHost(process.env['STACKCHAIN_FUNCTION'] ?? 'miner').catch((error: unknown) => {
    host = undefined;
    throw error;
  });
  return host;
}

/**
 * Who sent a message, by what the sender cannot choose: the role id that SQS gives, which must be
 * one of a peer's line. An emulator gives the account instead: there the name in the envelope tells
 * apart. Undefined: nobody that we know.
 */
export async function senderOf(
  host: AwsHost,
  senderId: string,
  envelope: unknown,
): Promise<Sender | undefined> {
  const [role = ''] = senderId.split(':');
  const lines = await host.lines();
  if (/^\d{12}$/.test(role)) {
    const from = String((envelope as { from?: unknown } | null)?.from ?? '').slice(0, 200);
    return { transport: 'sqs', key: `${role}:${from}` };
  }
  const line = lines.find(({ roles }) => roles.includes(role));
  return line === undefined ? undefined : { transport: 'sqs', key: line.queue };
}
