/**
 * A deployed node from outside, with the deployer's own rights: its line, its token, its inbox, and
 * the network file beside cdk.json that says who its foreign peers are.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { openInbox } from '../../functions/breaker.ts';
import { parseLine } from '../../functions/lines.ts';
import { rotateToken } from '../../functions/tokens.ts';
import { inboxName, peerParameter, walletTableName } from '../../infra/names.ts';
import { createDynamoClient } from '../../lib/adapters/dynamodb-store.ts';
import type { ChainParams } from '../../lib/params/index.ts';
import { parseNetworkFile, toNetworkFile } from '../../lib/params/index.ts';
import { refused, remote, usage } from '../errors.ts';

const ATTEMPTS = 3;

export interface StackOptions {
  /** `node0`, `node1`, … */
  readonly node: string;
  /** The network file, default `network.json` here. */
  readonly networkFile?: string;
}

const fileOf = ({ networkFile }: StackOptions): string => resolve(networkFile ?? 'network.json');

export function readStackNetwork(options: StackOptions): ChainParams {
  const path = fileOf(options);
  if (!existsSync(path)) {
    throw usage(`Error: ${path} is missing; run this where the network was deployed from.`);
  }
  const parsed = parseNetworkFile(JSON.parse(readFileSync(path, 'utf8')));
  if (!parsed.ok) throw usage(`Error: ${path} is no network file: ${parsed.reject.detail}.`);
  return parsed.value;
}

const nodeId = (options: StackOptions) => ({
  network: readStackNetwork(options).name,
  node: options.node,
});

/** What AWS does not answer is the other side's failure, in one sentence. */
async function asked<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    const { name, message } = cause as Error;
    throw remote(`Error: ${what}: ${name}: ${message.split('\n')[0]}`, cause);
  }
}

/** A new token for the node's API; the one before stays valid until the next is made. */
export async function newToken(options: StackOptions): Promise<string> {
  const table = walletTableName(nodeId(options));
  const client = createDynamoClient({ maxAttempts: ATTEMPTS });
  return asked(`no token for ${table}`, () => rotateToken(client, table));
}

/** The line by which a node of another account knows this one. */
export async function inviteLine(options: StackOptions): Promise<string> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const Name = peerParameter(nodeId(options));
  const answer = await asked(`no line in ${Name}`, () =>
    new SSMClient({}).send(new GetParameterCommand({ Name })),
  );
  return answer.Parameter?.Value ?? '';
}

/** Ends what the breaker did. False: it had done nothing. */
export async function reopenInbox(options: StackOptions): Promise<boolean> {
  const { GetQueueUrlCommand, SQSClient } = await import('@aws-sdk/client-sqs');
  const client = new SQSClient({});
  const QueueName = inboxName(nodeId(options));
  return asked(`no way to ${QueueName}`, async () => {
    const { QueueUrl } = await client.send(new GetQueueUrlCommand({ QueueName }));
    return openInbox(client, QueueUrl ?? '');
  });
}

/** Adds a foreign node's line to the network file; the next deploy lets it in. */
export function addForeignPeer(options: StackOptions, text: string): void {
  const params = readStackNetwork(options);
  const line = parseLine(text.trim());
  if (line === undefined) throw usage('Error: this is no invite line.');
  if (line.genesis !== params.genesisHash) {
    throw refused('Error: the line is of another network.', 'wrong-network', 403);
  }
  const others = params.peers.filter((peer) => parseLine(peer)?.queue !== line.queue);
  const peers = [...others, JSON.stringify(line)];
  writeFileSync(
    fileOf(options),
    `${JSON.stringify(toNetworkFile({ ...params, peers }), null, 2)}\n`,
  );
}
