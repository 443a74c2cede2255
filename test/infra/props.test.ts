/** Each prop of a NodeStack changes what it says, and nothing where it is not given. */
import { Stack } from 'aws-cdk-lib';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { describe, expect, it } from 'vitest';
import { resourcesOf, synth } from './helpers.ts';

const KEY_ARN = 'arn:aws:kms:eu-west-1:111111111111:key/wallets';
const TREASURY_ARN = 'arn:aws:kms:eu-west-1:111111111111:key/treasury';
const keyOf = (arn: string) => Key.fromKeyArn(new Stack(), 'Key', arn);

type Statement = {
  Sid?: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, Record<string, unknown>>;
};
const statements = (template: Template, type = 'AWS::IAM::Policy') =>
  resourcesOf(template, type).flatMap(([name, { Properties }]) =>
    (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement.map((statement) => ({
      name,
      ...statement,
    })),
  );
const withAction = (template: Template, action: string) =>
  statements(template).filter(({ Action }) => [Action].flat().includes(action));

describe('bounds', () => {
  it('maxima of the chain table', () => {
    synth(1, { writeUnitsMax: 50, readUnitsMax: 60 })
      .template()
      .hasResourceProperties('AWS::DynamoDB::Table', {
        TableName: 'stackchain-testnet-node0-chain',
        OnDemandThroughput: { MaxWriteRequestUnits: 50, MaxReadRequestUnits: 60 },
      });
  });

  it('reserved concurrency, of the functions named alone', () => {
    const template = synth(1, { reservedConcurrency: { inbox: 5, public: 20 } }).template();
    const reserved = resourcesOf(template, 'AWS::Lambda::Function').flatMap(([, r]) => {
      const { FunctionName, ReservedConcurrentExecutions: count } = r.Properties;
      return count === undefined ? [] : [[FunctionName, count]];
    });
    expect(Object.fromEntries(reserved)).toEqual({
      'stackchain-testnet-node0-inbox': 5,
      'stackchain-testnet-node0-public': 20,
    });
  });

  it('a budget that writes when it is reached and when it is foreseen', () => {
    const email = 'ops@example.com';
    const template = synth(1, { budget: { usd: 25, email } }).template();
    const letter = (NotificationType: string) => ({
      Notification: Match.objectLike({ NotificationType, Threshold: 100 }),
      Subscribers: [{ SubscriptionType: 'EMAIL', Address: email }],
    });
    template.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: {
        BudgetLimit: { Amount: 25, Unit: 'USD' },
        BudgetType: 'COST',
        TimeUnit: 'MONTHLY',
      },
      NotificationsWithSubscribers: [letter('ACTUAL'), letter('FORECASTED')],
    });
    synth(1).template().resourceCountIs('AWS::Budgets::Budget', 0);
  });
});

describe('keys', () => {
  const template = synth(1, {
    walletKey: keyOf(KEY_ARN),
    treasuryKey: keyOf(TREASURY_ARN),
  }).template();
  const privateName = 'stackchain-testnet-node0-private';

  it('that seal wallets are used by `private`, by way of SSM only', () => {
    const [use, ...others] = withAction(template, 'kms:Decrypt');
    expect(others).toEqual([]);
    expect(use?.name).toMatch(/private/i);
    expect(use?.Action).toEqual(['kms:Encrypt', 'kms:Decrypt']);
    expect(use?.Resource).toBe(KEY_ARN);
    expect(JSON.stringify(use?.Condition)).toContain('kms:ViaService');
  });

  it('that sign are used by `private`, to sign only', () => {
    const [use, ...others] = withAction(template, 'kms:Sign');
    expect(others).toEqual([]);
    expect(use?.name).toMatch(/private/i);
    expect(use?.Action).toEqual(['kms:GetPublicKey', 'kms:Sign']);
    expect(use?.Resource).toBe(TREASURY_ARN);
  });

  it('are told to `private` and to nobody else', () => {
    for (const [, { Properties }] of resourcesOf(template, 'AWS::Lambda::Function')) {
      const { FunctionName, Environment } = Properties as {
        FunctionName: string;
        Environment: { Variables: Record<string, string> };
      };
      const { STACKCHAIN_WALLET_KMS_KEY: seals, STACKCHAIN_TREASURY_KMS_KEY: signs } =
        Environment.Variables;
      const expected = FunctionName === privateName ? [KEY_ARN, TREASURY_ARN] : [];
      expect([seals, signs].filter((arn) => arn !== undefined)).toEqual(expected);
    }
    // Not given: SSM's own key, which costs nothing, and no right to any.
    expect(JSON.stringify(synth(1).template().toJSON())).not.toContain('kms:');
  });
});

