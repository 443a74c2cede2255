/** Settings of a node that no emulator obeys: as design and README say them, held against the template. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { createHarness } from '../unit/api/harness.ts';
import { NETWORK, resourcesOf, synth } from './helpers.ts';
import { resolve } from './roles.ts';

const ADDRESS = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const DAY_SECONDS = 86_400;
const template = synth(2).template();
const fargate = synth(2, { miner: 'fargate', miners: 2, miningAddress: ADDRESS }).template();
const nameOf = (kind: string): string => `stackchain-testnet-node0-${kind}`;

const functions = new Map(
  resourcesOf(template, 'AWS::Lambda::Function').map(([id, { Properties }]) => [id, Properties]),
);
const idOf = (kind: string): string | undefined =>
  [...functions].find(([, { FunctionName }]) => FunctionName === nameOf(kind))?.[0];

describe('the functions', () => {
  it.each([
    ['public', 512, 15],
    ['private', 512, 29],
    ['inbox', 1024, 30],
    ['sync', 1769, 300],
    ['tick', 256, 60],
  ])('%s has %i MB and %i s', (kind, MemorySize, Timeout) => {
    expect(functions.get(idOf(kind) ?? '')).toMatchObject({ MemorySize, Timeout });
  });

  it('tick is called every five minutes, and the next call is the second try', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(5 minutes)',
      State: 'ENABLED',
      Targets: [
        Match.objectLike({
          Arn: { 'Fn::GetAtt': [idOf('tick'), 'Arn'] },
          RetryPolicy: { MaximumRetryAttempts: 0 },
        }),
      ],
    });
  });
});

describe('the queues', () => {
  it('messages of another version or network cost no call', () => {
    const [[, mapping] = []] = resourcesOf(template, 'AWS::Lambda::EventSourceMapping');
    const { Filters } = mapping!.Properties['FilterCriteria'] as { Filters: { Pattern: string }[] };
    expect(Filters.map(({ Pattern }) => JSON.parse(Pattern))).toEqual([
      { body: { v: [{ numeric: ['=', 1] }], network: [NETWORK.genesisHash] } },
    ]);
    expect(mapping!.Properties['MaximumBatchingWindowInSeconds']).toBe(0);
  });

  it('dead letters are kept for two weeks', () => {
    template.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: nameOf('inbox-dlq'),
      MessageRetentionPeriod: 14 * DAY_SECONDS,
    });
  });
});

describe('the way of a call', () => {
  const integrations = new Map(resourcesOf(template, 'AWS::ApiGatewayV2::Integration'));
  /** `POST /v1/mine` → the function's name. */
  const targets = new Map(
    resourcesOf(template, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => {
      const integration = resolve(Properties['Target']).replace('integrations/', '');
      const uri = resolve(integrations.get(integration)?.Properties['IntegrationUri']);
      const fn = functions.get(uri.replace(/\.Arn$/, ''));
      return [String(Properties['RouteKey']), String(fn?.['FunctionName'])];
    }),
  );
  /** API Gateway's choice: the method before ANY, the whole path before a greedy one, else $default. */
  const targetOf = (method: string, path: string): string | undefined => {
    const greedy = [...targets.keys()].filter((key) => {
      const [, start] = /^\w+ (.*)\{proxy\+\}$/.exec(key) ?? [];
      return start !== undefined && path.startsWith(start) && path.length > start.length;
    });
    const tried = [`${method} ${path}`, `ANY ${path}`, ...greedy, '$default'];
    return targets.get(tried.find((key) => targets.has(key)) ?? '');
  };

  it('rows that want a token, and JSON-RPC, go to `private`, all others to `public`', async () => {
    const { app } = createHarness();
    const { paths } = (await (await app.request('/openapi.json')).json()) as {
      paths: Record<string, Record<string, { security?: unknown }>>;
    };
    const rows = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, { security }]) => [method.toUpperCase(), path, security !== undefined] as const,
      ),
    );
    expect(rows.filter(([, , isPrivate]) => isPrivate).length).toBeGreaterThanOrEqual(6);
    for (const [method, path, isPrivate] of [
      ...rows,
      ['POST', '/', true],
      ['POST', '/rpc', true],
      ['GET', '/', false],
      ['GET', '/docs', false],
      ['POST', '/api/tx', false],
    ] as const) {
      const expected = nameOf(isPrivate ? 'private' : 'public');
      expect(`${method} ${path} ${targetOf(method, path)}`).toBe(`${method} ${path} ${expected}`);
    }
  });
});

