/**
 * The node in a Lambda function (and in a miner's task): reads the environment, chooses adapters,
 * makes the node once per process. Nothing that matters is kept here: the next call may run in
 * another process, and many run at once.
 */
import { hostname } from 'node:os';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SQSClient } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { awsLimits } from '../lib/adapters/aws-limits.ts';
import { createDynamoClient, createDynamoStore } from '../lib/adapters/dynamodb-store.ts';
import { createHttpTransport } from '../lib/adapters/http-transport.ts';
import { awsQueueUrl, createSqsTransport } from '../lib/adapters/sqs-transport.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import { createVerifier } from '../lib/adapters/verifier.ts';
import type { Sender } from '../lib/gossip/types.ts';
import { createNode } from '../lib/node/create-node.ts';
import type { MineCause } from '../lib/node/mine-once.ts';
import type { Node } from '../lib/node/types.ts';
import type { Clock } from '../lib/ports/clock.ts';
import { parseQueueArn, type QueueName } from '../lib/ports/queue-arn.ts';
import type { Random } from '../lib/ports/random.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { readLines } from './lines.ts';
import { createMinerCalls } from './miner-calls.ts';
import type { StackLine } from './stack-line.ts';
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
  /** Its peers that have queues, as of its start. */
  readonly lines: readonly StackLine[];
  /** Whether the peers are others than at its start; looks now and then. */
  isOutdated(): Promise<boolean>;
  /** Has the sync function called, without waiting for it. */
  wakeSync(): Promise<void>;
  wakeSyncIfBehind(): Promise<void>;
  /** The same at the end of a call whose own work is done: a failure is logged, `tick` tries again. */
  nudgeSync(): Promise<void>;
  /** Has the `lambda` miner called, if there is one. `turn`: its calls that led to this one. */
  wakeMiner(cause: MineCause, turn?: number): Promise<void>;
  /** Waits for calls under way; one line a call, and the metrics: the last that a handler does. */
  finish(fields: Record<string, string | number | boolean>): Promise<void>;
}

/** On an emulator queues lie below its own URL. */
const queueUrlOf =
  (endpoint: string | undefined) =>
  (queue: QueueName): string =>
    endpoint === undefined ? awsQueueUrl(queue) : `${endpoint}/${queue.account}/${queue.name}`;

/** The lines of this node and of its peers, looked at again now and then. */
function createKnown(ssm: SSMClient, environment: Environment) {
  const { ownParameter, peerParameters, foreignParameters, params } = environment;
  const names = [ownParameter, ...peerParameters, ...foreignParameters];
  const account = parseQueueArn(environment.inboxArn)?.account;
  let seen = '';
  let readAtMs = 0;
  const read = async (): Promise<StackLine[]> => {
    const lines = await readLines(ssm, names, params);
    readAtMs = systemClock.nowMs();
    // Those of the own account first: no foreign line takes the place of one that names its role.
    const rank = ({ queue }: StackLine): string =>
      `${Number(parseQueueArn(queue)?.account !== account)}${queue}`;
    return lines.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  };
  return {
    async read(): Promise<StackLine[]> {
      const lines = await read();
      seen = JSON.stringify(lines);
      return lines;
    },
    async isOutdated(): Promise<boolean> {
      if (systemClock.nowMs() - readAtMs <= READ_LINES_AGAIN_MS) return false;
      try {
        return JSON.stringify(await read()) !== seen;
      } catch {
        // What was known serves on.
        return false;
      }
    },
  };
}

async function makeHost(service: string): Promise<AwsHost> {
  const environment = readEnvironment(process.env);
  const { params, nodeName, endpoint } = environment;
  const telemetry = createAwsTelemetry({
    network: params.name,
    node: nodeName,
    service,
    ...(service === 'miner' && { miner: hostname() }),
  });
  const ssm = new SSMClient(awsLimits());
  const clients = new Map<string, SQSClient>();
  const clientOf = (region: string): SQSClient => {
    const known = clients.get(region) ?? new SQSClient({ ...awsLimits(), region });
    clients.set(region, known);
    return known;
  };
  const known = createKnown(ssm, environment);
  const all = await known.read();
  const own = all.find(({ queue }) => queue === environment.inboxArn);
  const lines = all.filter((line) => line !== own);
  const inbox = parseQueueArn(environment.inboxArn);
  if (inbox === undefined) throw new Error('STACKCHAIN_INBOX_ARN is no queue');
  const urlOf = queueUrlOf(endpoint);
  const verifier = createVerifier();
  const lambda = new LambdaClient(awsLimits());
  const miner = createMinerCalls({ lambda, functionName: environment.mineFunction, telemetry });
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
    peers: lines.map((line) => JSON.stringify(line)),
    // The miner itself looks at what waits before it ends.
    ...(service !== 'mine' && { onWaiting: miner.wake }),
  });
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
    lines,
    isOutdated: known.isOutdated,
    wakeSync,
    wakeSyncIfBehind,
    async nudgeSync() {
      try {
        await wakeSyncIfBehind();
      } catch (error) {
        telemetry.log('error', 'sync could not be called', { code: (error as Error).name });
      }
    },
    wakeMiner: miner.wake,
    async finish(fields) {
      await miner.settle();
      // What this process is, once: the library that checks signatures decides its speed.
      telemetry.log('info', 'done', isFirst ? { ...fields, verifier: verifier.name } : fields);
      isFirst = false;
      telemetry.flush();
    },
  };
}

let host: Promise<AwsHost> | undefined;

/**
 * The host of this process, made anew when its peers have changed. A start that failed is tried again
 * by the next call.
 */
export async function getHost(): Promise<AwsHost> {
  const old = host;
  if (old !== undefined && (await (await old).isOutdated()) && host === old) host = undefined;
  host ??= makeHost(process.env['STACKCHAIN_FUNCTION'] ?? 'miner').catch((error: unknown) => {
    host = undefined;
    throw error;
  });
  return host;
}

/**
 * Who sent a message: the peer in whose line the role id is that SQS gives as its sender, whatever
 * name the envelope bears. An emulator gives an account instead, MiniStack to functions even that of
 * who reads: there the name tells, the account only between two of one name. Undefined: nobody that
 * we know.
 */
export function senderOf(
  { lines, environment }: Pick<AwsHost, 'lines'> & { environment: Pick<Environment, 'endpoint'> },
  senderId: string,
  envelope: unknown,
): Sender | undefined {
  const [id = ''] = senderId.split(':');
  let line = lines.find(({ roles }) => roles.includes(id));
  if (environment.endpoint !== undefined && /^\d{12}$/.test(id)) {
    const from = (envelope as { from?: unknown } | null)?.from;
    const named = lines.filter(({ name }) => name === from);
    line = named.find(({ queue }) => parseQueueArn(queue)?.account === id) ?? named[0];
  }
  return line === undefined ? undefined : { transport: 'sqs', key: line.queue };
}