describe('who is told and let in', () => {
  it('every alarm tells the actions; the breaker still calls its function', () => {
    const stack = new Stack();
    const topic = Topic.fromTopicArn(stack, 'Topic', 'arn:aws:sns:eu-west-1:111111111111:ops');
    const template = synth(1, {
      miner: 'fargate',
      alarmActions: [new SnsAction(topic)],
    }).template();
    const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm');
    expect(alarms.length).toBeGreaterThanOrEqual(9);
    for (const [name, { Properties }] of alarms) {
      const actions = Properties['AlarmActions'] as unknown[];
      expect(actions, name).toContain(topic.topicArn);
      expect(actions.length).toBe(/Breaker/.test(name) ? 2 : 1);
    }
  });

  it('an organization’s nodes of this network, by its id', () => {
    const template = synth(1, { organization: 'o-abc123' }).template();
    const found = statements(template, 'AWS::SQS::QueuePolicy').filter(
      ({ Sid }) => Sid === 'Organization',
    );
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      Action: 'sqs:SendMessage',
      Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-abc123' } },
    });
    expect(JSON.stringify(found[0]?.Condition)).toContain(':role/stackchain-testnet-*');
  });
});

describe('the rest', () => {
  it.each(['off', 'lambda', 'fargate'] as const)('logs are kept so long, miner %s', (miner) => {
    const template = synth(1, { miner, logRetention: RetentionDays.ONE_MONTH }).template();
    const groups = resourcesOf(template, 'AWS::Logs::LogGroup');
    expect(groups.length).toBeGreaterThanOrEqual(6);
    for (const [, { Properties }] of groups) expect(Properties['RetentionInDays']).toBe(30);
  });

  it('a restored table is used in place of the stack’s own', () => {
    const template = synth(1, { restoredTable: 'chain-of-yesterday' }).template();
    const tables = resourcesOf(template, 'AWS::DynamoDB::Table');
    expect(tables.map(([, { Properties }]) => Properties['TableName']).sort()).toEqual([
      'chain-of-yesterday',
      'stackchain-testnet-node0-wallet',
    ]);
  });

  it('traces are off, and on where they are asked for', () => {
    const modes = (template: Template) =>
      new Set(
        resourcesOf(template, 'AWS::Lambda::Function').map(([, { Properties }]) =>
          JSON.stringify(Properties['TracingConfig'] ?? 'off'),
        ),
      );
    expect([...modes(synth(1).template())]).toEqual(['"off"']);
    expect([...modes(synth(1, { tracing: true }).template())]).toEqual(['{"Mode":"Active"}']);
  });

  it('a task of one’s own image, on x86', () => {
    const image = 'example.com/miner:1';
    const template = synth(1, {
      miner: 'fargate',
      minerImage: image,
      minerArchitecture: 'x86',
      miners: 3,
    }).template();
    template.hasResourceProperties('AWS::ECS::TaskDefinition', {
      ContainerDefinitions: [Match.objectLike({ Image: image, Command: Match.absent() })],
      RuntimePlatform: { CpuArchitecture: 'X86_64' },
      Volumes: Match.absent(),
    });
    template.hasResourceProperties('AWS::ECS::Service', { DesiredCount: 3 });
  });

  it('without TLS the policy of the queues refuses nobody for it', () => {
    const refuses = (template: Template) =>
      JSON.stringify(statements(template, 'AWS::SQS::QueuePolicy')).includes('SecureTransport');
    expect(refuses(synth(1).template())).toBe(true);
    const lax = synth(1, { tlsOnly: false, organization: 'o-abc123' }).template();
    expect(refuses(lax)).toBe(false);
  });
});
