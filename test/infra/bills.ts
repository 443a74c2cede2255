/**
 * What each type of resource is billed by, and on which line of the README's table that stands. Owns
 * the list: a type that is not in it, or one that is set up so that it bills by time on no line, is
 * named by `unnamedBills`.
 */
import type { Template } from 'aws-cdk-lib/assertions';
import type { Line } from '../../bench/prices/model.ts';
import { resourcesOf } from './helpers.ts';

type Properties = Readonly<Record<string, unknown>>;

interface Billing {
  /** `nothing`: free; `use`: only by what is done with it; else by time. */
  readonly by: 'nothing' | 'use' | 'time';
  /** Lines of the table that it is billed on. `dashboard`: in the last row. */
  readonly lines: readonly (Line | 'dashboard')[];
  /** Why this one bills by time, though its type does not have to; undefined: it does not. */
  readonly fault?: (properties: Properties) => string | undefined;
}

const FREE: Billing = { by: 'nothing', lines: [] };

/** Shortest period of an alarm that is not billed as a high-resolution one. */
const ALARM_PERIOD_MIN = 60;

function tableFault(properties: Properties): string | undefined {
  if (properties['BillingMode'] !== 'PAY_PER_REQUEST') return 'provisioned capacity';
  const more = ['GlobalSecondaryIndexes', 'LocalSecondaryIndexes', 'StreamSpecification'];
  const found = more.find((name) => properties[name] !== undefined);
  const sse = properties['SSESpecification'] as { KMSMasterKeyId?: unknown } | undefined;
  return sse?.KMSMasterKeyId === undefined ? found : 'a key of KMS';
}

function alarmFault(properties: Properties): string | undefined {
  const { Period, Metrics = [] } = properties as {
    Period?: number;
    Metrics?: { MetricStat?: { Period: number }; Expression?: string }[];
  };
  if (Metrics.some(({ Expression }) => /SEARCH|SELECT/.test(Expression ?? ''))) return 'a search';
  const periods = Metrics.flatMap(({ MetricStat }) => MetricStat?.Period ?? []);
  const isFine = [...(Period === undefined ? [] : [Period]), ...periods].some(
    (period) => period < ALARM_PERIOD_MIN,
  );
  return isFine ? 'high resolution' : undefined;
}

const pollers = (properties: Properties): string | undefined =>
  properties['ProvisionedPollerConfig'] === undefined ? undefined : 'pollers of its own';

export const BILLS: Readonly<Record<string, Billing>> = {
  'AWS::CDK::Metadata': FREE,
  'AWS::IAM::Role': FREE,
  'AWS::IAM::Policy': FREE,
  'AWS::SQS::QueuePolicy': FREE,
  'AWS::Lambda::Permission': FREE,
  'AWS::Lambda::EventInvokeConfig': FREE,
  'AWS::ApiGatewayV2::Integration': {
    ...FREE,
    fault: ({ ConnectionType }) => (ConnectionType === 'VPC_LINK' ? 'a VPC link' : undefined),
  },
  'AWS::ApiGatewayV2::Route': FREE,
  'AWS::Budgets::Budget': {
    ...FREE,
    fault: ({ ActionThreshold }) => (ActionThreshold === undefined ? undefined : 'an action'),
  },
  'AWS::SSM::Parameter': {
    ...FREE,
    fault: ({ Tier = 'Standard' }) => (Tier === 'Standard' ? undefined : 'an advanced parameter'),
  },
  /** The rule is free; what it calls is not, and goes on while nothing happens. */
  'AWS::Events::Rule': {
    by: 'time',
    lines: ['Lambda', 'Logs', 'DynamoDB units', 'HTTP API'],
    fault: ({ ScheduleExpression }) =>
      /^rate\(([5-9]|\d\d+) minutes\)$|^rate\(\d+ hours?\)$/.test(String(ScheduleExpression))
        ? undefined
        : `a schedule of ${ScheduleExpression}`,
  },
  'AWS::DynamoDB::Table': {
    by: 'time',
    lines: ['DynamoDB units', 'DynamoDB storage, backups'],
    fault: tableFault,
  },
  'AWS::Logs::LogGroup': {
    by: 'use',
    lines: ['Logs'],
    fault: ({ RetentionInDays }) => (RetentionInDays === undefined ? 'logs for ever' : undefined),
  },
  'AWS::SQS::Queue': {
    by: 'use',
    lines: ['SQS'],
    fault: ({ KmsMasterKeyId }) => (KmsMasterKeyId === undefined ? undefined : 'a key of KMS'),
  },
  /** Lambda asks the queue all day. */
  'AWS::Lambda::EventSourceMapping': { by: 'time', lines: ['SQS'], fault: pollers },
  'AWS::Lambda::Function': {
    by: 'use',
    lines: ['Lambda'],
    fault: ({ VpcConfig, SnapStart, KmsKeyArn }) =>
      [VpcConfig, SnapStart, KmsKeyArn].some((each) => each !== undefined)
        ? 'a network, a snapshot or a key of its own'
        : undefined,
  },
  'AWS::ApiGatewayV2::Api': {
    by: 'use',
    lines: ['HTTP API'],
    fault: ({ ProtocolType }) => (ProtocolType === 'HTTP' ? undefined : `${ProtocolType}`),
  },
  'AWS::ApiGatewayV2::Stage': { by: 'use', lines: ['HTTP API', 'Logs'] },
  'AWS::CloudWatch::Alarm': { by: 'time', lines: ['Alarms'], fault: alarmFault },
  'AWS::CloudWatch::Dashboard': { by: 'time', lines: ['dashboard'] },

  // With a Fargate miner.
  'AWS::ECS::Cluster': {
    ...FREE,
    fault: ({ ClusterSettings }) =>
      /"enabled"|"enhanced"/.test(JSON.stringify(ClusterSettings ?? '')) ? 'insights' : undefined,
  },
  'AWS::ECS::TaskDefinition': {
    by: 'use',
    lines: ['Fargate task'],
    fault: ({ EphemeralStorage }) => (EphemeralStorage === undefined ? undefined : 'more disk'),
  },
  'AWS::ECS::Service': { by: 'time', lines: ['Fargate task', 'Public IPv4 address'] },
  'AWS::EC2::VPC': FREE,
  'AWS::EC2::Subnet': FREE,
  'AWS::EC2::RouteTable': FREE,
  'AWS::EC2::SubnetRouteTableAssociation': FREE,
  'AWS::EC2::Route': FREE,
  'AWS::EC2::InternetGateway': FREE,
  'AWS::EC2::VPCGatewayAttachment': FREE,
  'AWS::EC2::SecurityGroup': FREE,
  'AWS::EC2::VPCEndpoint': {
    ...FREE,
    fault: ({ VpcEndpointType }) =>
      VpcEndpointType === 'Gateway' ? undefined : `an endpoint of the kind ${VpcEndpointType}`,
  },
};

/** What bills by time and is named nowhere: a sentence each. */
export const unnamedBills = (template: Template): string[] =>
  resourcesOf(template).flatMap(([name, { Type, Properties }]) => {
    const billing = BILLS[Type];
    if (billing === undefined) return [`${name}: nobody said what bills ${Type}`];
    const fault = billing.fault?.(Properties);
    return fault === undefined ? [] : [`${name}: ${fault}`];
  });
