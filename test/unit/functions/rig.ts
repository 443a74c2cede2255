/**
 * A stack's functions in this process: the handlers as they are, with the environment that infra/
 * gives them and AWS as far as test/helpers/fake-aws.ts plays it. A "process" is the functions
 * loaded anew; what they share is the table.
 */
import type { SQSBatchResponse, SQSRecord } from 'aws-lambda';
import { vi } from 'vitest';
import { rotateToken } from '../../../functions/tokens.ts';
import { inboxName } from '../../../infra/names.ts';
import { createTable } from '../../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../../lib/adapters/dynamodb-store.ts';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { systemClock } from '../../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { createChain } from '../../../lib/chain/create-chain.ts';
import { toHex } from '../../../lib/codec/hex.ts';
import { toBase64 } from '../../../lib/gossip/envelope.ts';
import { createMempool } from '../../../lib/mempool/create-mempool.ts';
import { createNode } from '../../../lib/node/create-node.ts';
import type { Node } from '../../../lib/node/types.ts';
import { toNetworkFile } from '../../../lib/params/index.ts';
import type { Store } from '../../../lib/ports/store.ts';
import type { Envelope } from '../../../lib/ports/transport.ts';
import { easyNetwork, Story, type StoryBlock } from '../../helpers/chain-builder.ts';
import { verifier } from '../../helpers/chain-rig.ts';
import { dynamoClientOn } from '../../helpers/dynamodb.ts';
import { type FakeAws, startFakeAws } from '../../helpers/fake-aws.ts';

const ACCOUNT = '000000000000';
const GENESIS_AGE_SECONDS = 50_000;
const NAMES = { chain: 'chain', wallet: 'wallet' };

type HttpAnswer = { readonly statusCode: number; readonly body: string };
type Handler<E, R> = (event: E, context?: unknown) => Promise<R>;

export interface Functions {
  readonly public: Handler<unknown, HttpAnswer>;
  readonly private: Handler<unknown, HttpAnswer>;
  readonly inbox: Handler<{ Records: SQSRecord[] }, SQSBatchResponse>;
  readonly sync: Handler<unknown, void>;
  readonly tick: Handler<unknown, void>;
}

export interface Rig {
  readonly aws: FakeAws;
  readonly story: Story;
  readonly store: Store;
  readonly token: string;
  /** What the functions wrote, line by line. */
  readonly lines: string[];
  /** The functions as a new process has them. */
  start(): Promise<Functions>;
  /** What the table holds, read by nobody's function. */
  storedTip(): Promise<{ readonly hash: string; readonly height: number }>;
  pooled(): Promise<readonly string[]>;
  /** Height of the best header. */
  headers(): Promise<number>;
  /** A node of its own that answers under `name`, which the stack knows as a peer with a queue. */
  addPeer(name: string): Promise<Node>;
  envelope(type: string, payload: unknown, from?: string): Envelope;
  blockMessage(block: StoryBlock, from?: string): Envelope;
  stop(): Promise<void>;
}

/** As stacks call them. */
export const queueName = (node: string): string => inboxName({ network: 'easynet', node });
export const queueArn = (node: string): string =>
  `arn:aws:sqs:us-east-1:${ACCOUNT}:${queueName(node)}`;
export const roleId = (node: string): string => `AROA${node.toUpperCase().padEnd(17, '0')}`;

function setEnvironment(aws: FakeAws, story: Story): void {
  const values: Record<string, string> = {
    AWS_ENDPOINT_URL: aws.endpoint,
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: ACCOUNT,
    AWS_SECRET_ACCESS_KEY: 'test',
    STACKCHAIN_NODE_NAME: 'own',
    STACKCHAIN_NETWORK_FILE: JSON.stringify(toNetworkFile(story.params)),
    STACKCHAIN_CHAIN_TABLE: NAMES.chain,
    STACKCHAIN_WALLET_TABLE: NAMES.wallet,
    STACKCHAIN_WALLET_KEY: '/wallet-key',
    STACKCHAIN_INBOX_ARN: queueArn('own'),
    STACKCHAIN_OWN_PARAMETER: '/own',
    STACKCHAIN_PEER_PARAMETERS: '/near,/far',
    STACKCHAIN_SYNC_FUNCTION: 'own-sync',
    STACKCHAIN_FUNCTION: 'test',
  };
  for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
}

