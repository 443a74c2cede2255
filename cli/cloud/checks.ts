/** What a deploy to AWS needs, asked beforehand: each failure is one sentence that says what to do. */
import type { StackLine } from '../../functions/stack-line.ts';
import { awsLimits } from '../../lib/adapters/aws-limits.ts';
import { parseQueueArn } from '../../lib/ports/queue-arn.ts';
import { type CliError, remote, usage } from '../errors.ts';

const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';
/** Of the CDK's default synthesizer: `requiresBootstrapStackVersion` of each template's asset. */
const BOOTSTRAP_VERSION_MIN = 6;
/** Functions of one node that may run at once: inbox 5, sync 1, API 3, tick 1. */
const CONCURRENCY_PER_NODE = 10;
const VPCS_MAX_DEFAULT = 5;
/** "VPCs per Region" of Service Quotas. */
const VPC_QUOTA = { ServiceCode: 'vpc', QuotaCode: 'L-F678F1CE' };
const SHARED_TAG = 'Stackchain-shared';

/** What the SDK's clients are made with; endpoint and credentials only where they are not AWS's. */
export interface AwsConfig {
  readonly region: string;
  readonly endpoint?: string;
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface DeployPlan {
  readonly nodes: number;
  readonly hasFargate: boolean;
  readonly config: AwsConfig;
  /** The nodes of other accounts. */
  readonly foreignPeers: readonly StackLine[];
  readonly warn: (line: string) => void;
}

/** Throws with exit 4 at the first thing that would make the deploy fail; answers the account. */
export async function checkAws(plan: DeployPlan): Promise<string> {
  const account = await checkCredentials(plan.config);
  await checkBootstrap(account, plan.config);
  await checkConcurrency(plan);
  if (plan.hasFargate) await checkVpcs(plan.config);
  await checkPeers(plan);
  return account;
}

/** The region as the CDK finds it: environment, then the profile, then us-east-1. */
export async function regionFrom(
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const named = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'];
  if (named) return named;
  const { STSClient } = await import('@aws-sdk/client-sts');
  try {
    return await new STSClient(awsLimits()).config.region();
  } catch {
    return 'us-east-1';
  }
}

async function checkCredentials(config: AwsConfig): Promise<string> {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  try {
    const identity = await new STSClient({ ...awsLimits(), ...config }).send(
      new GetCallerIdentityCommand({}),
    );
    return identity.Account ?? '';
  } catch (cause) {
    throw credentialError(cause);
  }
}

/** What to say where a call was not even signed; undefined: it failed for another reason. */
export function withoutCredentials(cause: unknown): CliError | undefined {
  const { name, message } = cause as Error;
  if (!/CredentialsProviderError|Could not load credentials/.test(`${name} ${message}`)) return;
  return remote(
    'Error: no AWS credentials here; `aws configure`, `aws sso login` or AWS_PROFILE brings some.',
    cause,
  );
}

function credentialError(cause: unknown): CliError {
  const { name, message } = cause as Error;
  const seen = `${name} ${message}`;
  if (/expired/i.test(seen)) {
    return remote('Error: the AWS credentials have expired; sign in again.', cause);
  }
  const unsigned = withoutCredentials(cause);
  if (unsigned !== undefined) return unsigned;
  if (/ECONNREFUSED|ENOTFOUND|ETIMEDOUT|EAI_AGAIN|TimeoutError/.test(seen)) {
    return remote(`Error: AWS cannot be reached: ${message.split('\n')[0]}.`, cause);
  }
  return remote(`Error: AWS does not accept the credentials: ${name}.`, cause);
}

async function checkBootstrap(account: string, config: AwsConfig): Promise<void> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  const { region } = config;
  const command = `\`npx cdk bootstrap aws://${account}/${region}\``;
  let version: number;
  try {
    const answer = await new SSMClient({ ...awsLimits(), ...config }).send(
      new GetParameterCommand({ Name: BOOTSTRAP_PARAMETER }),
    );
    version = Number(answer.Parameter?.Value);
  } catch (cause) {
    const { name } = cause as Error;
    throw remote(
      name === 'ParameterNotFound'
        ? `Error: the account is not prepared in ${region}; run ${command}.`
        : `Error: whether the account is prepared in ${region} cannot be read: ${name}.`,
      cause,
    );
  }
  if (version >= BOOTSTRAP_VERSION_MIN) return;
  throw remote(
    `Error: the account was prepared in ${region} by an old CDK (version ${version}, ` +
      `${BOOTSTRAP_VERSION_MIN} is needed); run ${command} again.`,
  );
}

