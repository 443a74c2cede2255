/**
 * What of the app is deployed, whichever release put it there: the stacks by CloudFormation, and the
 * wallets that outlive them. Owns taking both away.
 */
import type { Stack } from '@aws-sdk/client-cloudformation';
import { awsLimits } from '../../lib/adapters/aws-limits.ts';
import { type CliError, remote } from '../errors.ts';
import { type AwsConfig, withoutCredentials } from './checks.ts';

const STACK = /^Stackchain-(?:(node\d+)|board|shared)$/;
const SHARED = 'Stackchain-shared';
const WALLET_TABLE = /^stackchain-(.+)-(node\d+)-wallet$/;
const WAIT_SECONDS_MAX = 1_800;

export const byNumber = (a: string, b: string): number =>
  a.localeCompare(b, 'en', { numeric: true });

const nodeOf = (stack: string): string | undefined => STACK.exec(stack)?.[1];

/** What AWS refused, or nobody answered, in one sentence. */
const failed = (what: string, cause: unknown): CliError =>
  withoutCredentials(cause) ?? remote(`Error: ${what}: ${(cause as Error).name}.`, cause);

/** The app's stacks, in whatever state. */
async function listStacks(config: AwsConfig): Promise<Stack[]> {
  const { CloudFormationClient, paginateDescribeStacks } = await import(
    '@aws-sdk/client-cloudformation'
  );
  const client = new CloudFormationClient({ ...awsLimits(), ...config });
  const found: Stack[] = [];
  try {
    for await (const { Stacks = [] } of paginateDescribeStacks({ client }, {})) {
      found.push(...Stacks.filter(({ StackName = '' }) => STACK.test(StackName)));
    }
  } catch (cause) {
    throw failed('the stacks cannot be read', cause);
  } finally {
    client.destroy();
  }
  return found;
}

/** `node0`, `node1`, …: also those whose deploy failed or is under way. */
export async function deployedNodes(config: AwsConfig): Promise<string[]> {
  const stacks = await listStacks(config);
  return stacks.flatMap(({ StackName = '' }) => nodeOf(StackName) ?? []).sort(byNumber);
}

/** Tells each node that a deploy has ended: all its hosts are of one release now. */
export async function tellDeployed(
  config: AwsConfig,
  network: string,
  nodes: readonly string[],
): Promise<void> {
  const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const { functionName } = await import('../../infra/names.ts');
  const client = new LambdaClient({ ...awsLimits(), ...config });
  const Payload = JSON.stringify({ deployed: true });
  await Promise.all(
    nodes.map((node) =>
      client.send(
        new InvokeCommand({
          FunctionName: functionName({ network, node }, 'tick'),
          InvocationType: 'Event',
          Payload,
        }),
      ),
    ),
  ).finally(() => client.destroy());
}

/**
 * Deletes the stacks of these nodes, and with the last of them what all share. Answers the nodes
 * whose stacks were there.
 */
export async function deleteStacks(
  config: AwsConfig,
  nodes: readonly string[] | 'all',
  note: (line: string) => void,
): Promise<string[]> {
  const names = (await listStacks(config)).map(({ StackName = '' }) => StackName);
  const goes = (stack: string): boolean => {
    const node = nodeOf(stack);
    return node === undefined ? false : nodes === 'all' || nodes.includes(node);
  };
  const isLast = names.every((stack) => nodeOf(stack) === undefined || goes(stack));
  const first = names.filter(
    (stack) => goes(stack) || (isLast && stack !== SHARED && !nodeOf(stack)),
  );
  await deleteAll(config, first, note);
  // Their miners run on it.
  if (isLast && names.includes(SHARED)) await deleteAll(config, [SHARED], note);
  return first.flatMap((stack) => nodeOf(stack) ?? []).sort(byNumber);
}

async function deleteAll(
  config: AwsConfig,
  stacks: readonly string[],
  note: (line: string) => void,
): Promise<void> {
  const { CloudFormationClient, DeleteStackCommand, waitUntilStackDeleteComplete } = await import(
    '@aws-sdk/client-cloudformation'
  );
  const client = new CloudFormationClient({ ...awsLimits(), ...config });
  const waiting = { client, maxWaitTime: WAIT_SECONDS_MAX, minDelay: 1, maxDelay: 10 };
  await Promise.all(
    stacks.map(async (StackName) => {
      try {
        await client.send(new DeleteStackCommand({ StackName }));
        await waitUntilStackDeleteComplete(waiting, { StackName });
      } catch (cause) {
        throw remote(
          `Error: ${StackName} cannot be deleted: ${await reasonOf(config, StackName, cause)}`,
          cause,
        );
      }
      note(`  ${StackName}: gone`);
    }),
  ).finally(() => client.destroy());
}

async function reasonOf(config: AwsConfig, name: string, cause: unknown): Promise<string> {
  const stacks = await listStacks(config);
  const found = stacks.find(({ StackName }) => StackName === name);
  return found?.StackStatusReason ?? `${(cause as Error).name}.`;
}

export interface Wallets {
  readonly node: string;
  readonly table: string;
  /** SSM SecureString that seals it. */
  readonly key: string;
}

/** The wallet tables that are there, with the names of their keys. `only`: of this network. */
export async function listWallets(
  config: AwsConfig,
  nodes: readonly string[] | 'all',
  only?: string,
): Promise<Wallets[]> {
  const { DynamoDBClient, paginateListTables } = await import('@aws-sdk/client-dynamodb');
  const { walletKeyParameter } = await import('../../infra/names.ts');
  const client = new DynamoDBClient({ ...awsLimits(), ...config });
  const found: Wallets[] = [];
  try {
    for await (const { TableNames = [] } of paginateListTables({ client }, {})) {
      for (const table of TableNames) {
        const [, network = '', node = ''] = WALLET_TABLE.exec(table) ?? [];
        if (node === '' || (nodes !== 'all' && !nodes.includes(node))) continue;
        if (only !== undefined && network !== only) continue;
        found.push({ node, table, key: walletKeyParameter({ network, node }) });
      }
    }
  } catch (cause) {
    throw failed('which wallets there are cannot be read', cause);
  } finally {
    client.destroy();
  }
  return found.sort((a, b) => byNumber(a.table, b.table));
}

/** For good: their coins are lost to whoever has no copy of the keys. */
export async function deleteWallets(config: AwsConfig, wallets: readonly Wallets[]): Promise<void> {
  const { DeleteTableCommand, DynamoDBClient, UpdateTableCommand, waitUntilTableExists } =
    await import('@aws-sdk/client-dynamodb');
  const { DeleteParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const dynamo = new DynamoDBClient({ ...awsLimits(), ...config });
  const ssm = new SSMClient({ ...awsLimits(), ...config });
  const remove = async ({ table: TableName, key: Name }: Wallets): Promise<void> => {
    await dynamo.send(new UpdateTableCommand({ TableName, DeletionProtectionEnabled: false }));
    await waitUntilTableExists({ client: dynamo, maxWaitTime: 120 }, { TableName });
    await dynamo.send(new DeleteTableCommand({ TableName }));
    await ssm.send(new DeleteParameterCommand({ Name })).catch((error: Error) => {
      // A node that never made a wallet has none.
      if (error.name !== 'ParameterNotFound') throw error;
    });
  };
  try {
    for (const one of wallets) {
      await remove(one).catch((cause: unknown) => {
        throw failed(`the wallets of ${one.node} cannot be deleted`, cause);
      });
    }
  } finally {
    dynamo.destroy();
    ssm.destroy();
  }
}