/** A node without transports. */
export const openNode = (story: Story, store: Store, name: string): Promise<Node> =>
  createNode({
    params: story.params,
    store,
    clock: systemClock,
    random: systemRandom,
    verifier,
    name,
  });

export async function openRig(dynamo: string): Promise<Rig> {
  const aws = await startFakeAws(dynamo);
  const time = Math.floor(Date.now() / 1000) - GENESIS_AGE_SECONDS;
  const story = new Story(easyNetwork({ time, maturity: 2 }));
  setEnvironment(aws, story);
  const lines: string[] = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      lines.push(...String(text).split('\n').filter(Boolean));
      return true;
    });
  }
  const client = dynamoClientOn(dynamo);
  for (const table of Object.values(NAMES)) await createTable(client, table);
  const wallMs = (): number => Date.now();
  const store = createDynamoStore({ client, table: NAMES.chain, wallMs });
  // Not a node: one that knows no peers would have the table forget them.
  const parts = { params: story.params, store, clock: systemClock, verifier };
  const chain = createChain(parts);
  const mempool = createMempool({ ...parts, chain, random: systemRandom });
  const envelope: Rig['envelope'] = (type, payload, from = 'near') => ({
    v: 1,
    network: story.params.genesisHash,
    from,
    type,
    payload,
  });
  return {
    aws,
    story,
    store,
    lines,
    token: await rotateToken(client, NAMES.wallet),
    async start() {
      vi.resetModules();
      const load = async (name: keyof Functions): Promise<unknown> =>
        ((await import(`../../../functions/${name}.ts`)) as { handler: unknown }).handler;
      const names = ['public', 'private', 'inbox', 'sync', 'tick'] as const;
      const handlers = await Promise.all(names.map(async (name) => [name, await load(name)]));
      return Object.fromEntries(handlers) as Functions;
    },
    async storedTip() {
      return (await chain.tip()).entry;
    },
    async headers() {
      return (await chain.bestHeader()).height;
    },
    async pooled() {
      const page = await mempool.list({ limit: 100 });
      return page.map(({ txid }) => txid);
    },
    async addPeer(name) {
      const node = await openNode(story, createMemoryStore({ clock: systemClock }), name);
      aws.peers.set(name, async (body) => {
        const { envelopes } = body as { envelopes: unknown[] };
        const answer = await node.gossip.receive(envelopes, {
          transport: 'http',
          key: '127.0.0.1',
        });
        return { envelopes: answer.ok ? answer.replies : [] };
      });
      const line = {
        network: story.params.name,
        genesis: story.params.genesisHash,
        name,
        url: `${aws.endpoint}/${name}`,
        queue: queueArn(name),
        roles: [roleId(name)],
      };
      aws.parameters.set(`/${name}`, JSON.stringify(line));
      return node;
    },
    envelope,
    blockMessage: (block, from) => envelope('block', toBase64(block.block.raw), from),
    async stop() {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
      client.destroy();
      await aws.stop();
    },
  };
}

/** A message as Lambda gets it from SQS. */
export function record(
  body: unknown,
  more: { readonly id?: string; readonly sentMs?: number; readonly receipts?: number } = {},
): SQSRecord {
  const { id = 'm', sentMs = Date.now(), receipts = 1 } = more;
  return {
    messageId: id,
    receiptHandle: `receipt of ${id}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: {
      ApproximateReceiveCount: `${receipts}`,
      SentTimestamp: `${sentMs}`,
      SenderId: ACCOUNT,
      ApproximateFirstReceiveTimestamp: `${sentMs}`,
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn('own'),
    awsRegion: 'us-east-1',
  };
}

/** A request as API Gateway hands it to a function (payload 2.0). */
export const request = (
  method: string,
  path: string,
  options: { readonly body?: unknown; readonly authorization?: string } = {},
): unknown => ({
  version: '2.0',
  routeKey: '$default',
  rawPath: path,
  rawQueryString: '',
  headers: {
    host: 'node.example',
    'content-type': 'application/json',
    ...(options.authorization !== undefined && { authorization: options.authorization }),
  },
  requestContext: {
    accountId: ACCOUNT,
    apiId: 'api',
    domainName: 'node.example',
    http: { method, path, protocol: 'HTTP/1.1', sourceIp: '192.0.2.1', userAgent: 'test' },
    requestId: 'r',
    stage: '$default',
  },
  isBase64Encoded: false,
  ...(options.body !== undefined && { body: JSON.stringify(options.body) }),
});

export const hexOf = (block: StoryBlock): string => toHex(block.block.raw);
