/**
 * A deployed node from outside, with the deployer's own rights: its line, its token, its inbox, and
 * the foreign peers in its network's file.
 */
import { openInbox } from '../../functions/breaker.ts';
import { parseStackLine, roleClaimedTwice, type StackLine } from '../../functions/stack-line.ts';
import { rotateToken } from '../../functions/tokens.ts';
import {
  inboxName,
  type NodeId,
  nameFault,
  peerParameter,
  walletTableName,
} from '../../infra/names.ts';
import { awsLimits } from '../../lib/adapters/aws-limits.ts';
import { createDynamoClient } from '../../lib/adapters/dynamodb-store.ts';
import { idOf } from '../../lib/gossip/rows.ts';
import type { PeerInfo } from '../../lib/gossip/types.ts';
import type { ChainParams } from '../../lib/params/index.ts';
import { regtest, toNetworkFile } from '../../lib/params/index.ts';
import { parseQueueArn } from '../../lib/ports/queue-arn.ts';
import { refused, remote, usage } from '../errors.ts';
import { writeText } from '../host/files.ts';
import { withoutCredentials } from './checks.ts';
import { networkContext, requireDeployed } from './deployed-network.ts';

const ATTEMPTS = 3;
const ASK_MS_MAX = 5_000;

export interface StackOptions {
  /** `node0`, `node1`, … */
  readonly node: string;
  /** What `--network` says. */
  readonly network: string | undefined;
}

/** The network that is built in has no file: `deploy --network regtest`. */
const isBuiltIn = ({ network }: StackOptions): boolean => network === regtest.name;

/** Exit 2 where no node can be called so. */
function nodeId({ node, network }: StackOptions, region: string): NodeId {
  const id = { network: requireDeployed(network).name, node };
  const fault = nameFault(id, region);
  if (fault !== undefined) throw usage(`Error: ${fault}.`);
  return id;
}

/** How AWS's services say that what was named is not there. */
const IS_MISSING = /^(ResourceNotFoundException|ParameterNotFound|QueueDoesNotExist)$/;

/**
 * What AWS does not answer is the other side's failure, in one sentence; that there is no such node,
 * which it does answer, is none.
 */
async function asked<T>(what: string, region: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const { name, message } = cause as Error;
    if (IS_MISSING.test(name)) {
      throw refused(
        `Error: ${what}: nothing of that name is deployed in ${region}.`,
        'not-found',
        404,
      );
    }
    const unsigned = withoutCredentials(cause);
    throw unsigned ?? remote(`Error: ${what}: ${name}: ${message.split('\n')[0]}`, cause);
  }
}

/** A new token for the node's API; the one before stays valid until the next is made. */
export async function newToken(options: StackOptions, region: string): Promise<string> {
  const table = walletTableName(nodeId(options, region));
  const client = createDynamoClient({ region, maxAttempts: ATTEMPTS });
  return asked(`no token for ${table}`, region, () => rotateToken(client, table));
}

/** The line by which a node of another account knows this one. */
export async function inviteLine(options: StackOptions, region: string): Promise<string> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const Name = peerParameter(nodeId(options, region));
  const answer = await asked(`no line in ${Name}`, region, () =>
    new SSMClient({ ...awsLimits(), region }).send(new GetParameterCommand({ Name })),
  );
  return answer.Parameter?.Value ?? '';
}

/** Ends what the breaker did. False: it had done nothing. */
export async function reopenInbox(options: StackOptions, region: string): Promise<boolean> {
  const { GetQueueUrlCommand, SQSClient } = await import('@aws-sdk/client-sqs');
  const QueueName = inboxName(nodeId(options, region));
  const client = new SQSClient({ ...awsLimits(), region });
  return asked(`no way to ${QueueName}`, region, async () => {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName }));
    return openInbox(client, QueueUrl ?? '');
  });
}

const parseForeign = (text: string, params: ChainParams): StackLine | undefined => {
  const parsed = parseStackLine(text, params);
  return parsed.ok ? parsed.line : undefined;
};

/** A line that somebody handed over, or the sentence why it is none. */
export function readForeignLine(options: StackOptions, text: string): StackLine {
  const parsed = parseStackLine(text.trim(), requireDeployed(options.network));
  if (parsed.ok) return parsed.line;
  const sentence = `Error: the line is refused: ${parsed.detail}.`;
  throw parsed.code === 'wrong-network' ? refused(sentence, 'wrong-network', 403) : usage(sentence);
}

/**
 * Whether the line is that of a node deployed with the present credentials. Undefined: AWS could not
 * be asked.
 */
export async function isOwnLine(line: StackLine): Promise<boolean | undefined> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const region = parseQueueArn(line.queue)?.region ?? '';
  const Name = peerParameter({ network: line.network, node: line.name });
  try {
    const { Parameter } = await new SSMClient({ ...awsLimits(), region, maxAttempts: 1 }).send(
      new GetParameterCommand({ Name }),
      { abortSignal: AbortSignal.timeout(ASK_MS_MAX) },
    );
    return (JSON.parse(Parameter?.Value ?? '{}') as { queue?: unknown }).queue === line.queue;
  } catch (error) {
    return (error as Error).name === 'ParameterNotFound' ? false : undefined;
  }
}

const writePeers = (options: StackOptions, params: ChainParams, peers: readonly string[]): void => {
  if (isBuiltIn(options)) throw usage(`Error: ${params.name} is built in and keeps no peers.`);
  const file = toNetworkFile({ ...params, peers });
  writeText(networkContext(options.network), `${JSON.stringify(file, null, 2)}\n`);
};

/** Puts a foreign node's line into the network file, in place of an older one of the same queue. */
export function addForeignPeer(
  options: StackOptions,
  line: StackLine,
): 'added' | 'replaced' | 'known' {
  const params = requireDeployed(options.network);
  const text = JSON.stringify(line);
  const same = params.peers.filter((peer) => parseForeign(peer, params)?.queue === line.queue);
  if (same.length === 1 && same[0] === text) return 'known';
  const others = params.peers.filter((peer) => !same.includes(peer));
  const lines = others.flatMap((peer) => parseForeign(peer, params) ?? []);
  const role = roleClaimedTwice([...lines, line]);
  if (role !== undefined) {
    throw refused(
      `Error: the line is refused: another peer has the role ${role}.`,
      'conflict',
      409,
    );
  }
  writePeers(options, params, [...others, text]);
  return same.length === 0 ? 'added' : 'replaced';
}

/**
 * Takes a foreign node's line out of the network file. `what`: its id, as `peers` of a node shows it,
 * its queue, or the line. Undefined: the file has no such line.
 */
export function removeForeignPeer(options: StackOptions, what: string): StackLine | undefined {
  const params = requireDeployed(options.network);
  const wanted = parseForeign(what.trim(), params)?.queue ?? what.trim();
  const found = params.peers.flatMap((peer) => parseForeign(peer, params) ?? []);
  const line = found.find(({ queue }) => queue === wanted || idOf(queue) === wanted);
  if (line === undefined) return undefined;
  const kept = params.peers.filter((peer) => parseForeign(peer, params)?.queue !== line.queue);
  writePeers(options, params, kept);
  return line;
}

/** A foreign peer as `peers` shows one that was never heard. */
export const showForeign = ({ queue }: StackLine): PeerInfo => ({
  id: idOf(queue),
  address: queue,
  transport: 'sqs',
  height: 0,
  tip: '',
  score: 0,
  banned: false,
  lastSeen: 0,
});
