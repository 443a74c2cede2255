/**
 * Trouble made on purpose in an emulated cloud, and what would tell of it. Owns killing functions in
 * the midst of their work, the secrets that a node's table holds, and the data of deployed alarms.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { GetQueueUrlCommand } from '@aws-sdk/client-sqs';
import { SSMClient } from '@aws-sdk/client-ssm';
import { EMULATOR_REGION } from '../../cli/cloud/emulator.ts';
import { walletKeyParameter } from '../../infra/names.ts';
import { createDynamoVault } from '../../lib/adapters/dynamodb-vault.ts';
import { createSsmKey } from '../../lib/adapters/ssm-key.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import { createKeystore } from '../../lib/wallet/keystore.ts';
import { dynamoClientOn } from '../helpers/dynamodb.ts';
import { awsJson, CREDENTIALS, type TestCloud } from './cloud.ts';

const environmentOf = (pid: string): string => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return ''; // It ended meanwhile, or is somebody else's.
  }
};

/** Only where processes can be told apart, and are our emulator's. */
export const CAN_KILL =
  process.platform === 'linux' && process.env['AWS_ENDPOINT_URL'] === undefined;

/**
 * Kills one process, taken by chance, of those that run this cloud's functions (`name`: whose names
 * end so); false: there is none.
 * An emulator in another place (AWS_ENDPOINT_URL, containers) shows none: nothing is killed there.
 */
export function killOne({ cloud }: TestCloud, name = ''): boolean {
  if (!CAN_KILL) return false;
  const workers = readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const variables = environmentOf(pid).split('\0');
    return (
      variables.includes(`AWS_ENDPOINT_URL=${cloud.endpoint}`) &&
      variables.some(
        (text) => text.startsWith('AWS_LAMBDA_FUNCTION_NAME=stackchain-') && text.endsWith(name),
      )
    );
  });
  const pid = workers[Math.floor(Math.random() * workers.length)];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 'SIGKILL');
  } catch {
    return false;
  }
  return true;
}

/** Everything that nobody but a node's wallets may see: phrase, keys in each form, seal, token. */
export async function secretsOf(world: TestCloud, index: number): Promise<string[]> {
  const node = world.nodes()[index];
  if (node === undefined) throw new Error(`no node ${index}`);
  const config = { endpoint: world.cloud.endpoint, region: EMULATOR_REGION };
  const ssm = new SSMClient({ ...config, credentials: CREDENTIALS });
  const name = walletKeyParameter({ network: world.params.name, node: node.name });
  const key = createSsmKey({ client: ssm, name, random: systemRandom });
  const client = dynamoClientOn(world.cloud.endpoint);
  const table = node.outputs['WalletTableName'] ?? '';
  const { addressVersion, wifVersion } = world.params;
  const keystore = await createKeystore({
    vault: createDynamoVault({ client, table, key, random: systemRandom }),
    random: systemRandom,
    addressVersion,
    wifVersion,
  });
  const seal = Buffer.from((await key.read()) ?? []);
  const phrase = await keystore.phrase();
  const addresses = await keystore.addresses();
  const wifs = await Promise.all(addresses.map((address) => keystore.exportWif(address)));
  const found = [phrase, ...wifs, seal.toString('base64'), seal.toString('hex'), node.token];
  found.push(Buffer.from(`x:${node.token}`).toString('base64'));
  ssm.destroy();
  client.destroy();
  const secrets = found.filter((text) => text !== undefined && text !== '') as string[];
  if (secrets.length < 5 + addresses.length) throw new Error(`${node.name} has no wallet`);
  return secrets;
}

/** Where a text stands in the logs, with what is around it cut away: never show a secret. */
export const countIn = (logs: string, text: string): number => logs.split(text).length - 1;

interface Alarm {
  readonly AlarmName: string;
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly { readonly Name: string; readonly Value: string }[];
}

const monitoring = <T>({ cloud }: TestCloud, call: string, body: object): Promise<T> =>
  awsJson<T>(cloud.endpoint, 'monitoring', `GraniteServiceVersion20100801.${call}`, body);

/** A deployed alarm of a node by the end of its id in infra/constructs/observability.ts. */
async function alarmOf(world: TestCloud, node: number, id: string): Promise<Alarm> {
  const stack = `Stackchain-${world.nodes()[node]?.name}-`;
  const all = await monitoring<{ MetricAlarms: Alarm[] }>(world, 'DescribeAlarms', {});
  const found = all.MetricAlarms.find(
    ({ AlarmName }) => AlarmName.startsWith(stack) && AlarmName.includes(id.replace('-', '')),
  );
  if (found === undefined) throw new Error(`${stack} has no alarm ${id}`);
  return found;
}

/**
 * The sum of what an alarm's own metric got so far: from the emulator where it has AWS's metric, from
 * the lines in the logs where it is ours (CloudWatch makes metrics of them, the emulator does not).
 */
export async function alarmData(world: TestCloud, node: number, id: string): Promise<number> {
  const { Namespace, MetricName, Dimensions } = await alarmOf(world, node, id);
  if (Namespace === 'AWS/SQS') {
    const QueueName = Dimensions.find(({ Name }) => Name === 'QueueName')?.Value;
    const { QueueUrl } = await world.sqs.send(new GetQueueUrlCommand({ QueueName }));
    return world.waitingIn(QueueUrl ?? '');
  }
  if (Namespace === 'Stackchain') return sumOfLines(await world.logs(), MetricName, Dimensions);
  const seconds = Date.now() / 1000;
  const { Datapoints = [] } = await monitoring<{ Datapoints?: { Sum: number }[] }>(
    world,
    'GetMetricStatistics',
    {
      Namespace,
      MetricName,
      Dimensions,
      StartTime: seconds - 3600,
      EndTime: seconds + 60,
      Period: 60,
      Statistics: ['Sum'],
    },
  );
  return Datapoints.reduce((sum, point) => sum + point.Sum, 0);
}

/** Values of one of our metrics under exactly these dimensions, added up. */
export function sumOfLines(
  logs: string,
  metric: string,
  dimensions: readonly { readonly Name: string; readonly Value: string }[],
): number {
  const wanted = dimensions.map(({ Name }) => Name).sort();
  let sum = 0;
  for (const line of logs.split('\n')) {
    if (!line.includes('"_aws"') || !line.includes(`"${metric}"`)) continue;
    const values = JSON.parse(line) as Record<string, unknown> & {
      _aws: { CloudWatchMetrics: { Dimensions: string[][] }[] };
    };
    const sets = values._aws.CloudWatchMetrics.flatMap(({ Dimensions }) => Dimensions);
    const isOurs = sets.some((set) => [...set].sort().join() === wanted.join());
    if (!isOurs || dimensions.some(({ Name, Value }) => values[Name] !== Value)) continue;
    for (const value of [values[metric]].flat()) sum += Number(value);
  }
  return sum;
}