describe('the Fargate miner', () => {
  it('is told SIGTERM by way of process 1, and has half a minute', () => {
    fargate.hasResourceProperties('AWS::ECS::TaskDefinition', {
      Cpu: '256',
      Memory: '512',
      RuntimePlatform: { CpuArchitecture: 'ARM64' },
      ContainerDefinitions: Match.arrayWith([
        Match.objectLike({
          Name: 'miner',
          Image: Match.stringLikeRegexp('/node:24-slim$'),
          Command: ['node', '/opt/miner/main.mjs', '--store'],
          EntryPoint: Match.absent(),
          StopTimeout: 30,
          DependsOn: [{ ContainerName: 'fetch', Condition: 'SUCCESS' }],
          Environment: Match.arrayWith([{ Name: 'STACKCHAIN_MINING_ADDRESS', Value: ADDRESS }]),
        }),
      ]),
    });
  });

  it.each([
    ['fargate', 'FARGATE'],
    ['fargate-spot', 'FARGATE_SPOT'],
  ] as const)('%s runs so many tasks, each with an address of its own', (miner, provider) => {
    synth(1, { miner, miners: 2 })
      .template()
      .hasResourceProperties('AWS::ECS::Service', {
        DesiredCount: 2,
        CapacityProviderStrategy: [{ CapacityProvider: provider, Weight: 1 }],
        // Without one a task in a public subnet reaches neither queues nor the image.
        NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'ENABLED' } },
      });
  });
});

describe('alarms', () => {
  const alarm = (id: string, of = fargate): Record<string, unknown> | undefined =>
    resourcesOf(of, 'AWS::CloudWatch::Alarm').find(([name]) => name.includes(id))?.[1].Properties;

  it('silence of a miner that never stops is the fault', () => {
    // Ten spacings of fifteen seconds, in whole minutes.
    expect(alarm('NoBlock')).toMatchObject({
      MetricName: 'BlocksConnected',
      Period: 180,
      EvaluationPeriods: 1,
      Threshold: 1,
      ComparisonOperator: 'LessThanThreshold',
      TreatMissingData: 'breaching',
    });
    expect(alarm('NoHashRate')).toMatchObject({
      MetricName: 'HashRate',
      Period: 300,
      TreatMissingData: 'breaching',
    });
    for (const id of ['NoBlock', 'NoHashRate']) expect(alarm(id, template)).toBeUndefined();
  });

  it('a flood has tick called, which shuts the inbox; silence is none', () => {
    expect(alarm('Breaker', template)).toMatchObject({
      MetricName: 'NumberOfMessagesSent',
      Statistic: 'Sum',
      Period: 300,
      Threshold: 30_000,
      ComparisonOperator: 'GreaterThanThreshold',
      TreatMissingData: 'notBreaching',
      AlarmActions: [{ 'Fn::GetAtt': [idOf('tick'), 'Arn'] }],
    });
    template.hasResourceProperties('AWS::Lambda::Permission', {
      FunctionName: { 'Fn::GetAtt': [idOf('tick'), 'Arn'] },
      Principal: 'lambda.alarms.cloudwatch.amazonaws.com',
    });
  });

  it('one dead letter is enough', () => {
    expect(alarm('DlqNotEmpty', template)).toMatchObject({
      MetricName: 'ApproximateNumberOfMessagesVisible',
      Threshold: 0,
      ComparisonOperator: 'GreaterThanThreshold',
      EvaluationPeriods: 1,
    });
  });
});

describe('what neighbours are told', () => {
  it('names the ids of all roles that send, the miner’s too', () => {
    const line = resourcesOf(fargate, 'AWS::SSM::Parameter').find(
      ([, { Properties }]) => Properties['Name'] === '/stackchain/testnet/node0/peer',
    );
    const told = resolve(line?.[1].Properties['Value']).match(/\w+\.RoleId/g);
    const senders = resourcesOf(fargate, 'AWS::IAM::Role').filter(
      ([, { Properties }]) => Properties['RoleName'] !== undefined,
    );
    expect(told?.sort()).toEqual(senders.map(([id]) => `${id}.RoleId`).sort());
    expect(told).toHaveLength(6);
  });
});

describe('destroy', () => {
  it('leaves nothing but the wallets', () => {
    const kept = resourcesOf(fargate).filter(
      ([, { DeletionPolicy }]) => DeletionPolicy === 'Retain',
    );
    expect(kept.map(([, { Properties }]) => Properties['TableName'])).toEqual([nameOf('wallet')]);
  });
});
