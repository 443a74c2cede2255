/**
 * Clouds of several accounts in one emulator with real IAM: a checkout for each, the real commands,
 * and senders that are sessions of roles made for the test.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
  UpdateEventSourceMappingCommand,
} from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { AwsConfig } from '../../cli/cloud/checks.ts';
import { cleanEnv, EMULATOR_REGION, endpointEnv } from '../../cli/cloud/emulator.ts';
import { type CloudNode, type LocalCloud, startLocalCloud } from '../../cli/cloud/local-cloud.ts';
import type { NetworkFile } from '../../lib/params/index.ts';
import { stopSchedules } from './cloud.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BIN = join(ROOT, 'bin', 'stackchain.js');
const COMMAND_MS_MAX = 120_000;

/** The header by which the emulator knows an account: its root, whose signature it does not check. */
const rootOf = (account: string, service: string): string =>
  `AWS4-HMAC-SHA256 Credential=${account}/20260101/${EMULATOR_REGION}/${service}/aws4_request, SignedHeaders=host, Signature=0`;

/** A host name for the APIs of an account that is not the emulator's own: there they answer 404. */
export async function startApiHost(
  endpoint: string,
  account: string,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const credential = `${account}/20260101/${EMULATOR_REGION}/execute-api/aws4_request`;
  const server: Server = createServer((from, to) => {
    const url = new URL(from.url ?? '/', endpoint);
    url.searchParams.set('X-Amz-Credential', credential);
    const onward = httpRequest(url, { method: from.method, headers: from.headers }, (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    onward.once('error', () => to.destroy());
    from.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Account {
  readonly id: string;
  /** Where its commands run, and its network.json lies. */
  readonly checkout: string;
  node(index: number): CloudNode;
  /** What clients of the account are made with. */
  readonly config: AwsConfig;
  deploy(nodes: number): Promise<void>;
  /** The real command line, there, with the account's credentials. */
  stackchain(...args: string[]): Promise<CommandResult>;
  call<T>(
    node: number,
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: T }>;
  /** Calls a function; throws when it fails. */
  invoke(node: number, name: string, payload: object): Promise<void>;
  /** Lets a node's inbox be read, or lie. */
  setReading(node: number, isRead: boolean): Promise<void>;
  /** Messages in a node's inbox, those under way too. */
  waiting(node: number): Promise<number>;
  policy(node: number): Promise<string>;
  close(): Promise<void>;
}

const clientConfig = (endpoint: string, account: string) => ({
  endpoint,
  region: EMULATOR_REGION,
  credentials: { accessKeyId: account, secretAccessKey: 'test' },
});

export async function openAccount(options: {
  readonly id: string;
  readonly nodes: number;
  readonly network: NetworkFile;
  /** A new emulator's port, or the endpoint of one that runs. */
  readonly at: { readonly port: number } | { readonly endpoint: string; readonly apiHost: string };
}): Promise<Account> {
  const { id, nodes, network, at } = options;
  const checkout = mkdtempSync(join(tmpdir(), 'stackchain-checkout-'));
  writeFileSync(join(checkout, 'network.json'), JSON.stringify(network));
  const cloud: LocalCloud = await startLocalCloud({
    nodes,
    mining: false,
    auth: true,
    account: id,
    networkFile: join(checkout, 'network.json'),
    note: (line) => {
      if (process.env['STACKCHAIN_DEBUG']) console.error(line);
    },
    ...('port' in at ? { port: at.port } : { endpoint: at.endpoint }),
    context: ['miner=off', 'dev=true', ...('port' in at ? [] : [`emulator=${at.apiHost}`])],
  });
  await stopSchedules(cloud.endpoint, id);
  let current = cloud.nodes;
  const lambda = new LambdaClient(clientConfig(cloud.endpoint, id));
  const sqs = new SQSClient(clientConfig(cloud.endpoint, id));
  const node = (index: number): CloudNode => {
    const found = current[index];
    if (found === undefined) throw new Error(`no node ${index}`);
    return found;
  };
  const functionOf = (index: number, name: string): string =>
    (node(index).outputs['ChainTableName'] ?? '').replace(/-chain$/, `-${name}`);
  const attributes = async (index: number): Promise<Record<string, string>> => {
    const answer = await sqs.send(
      new GetQueueAttributesCommand({
        QueueUrl: node(index).outputs['InboxUrl'],
        AttributeNames: ['All'],
      }),
    );
    return answer.Attributes ?? {};
  };
  return {
    id,
    checkout,
    node,
    config: clientConfig(cloud.endpoint, id),
    async deploy(count) {
      current = await cloud.deploy(count);
      await stopSchedules(cloud.endpoint, id);
    },
    stackchain: (...args) =>
      // Not the file of the checkout that the command itself is of.
      runCommand(args, checkout, {
        ...endpointEnv(cloud.endpoint, id),
        STACKCHAIN_NETWORK: 'network.json',
      }),
    async call(index, path, body) {
      const { url, token } = node(index);
      const answer = await fetch(`${url}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: (await answer.json()) as never };
    },
    async invoke(index, name, payload) {
      const answer = await lambda.send(
        new InvokeCommand({
          FunctionName: functionOf(index, name),
          Payload: JSON.stringify(payload),
        }),
      );
      if (answer.FunctionError !== undefined) {
        throw new Error(`${name}: ${Buffer.from(answer.Payload ?? []).toString()}`);
      }
    },
    async setReading(index, Enabled) {
      const FunctionName = functionOf(index, 'inbox');
      const list = await lambda.send(new ListEventSourceMappingsCommand({ FunctionName }));
      for (const { UUID } of list.EventSourceMappings ?? []) {
        await lambda.send(new UpdateEventSourceMappingCommand({ UUID, Enabled }));
      }
    },
    async waiting(index) {
      const all = await attributes(index);
      return (
        Number(all['ApproximateNumberOfMessages']) +
        Number(all['ApproximateNumberOfMessagesNotVisible'])
      );
    },
    policy: async (index) => (await attributes(index))['Policy'] ?? '',
    async close() {
      lambda.destroy();
      sqs.destroy();
      await cloud.stop();
      rmSync(checkout, { recursive: true, force: true });
    },
  };
}

function runCommand(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [BIN, ...args],
      { cwd, env: { ...cleanEnv(), ...env, NO_COLOR: '1' }, timeout: COMMAND_MS_MAX },
      (_error, stdout, stderr) => resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

/** A role with the right to send anywhere, and a session of it, as an account's owner may make. */
export async function makeSender(
  endpoint: string,
  account: string,
  role: string,
): Promise<{ send(queueUrl: string, body: string): Promise<void>; close(): void }> {
  const trust = {
    Effect: 'Allow',
    Action: 'sts:AssumeRole',
    Principal: { AWS: `arn:aws:iam::${account}:root` },
  };
  const rights = { Effect: 'Allow', Action: 'sqs:*', Resource: '*' };
  const document = (statement: object): string =>
    JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam(endpoint, account, {
    Action: 'CreateRole',
    RoleName: role,
    AssumeRolePolicyDocument: document(trust),
  });
  await iam(endpoint, account, {
    Action: 'PutRolePolicy',
    RoleName: role,
    PolicyName: 'send',
    PolicyDocument: document(rights),
  });
  const sts = new STSClient(clientConfig(endpoint, account));
  const { Credentials: session } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: `arn:aws:iam::${account}:role/${role}`,
      RoleSessionName: 'test',
    }),
  );
  sts.destroy();
  const sqs = new SQSClient({
    endpoint,
    region: EMULATOR_REGION,
    credentials: {
      accessKeyId: session?.AccessKeyId ?? '',
      secretAccessKey: session?.SecretAccessKey ?? '',
      sessionToken: session?.SessionToken ?? '',
    },
  });
  return {
    async send(QueueUrl, MessageBody) {
      await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
    },
    close: () => sqs.destroy(),
  };
}

async function iam(
  endpoint: string,
  account: string,
  parameters: Readonly<Record<string, string>>,
): Promise<void> {
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: {
      authorization: rootOf(account, 'iam'),
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ ...parameters, Version: '2010-05-08' }).toString(),
  });
  if (!answer.ok) throw new Error(`${parameters['Action']}: ${await answer.text()}`);
}