async function checkConcurrency({ nodes, config, warn }: DeployPlan): Promise<void> {
  const { GetAccountSettingsCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const answer = await asked('the Lambda limit', () =>
    new LambdaClient({ ...awsLimits(), ...config }).send(new GetAccountSettingsCommand({})),
  );
  const limit = answer.AccountLimit?.ConcurrentExecutions ?? 0;
  if (limit >= nodes * CONCURRENCY_PER_NODE) return;
  // It deploys all the same: nothing is reserved.
  warn(
    `${limit} functions may run at once in this account; ${nodes} nodes under load want ` +
      `${nodes * CONCURRENCY_PER_NODE}: calls above it are retried, or refused with 429.`,
  );
}

async function checkVpcs(config: AwsConfig): Promise<void> {
  const { DescribeVpcsCommand, EC2Client } = await import('@aws-sdk/client-ec2');
  const { Vpcs = [] } = await asked('the VPCs', () =>
    new EC2Client({ ...awsLimits(), ...config }).send(new DescribeVpcsCommand({})),
  );
  const isThere = Vpcs.some(({ Tags = [] }) =>
    Tags.some(({ Value = '' }) => Value.includes(SHARED_TAG)),
  );
  if (isThere || Vpcs.length < VPCS_MAX_DEFAULT) return;
  const quota = await vpcQuota(config);
  if (Vpcs.length < quota) return;
  throw remote(
    `Error: ${config.region} holds ${Vpcs.length} VPCs of ${quota}; raise the quota ` +
      `(${VPC_QUOTA.QuotaCode}), or deploy with --miner off.`,
  );
}

/** Whoever may not read quotas has the usual one, as far as we know. */
async function vpcQuota(config: AwsConfig): Promise<number> {
  const { GetServiceQuotaCommand, ServiceQuotasClient } = await import(
    '@aws-sdk/client-service-quotas'
  );
  try {
    const answer = await new ServiceQuotasClient({ ...awsLimits(), ...config }).send(
      new GetServiceQuotaCommand(VPC_QUOTA),
    );
    return answer.Quota?.Value ?? VPCS_MAX_DEFAULT;
  } catch {
    return VPCS_MAX_DEFAULT;
  }
}

/** A region's partition is told by its name: cn-north-1, us-gov-west-1. */
const partitionOfRegion = (region: string): string =>
  /^cn-/.test(region) ? 'aws-cn' : /^us-gov-/.test(region) ? 'aws-us-gov' : 'aws';

/**
 * A queue of another region takes our messages only where our account has that region switched on,
 * and none beyond its partition.
 */
async function checkPeers({ config, foreignPeers, warn }: DeployPlan): Promise<void> {
  const far = foreignPeers.flatMap(({ name, queue }) => {
    const arn = parseQueueArn(queue);
    return arn === undefined || arn.region === config.region ? [] : [{ ...arn, name }];
  });
  if (far.length === 0) return;
  const own = partitionOfRegion(config.region);
  for (const { name, region, partition } of far) {
    if (partition === own && partitionOfRegion(region) === own) continue;
    throw usage(
      `Error: the peer ${name} is in ${region}, which no queue of ${config.region} reaches.`,
    );
  }
  const { DescribeRegionsCommand, EC2Client } = await import('@aws-sdk/client-ec2');
  const { Regions = [] } = await asked('the regions', () =>
    new EC2Client({ ...awsLimits(), ...config }).send(
      new DescribeRegionsCommand({ AllRegions: true }),
    ),
  );
  const states = new Map(Regions.map(({ RegionName, OptInStatus }) => [RegionName, OptInStatus]));
  for (const { name, region } of far) {
    const state = states.get(region);
    if (state === undefined) {
      throw usage(`Error: the peer ${name} is in ${region}, which is no region of AWS.`);
    }
    if (state === 'not-opted-in') {
      throw remote(
        `Error: the peer ${name} is in ${region}, which this account has switched off; run ` +
          `\`aws account enable-region --region-name ${region}\`.`,
      );
    }
    warn(`the peer ${name} is in ${region}: what is sent there is billed as traffic.`);
  }
}

/** What AWS does not answer is the other side's failure, in one sentence. */
async function asked<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw remote(`Error: ${what} cannot be read: ${(cause as Error).name}.`, cause);
  }
}
