/**
 * A cloud on this machine: the emulator, the real stacks deployed by the real CDK, and the miners as
 * processes in place of the Fargate tasks, which need Docker. Owns their life: when it ends, no
 * process and no port is left.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rotateToken } from '../../functions/tokens.ts';
import { createDynamoClient } from '../../lib/adapters/dynamodb-store.ts';
import { remote } from '../errors.ts';
import { readOutputs, runCdk, type StackOutputs } from './cdk.ts';
import {
  cleanEnv,
  EMULATOR_REGION,
  type Emulator,
  endpointEnv,
  startEmulator,
  stopChild,
} from './emulator.ts';

const MINER = fileURLToPath(new URL('../../miner/main.ts', import.meta.url));

export interface CloudNode {
  readonly name: string;
  readonly url: string;
  readonly outputs: Readonly<Record<string, string>>;
  /** The API's token, made anew. */
  readonly token: string;
  /** A wallet of the node's own, which its miner pays. */
  readonly address: string;
}

export interface LocalCloudOptions {
  readonly nodes: number;
  /** An emulator that runs already (AWS_ENDPOINT_URL); absent: one is started on `port`. */
  readonly endpoint?: string;
  readonly port?: number;
  readonly account?: string;
  readonly auth?: boolean;
  /** Miners started as processes, in turn on node0, node1, …; default one a node. */
  readonly mining?: boolean;
  /** Where network.json is kept, default the checkout; relative to `cwd`. */
  readonly networkFile?: string;
  readonly cwd?: string;
  readonly context?: readonly string[];
  readonly note: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface LocalCloud {
  readonly endpoint: string;
  readonly nodes: readonly CloudNode[];
  readonly env: Readonly<Record<string, string>>;
  /** Deploys again, e.g. with more nodes. */
  deploy(nodes: number): Promise<readonly CloudNode[]>;
  startMiner(node: CloudNode): Promise<ChildProcess>;
  stop(): Promise<void>;
}

const DEFAULT_PORT = 4600;

export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const { note, signal } = options;
  const own =
    options.endpoint === undefined
      ? await startEmulator({
          port: options.port ?? DEFAULT_PORT,
          note,
          ...(options.auth !== undefined && { auth: options.auth }),
          ...(options.account !== undefined && { account: options.account }),
        })
      : undefined;
  const endpoint = own?.endpoint ?? (options.endpoint as string);
  const env = { ...cleanEnv(), ...endpointEnv(endpoint, options.account) };
  const miners: ChildProcess[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(miners.map(stopChild));
    await own?.stop();
  };
  try {
    note('Preparing the account (cdk bootstrap)…');
    await runCdk(['bootstrap'], { env, note: quiet(note), ...(signal && { signal }) });
    if (options.auth === true) await openBootstrapBucket(env, options.account);
    const cloud: LocalCloud = {
      endpoint,
      env,
      nodes: await deploy(options, endpoint, env, options.nodes),
      deploy: (nodes) => deploy(options, endpoint, env, nodes),
      async startMiner(node) {
        const payTo = addressIn(options.context) ?? node.address;
        const child = await startMiner(node, env, payTo);
        miners.push(child);
        return child;
      },
      stop,
    };
    if (options.mining !== false) for (const node of cloud.nodes) await cloud.startMiner(node);
    return cloud;
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What `-c address=A` says. */
const addressIn = (context: readonly string[] = []): string | undefined =>
  context.find((pair) => pair.startsWith('address='))?.slice('address='.length);

/** The CDK's own lines are for who asks for them. */
const quiet =
  (note: (line: string) => void) =>
  (line: string): void => {
    if (process.env['STACKCHAIN_DEBUG']) note(line);
  };

async function deploy(
  options: LocalCloudOptions,
  endpoint: string,
  env: Readonly<Record<string, string>>,
  nodes: number,
): Promise<readonly CloudNode[]> {
  const { note, signal } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'stackchain-deploy-'));
  const outputsFile = join(scratch, 'outputs.json');
  note(`Deploying ${nodes} nodes…`);
  try {
    const context = [
      `nodes=${nodes}`,
      `emulator=${endpoint}`,
      ...(options.networkFile === undefined ? [] : [`network=${options.networkFile}`]),
      ...(options.context ?? []),
    ];
    await runCdk(
      [
        'deploy',
        '--all',
        ...['--concurrency', '4'],
        ...['--require-approval', 'never'],
        ...['--output', join(scratch, 'cdk.out')],
        ...['--outputs-file', outputsFile],
        ...context.flatMap((pair) => ['-c', pair]),
      ],
      {
        env,
        note: quiet(note),
        ...(signal && { signal }),
        ...(options.cwd && { cwd: options.cwd }),
      },
    );
    return await nodesOf(readOutputs(outputsFile), endpoint, options.account);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

const credentials = (account = '000000000000') => ({
  accessKeyId: account,
  secretAccessKey: 'test',
});

async function nodesOf(
  outputs: StackOutputs,
  endpoint: string,
  account: string | undefined,
): Promise<readonly CloudNode[]> {
  const client = createDynamoClient({
    endpoint,
    region: EMULATOR_REGION,
    credentials: credentials(account),
  });
  const nodes: CloudNode[] = [];
  for (const [stack, values] of Object.entries(outputs)) {
    const name = /^Stackchain-(node\d+)$/.exec(stack)?.[1];
    const { ApiUrl: url, WalletTableName: table } = values;
    if (name === undefined || url === undefined || table === undefined) continue;
    const token = await rotateToken(client, table);
    nodes.push({ name, url, outputs: values, token, address: await walletOf(url, token) });
  }
  client.destroy();
  return nodes.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** The node's first wallet; made if it has none. */
async function walletOf(url: string, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const list = await fetch(`${url}/v1/wallets?limit=1`, { headers });
  const [first] = ((await list.json()) as { items?: { address: string }[] }).items ?? [];
  if (first !== undefined) return first.address;
  const made = await fetch(`${url}/v1/wallets`, { method: 'POST', headers, body: '{}' });
  const { address } = (await made.json()) as { address?: string };
  if (address === undefined) throw remote(`Error: ${url} makes no wallet.`);
  return address;
}

/** The environment that the stack gave its functions is the miner's too. */
export async function minerEnvironment(
  node: CloudNode,
  env: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const { GetFunctionConfigurationCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const client = new LambdaClient({
    endpoint: env['AWS_ENDPOINT_URL'] as string,
    region: EMULATOR_REGION,
    credentials: credentials(env['AWS_ACCESS_KEY_ID']),
  });
  const FunctionName = node.outputs['ChainTableName']?.replace(/-chain$/, '-public');
  const answer = await client.send(new GetFunctionConfigurationCommand({ FunctionName }));
  client.destroy();
  return answer.Environment?.Variables ?? {};
}

async function startMiner(
  node: CloudNode,
  env: Readonly<Record<string, string>>,
  payTo: string,
): Promise<ChildProcess> {
  const variables = await minerEnvironment(node, env);
  return spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MINER, '--store'], {
    stdio: ['ignore', 'ignore', process.env['STACKCHAIN_DEBUG'] ? 'inherit' : 'ignore'],
    env: {
      ...env,
      ...variables,
      STACKCHAIN_FUNCTION: 'miner',
      STACKCHAIN_THREADS: '1',
      STACKCHAIN_MINING_ADDRESS: payTo,
    },
  });
}

/** With real IAM the bootstrap bucket refuses what does not come by TLS, and nothing here does. */
async function openBootstrapBucket(
  env: Readonly<Record<string, string>>,
  account: string | undefined,
): Promise<void> {
  const bucket = `cdk-hnb659fds-assets-${account ?? '000000000000'}-${EMULATOR_REGION}`;
  const answer = await fetch(`${env['AWS_ENDPOINT_URL']}/${bucket}?policy`, {
    method: 'DELETE',
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${account ?? '000000000000'}/20260101/${EMULATOR_REGION}/s3/aws4_request, SignedHeaders=host, Signature=0`,
    },
  });
  await answer.arrayBuffer();
}

export type { Emulator };
