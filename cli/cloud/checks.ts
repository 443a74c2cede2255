/** What a deploy to AWS needs, asked beforehand: each failure is one sentence that says what to do. */
import { remote } from '../errors.ts';

const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';
/** Functions of one node that may run at once: inbox 5, sync 1, API 3, tick 1. */
const CONCURRENCY_PER_NODE = 10;
const VPCS_MAX_DEFAULT = 5;
const SHARED_TAG = 'Stackchain-shared';

export interface DeployPlan {
  readonly nodes: number;
  readonly hasFargate: boolean;
  readonly region: string;
  readonly note: (line: string) => void;
}

/** Throws with exit 4 at the first thing that would make the deploy fail. */
export async function checkAws(plan: DeployPlan): Promise<void> {
  const account = await checkCredentials(plan.region);
  await checkBootstrap(account, plan.region);
  await checkConcurrency(plan);
  if (plan.hasFargate) await checkVpcs(plan.region);
}

async function checkCredentials(region: string): Promise<string> {
  const { GetCallerIdentityCommand, STSClient } = await import('@aws-sdk/client-sts');
  try {
    const identity = await new STSClient({ region }).send(new GetCallerIdentityCommand({}));
    return identity.Account ?? '';
  } catch (cause) {
    throw remote('Error: no AWS credentials that work; try `aws sts get-caller-identity`.', cause);
  }
}

async function checkBootstrap(account: string, region: string): Promise<void> {
  const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
  try {
    await new SSMClient({ region }).send(new GetParameterCommand({ Name: BOOTSTRAP_PARAMETER }));
  } catch (cause) {
    throw remote(
      `Error: the account is not prepared in ${region}; run \`npx cdk bootstrap aws://${account}/${region}\`.`,
      cause,
    );
  }
}

async function checkConcurrency({ nodes, region, note }: DeployPlan): Promise<void> {
  const { GetAccountSettingsCommand, LambdaClient } = await import('@aws-sdk/client-lambda');
  const answer = await new LambdaClient({ region }).send(new GetAccountSettingsCommand({}));
  const limit = answer.AccountLimit?.ConcurrentExecutions ?? 0;
  if (limit < nodes * CONCURRENCY_PER_NODE) {
    note(
      `Warning: ${limit} functions may run at once in this account; ${nodes} nodes under load want ` +
        `${nodes * CONCURRENCY_PER_NODE}: calls above it are retried, or refused with 429.`,
    );
  }
}

async function checkVpcs(region: string): Promise<void> {
  const { DescribeVpcsCommand, EC2Client } = await import('@aws-sdk/client-ec2');
  const { Vpcs = [] } = await new EC2Client({ region }).send(new DescribeVpcsCommand({}));
  const isThere = Vpcs.some(({ Tags = [] }) =>
    Tags.some(({ Value = '' }) => Value.includes(SHARED_TAG)),
  );
  if (!isThere && Vpcs.length >= VPCS_MAX_DEFAULT) {
    throw remote(
      `Error: ${region} holds ${Vpcs.length} VPCs, the usual limit; raise the quota, or deploy with --miner off.`,
    );
  }
}
