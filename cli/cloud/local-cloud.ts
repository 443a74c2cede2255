/**
 * A cloud on this machine: the emulator, the real stacks deployed by the real CDK, and the miners as
 * processes in place of the Fargate tasks, which need Docker. Owns their life: when it ends, no
 * process and no port is left.
 */
import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rotateToken } from '../../functions/tokens.ts';
import { awsLimits } from '../../lib/adapters/aws-limits.ts';
import { createDynamoClient } from '../../lib/adapters/dynamodb-store.ts';
import { remote } from '../errors.ts';
import { progressOf, readOutputs, runCdk, type StackOutputs } from './cdk.ts';
import {
  cleanEnv,
  EMULATOR_ACCOUNT,
  EMULATOR_REGION,
  type Emulator,
  endpointEnv,
  probeEmulator,
  startEmulator,
} from './emulator.ts';
import { createKeeper, type Keeper } from './keeper.ts';

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
  /** Miners are started as processes; default true. */
  readonly mining?: boolean;
  /** So many a node; default 1. */
  readonly miners?: number;
  /** Who they pay; default each its node's first wallet. */
  readonly miningAddress?: string;
  /** Where network.json is kept, default the checkout. */
  readonly networkFile?: string;
  readonly context?: readonly string[];
  readonly note: (line: string) => void;
  readonly signal?: AbortSignal;
}

export interface LocalCloud {
  readonly endpoint: string;
  readonly nodes: readonly CloudNode[];
  readonly env: Readonly<Record<string, string>>;
  /** Deploys again, e.g. with more nodes, or from another checkout. */
  deploy(nodes: number, cwd?: string): Promise<readonly CloudNode[]>;
  startMiner(node: CloudNode): Promise<ChildProcess>;
  stop(): Promise<void>;
}

const DEFAULT_PORT = 4600;
/** A function's first call on an emulator starts a process, and the first wallet's key takes a second. */
const CALL_MS_MAX = 60_000;

const limited = (ms: number, signal: AbortSignal | undefined): AbortSignal =>
  AbortSignal.any([AbortSignal.timeout(ms), ...(signal ? [signal] : [])]);

interface Ground {
  readonly options: LocalCloudOptions;
  readonly endpoint: string;
  readonly env: Readonly<Record<string, string>>;
  readonly keeper: Keeper;
}

/** Whatever happens, and however this process ends: nothing of it is left running. */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const { note, signal, mining = true, miners = 1 } = options;
  const keeper = createKeeper();
  try {
    const endpoint = await findEndpoint(options, keeper);
    const env = { ...cleanEnv(), ...endpointEnv(endpoint, options.account) };
    const ground: Ground = { options, endpoint, env, keeper };
    note('Preparing the account (cdk bootstrap)…');
    const account = options.account ?? EMULATOR_ACCOUNT;
    // The account is named, and no cdk.json is near: the app need not be run to tell.
    const cwd = keeper.scratch('stackchain-bootstrap-');
    await runCdk(['bootstrap', `aws://${account}/${EMULATOR_REGION}`], {
      env,
      note: progressOf(note),
      keeper,
      cwd,
      ...(signal && { signal }),
    });
    if (options.auth === true) await openBootstrapBucket(env, options.account);
    const cloud: LocalCloud = {
      endpoint,
      env,
      nodes: await deploy(ground, options.nodes),
      deploy: (nodes, cwd) => deploy(ground, nodes, cwd),
      startMiner: (node) => startMiner(node, ground),
      stop: () => keeper.close(),
    };
    for (const node of mining ? cloud.nodes : []) {
      for (let i = 0; i < miners; i++) await cloud.startMiner(node);
    }
    signal?.throwIfAborted();
    return cloud;
  } catch (error) {
    await keeper.close();
    throw error;
  }
}

/** The emulator that runs already, if it does, or one of our own. */
async function findEndpoint(options: LocalCloudOptions, keeper: Keeper): Promise<string> {
  const { endpoint, auth, account, note, signal } = options;
  if (endpoint === undefined) {
    const { endpoint } = await startEmulator({
      port: options.port ?? DEFAULT_PORT,
      note,
      keeper,
      ...(auth !== undefined && { auth }),
      ...(account !== undefined && { account }),
      ...(signal && { signal }),
    });
    return endpoint;
  }
  await probeEmulator(endpoint, signal);
  return endpoint;
}

async function deploy(
  { options, endpoint, env, keeper }: Ground,
  nodes: number,
  cwd?: string,
): Promise<readonly CloudNode[]> {
  const { note, signal } = options;
  const scratch = keeper.scratch('stackchain-deploy-');
  const outputsFile = join(scratch, 'outputs.json');
  note(`Deploying ${nodes} nodes…`);
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
      ...['--require-approval', 'never', '--import-existing-resources'],
      ...['--output', join(scratch, 'cdk.out')],
      ...['--outputs-file', outputsFile],
      ...context.flatMap((pair) => ['-c', pair]),
    ],
    { env, note: progressOf(note), keeper, ...(signal && { signal }), ...(cwd && { cwd }) },
  );
  return nodesOf(readOutputs(outputsFile), endpoint, options);
}

const credentials = (account = '000000000000') => ({
  accessKeyId: account,
  secretAccessKey: 'test',
});

async function nodesOf(
  outputs: StackOutputs,
  endpoint: string,
  { account, signal }: Pick<LocalCloudOptions, 'account' | 'signal'>,
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
    nodes.push({ name, url, outputs: values, token, address: await walletOf(url, token, signal) });
  }
  client.destroy();
  return nodes.sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** The node's first wallet; made if it has none. */
async function walletOf(
  url: string,
  token: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const ask = async (path: string, init: RequestInit): Promise<unknown> =>
    (
      await fetch(`${url}${path}`, { ...init, headers, signal: limited(CALL_MS_MAX, signal) })
    ).json();
  const list = (await ask('/v1/wallets?limit=1', {})) as { items?: { address: string }[] };
  const [first] = list.items ?? [];
  if (first !== undefined) return first.address;
  const made = await ask('/v1/wallets', { method: 'POST', body: '{}' });
  const { address } = made as { address?: string };
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
    ...awsLimits(),
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
  { env, keeper, options }: Ground,
): Promise<ChildProcess> {
  const variables = await minerEnvironment(node, env);
  const args = ['--disable-warning=ExperimentalWarning', MINER, '--store'];
  return keeper.spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', process.env['STACKCHAIN_DEBUG'] ? 'inherit' : 'ignore'],
    env: {
      ...env,
      ...variables,
      STACKCHAIN_FUNCTION: 'miner',
      STACKCHAIN_THREADS: '1',
      STACKCHAIN_MINING_ADDRESS: options.miningAddress ?? node.address,
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
    signal: AbortSignal.timeout(CALL_MS_MAX),
    headers: {
      authorization: `AWS4-HMAC-SHA256 Credential=${account ?? '000000000000'}/20260101/${EMULATOR_REGION}/s3/aws4_request, SignedHeaders=host, Signature=0`,
    },
  });
  await answer.arrayBuffer();
}

export type { Emulator };
