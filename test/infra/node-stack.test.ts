/** What no emulator shows, asserted on the synthesized templates. */
import { Match } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { PRIVATE_ROUTES } from '../../infra/constructs/api.ts';
import { FUNCTION_NAMES } from '../../infra/names.ts';
import { FOREIGN, resourcesOf, synth } from './helpers.ts';

const three = synth(3);
const template = three.template();
const fargate = synth(2, { miner: 'fargate' });
const text = (value: unknown): string => JSON.stringify(value);

describe('functions', () => {
  const functions = resourcesOf(template, 'AWS::Lambda::Function');

  it('are five, on Node 24 and ARM', () => {
    expect(functions.length).toBe(FUNCTION_NAMES.length);
    for (const [, { Properties }] of functions) {
      expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] });
    }
  });

  it('inbox and sync may call themselves by way of queues, no other', () => {
    const looping = functions.filter(
      ([, { Properties }]) => Properties['RecursiveLoop'] === 'Allow',
    );
    expect(looping.map(([, { Properties }]) => Properties['FunctionName']).sort()).toEqual([
      'stackchain-testnet-node0-inbox',
      'stackchain-testnet-node0-sync',
    ]);
  });

  it('reserve no concurrency: new accounts have ten, and the deploy would fail', () => {
    expect(text(functions)).not.toContain('ReservedConcurrentExecutions');
  });

  it('keep logs for two weeks', () => {
    const groups = resourcesOf(template, 'AWS::Logs::LogGroup');
    expect(groups.length).toBe(FUNCTION_NAMES.length + 1);
    for (const [, { Properties }] of groups) expect(Properties['RetentionInDays']).toBe(14);
  });

  it('a failed sync call ends in the dead-letter queue', () => {
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      DestinationConfig: { OnFailure: { Destination: Match.anyValue() } },
    });
  });
});

describe('the inbox', () => {
  it('hides a message six times as long as its function may run', () => {
    const inbox = resourcesOf(template, 'AWS::Lambda::Function').find(
      ([, { Properties }]) => Properties['FunctionName'] === 'stackchain-testnet-node0-inbox',
    );
    const timeout = inbox?.[1].Properties['Timeout'] as number;
    const queue = resourcesOf(template, 'AWS::SQS::Queue').find(
      ([, { Properties }]) => Properties['QueueName'] === 'stackchain-testnet-node0-inbox',
    );
    expect(queue?.[1].Properties['VisibilityTimeout']).toBeGreaterThanOrEqual(6 * timeout);
    expect(queue?.[1].Properties['RedrivePolicy']).toMatchObject({ maxReceiveCount: 5 });
    expect(queue?.[1].Properties['MessageRetentionPeriod']).toBe(86_400);
  });

  it('is encrypted by SQS itself, and so is its dead-letter queue', () => {
    const queues = resourcesOf(template, 'AWS::SQS::Queue');
    expect(queues.length).toBe(2);
    for (const [, { Properties }] of queues) {
      expect(Properties['SqsManagedSseEnabled']).toBe(true);
      expect(Properties['KmsMasterKeyId']).toBeUndefined();
      expect(Properties['FifoQueue']).toBeUndefined();
    }
  });

  it('feeds ten at a time, at most five calls at once, only of this network and version', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 10,
      ScalingConfig: { MaximumConcurrency: 5 },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      FilterCriteria: { Filters: [{ Pattern: Match.stringLikeRegexp('abcd') }] },
    });
  });
});

describe('tables', () => {
  it('are on demand with a maximum, with backups and clean-up', () => {
    const tables = resourcesOf(template, 'AWS::DynamoDB::Table');
    expect(tables.length).toBe(2);
    for (const [, { Properties }] of tables) {
      expect(Properties).toMatchObject({
        BillingMode: 'PAY_PER_REQUEST',
        TimeToLiveSpecification: { AttributeName: 'x', Enabled: true },
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      });
      expect(Properties['OnDemandThroughput']).toBeDefined();
    }
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      TableName: 'stackchain-testnet-node0-chain',
      OnDemandThroughput: { MaxWriteRequestUnits: 1000, MaxReadRequestUnits: 4000 },
    });
    template.hasResourceProperties('AWS::DynamoDB::Table', {
      TableName: 'stackchain-testnet-node0-wallet',
      OnDemandThroughput: { MaxWriteRequestUnits: 100, MaxReadRequestUnits: 400 },
    });
  });

  it('wallets outlive the stack unless it is for throwing away', () => {
    const wallet = (synthed: typeof three) =>
      resourcesOf(synthed.template(), 'AWS::DynamoDB::Table').find(
        ([, { Properties }]) => Properties['TableName'] === 'stackchain-testnet-node0-wallet',
      )?.[1];
    expect(wallet(three)).toMatchObject({
      DeletionPolicy: 'Retain',
      Properties: { DeletionProtectionEnabled: true },
    });
    expect(wallet(synth(1, { dev: true }))).toMatchObject({ DeletionPolicy: 'Delete' });
  });

  it('stateful names are fixed', () => {
    const names = [
      ...resourcesOf(template, 'AWS::DynamoDB::Table').map(([, r]) => r.Properties['TableName']),
      ...resourcesOf(template, 'AWS::SQS::Queue').map(([, r]) => r.Properties['QueueName']),
    ];
    expect(names.sort()).toEqual([
      'stackchain-testnet-node0-chain',
      'stackchain-testnet-node0-inbox',
      'stackchain-testnet-node0-inbox-dlq',
      'stackchain-testnet-node0-wallet',
    ]);
  });
});

describe('the API', () => {
  it('is throttled, writing more than reading', () => {
    template.hasResourceProperties('AWS::ApiGatewayV2::Stage', {
      DefaultRouteSettings: { ThrottlingRateLimit: 20, ThrottlingBurstLimit: 100 },
    });
    const [[, stage] = []] = resourcesOf(template, 'AWS::ApiGatewayV2::Stage');
    const slow = { ThrottlingRateLimit: 5, ThrottlingBurstLimit: 20 };
    expect(stage?.Properties['RouteSettings']).toEqual(
      Object.fromEntries(PRIVATE_ROUTES.map(([method, path]) => [`${method} ${path}`, slow])),
    );
    // Every route but the default is a private one.
    const routes = resourcesOf(template, 'AWS::ApiGatewayV2::Route');
    expect(routes.map(([, { Properties }]) => Properties['RouteKey']).sort()).toEqual(
      ['$default', ...PRIVATE_ROUTES.map(([method, path]) => `${method} ${path}`)].sort(),
    );
  });

  it('logs fields by name: no header, no query, no body', () => {
    const [stage] = resourcesOf(template, 'AWS::ApiGatewayV2::Stage');
    const { Format } = stage![1].Properties['AccessLogSettings'] as { Format: string };
    expect(Format).not.toMatch(/header|querystring|authorizer|path\b|sourceIp/i);
    template.hasResourceProperties('AWS::Logs::LogGroup', { LogGroupClass: 'INFREQUENT_ACCESS' });
  });
});

describe('rights', () => {
  const policies = (synthed: typeof three, node = 0) =>
    resourcesOf(synthed.template(node), 'AWS::IAM::Policy').map(([, { Properties }]) => ({
      roles: text(Properties['Roles']),
      statements: (Properties['PolicyDocument'] as { Statement: Record<string, unknown>[] })
        .Statement,
    }));
  const actionsOf = (statement: Record<string, unknown>): string[] =>
    [statement['Action']].flat() as string[];

  it('no action is a star, and none holds one but S3 reads of the miner’s bundle', () => {
    for (const { statements } of [...policies(three), ...policies(fargate)]) {
      for (const statement of statements) {
        for (const action of actionsOf(statement)) {
          if (!action.startsWith('s3:')) expect(action).not.toContain('*');
          expect(action).not.toBe('*');
        }
      }
    }
  });

  it('only `private` touches wallets and their key', () => {
    for (const { roles, statements } of [...policies(three), ...policies(fargate)]) {
      const touches = /Wallet|wallet-key/.test(text(statements));
      expect(touches, roles).toBe(/private/i.test(roles));
    }
  });

  it('what serves the API cannot receive from the inbox', () => {
    for (const { roles, statements } of policies(three)) {
      const receives = statements.some((s) => actionsOf(s).includes('sqs:ReceiveMessage'));
      expect(receives, roles).toBe(/inbox/i.test(roles));
    }
  });

  it('senders name the queues of their peers, one by one', () => {
    const withForeign = synth(3, { foreignPeers: [FOREIGN] });
    const sends = policies(withForeign).flatMap(({ statements }) =>
      statements.filter((s) => actionsOf(s).includes('sqs:SendMessage')),
    );
    const toPeers = sends.filter((s) => text(s['Resource']).includes('far0'));
    expect(toPeers.length).toBeGreaterThanOrEqual(5);
    for (const statement of toPeers) {
      const resources = text(statement['Resource']);
      for (const peer of ['node1-inbox', 'node2-inbox', FOREIGN.queue]) {
        expect(resources).toContain(peer);
      }
      expect(resources).not.toContain('*');
    }
  });
});

describe('what bills by the hour', () => {
  /** Types that cost while nothing happens, with those that the README's table names. */
  const HOURLY =
    /NatGateway|VPCEndpoint|LoadBalancer|::RDS::|ElastiCache|::EC2::Instance|ProvisionedConcurrency|::KMS::Key|SecretsManager/;

  it('nothing, with the miner off', () => {
    const types = resourcesOf(template).map(([, { Type }]) => Type);
    expect(types.filter((type) => HOURLY.test(type))).toEqual([]);
    expect(
      types.filter((type) => type.startsWith('AWS::EC2') || type.startsWith('AWS::ECS')),
    ).toEqual([]);
  });

  it('with Fargate: the tasks, in public subnets, with gateway endpoints only', async () => {
    const { Template } = await import('aws-cdk-lib/assertions');
    const shared = Template.fromStack(fargate.shared!);
    const types = resourcesOf(shared).map(([, { Type }]) => Type);
    expect(types).not.toContain('AWS::EC2::NatGateway');
    for (const [, { Properties }] of resourcesOf(shared, 'AWS::EC2::VPCEndpoint')) {
      expect(Properties['VpcEndpointType']).toBe('Gateway');
    }
    expect(types.filter((type) => type === 'AWS::EC2::VPC').length).toBe(1);
    fargate.template().resourceCountIs('AWS::EC2::VPC', 0);
    fargate.template().hasResourceProperties('AWS::ECS::Service', {
      DeploymentConfiguration: {
        MinimumHealthyPercent: 0,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
    });
  });

  it('no asset needs Docker to deploy', () => {
    const assembly = fargate.app.synth();
    for (const stack of assembly.stacks) {
      expect(stack.assets.filter(({ packaging }) => packaging === 'container-image')).toEqual([]);
    }
  });
});

describe('N nodes', () => {
  it('node0 is the same for one and for eight but for its peers', () => {
    /** Without what names peers: a variable, and two statements of each role that may send. */
    const withoutPeers = (json: unknown): unknown =>
      JSON.parse(text(json), (key, value) => {
        if (key === 'STACKCHAIN_PEER_PARAMETERS') return 'peers';
        if (key !== 'Statement') return value;
        return (value as Record<string, unknown>[]).filter(
          (statement) =>
            !/\/peer"|node\d+-inbox"/.test(text(statement['Resource'])) &&
            statement['Action'] !== 'ssm:GetParameters',
        );
      });
    const lone = synth(1).template().toJSON();
    const many = synth(8).template().toJSON();
    expect(many).not.toEqual(lone);
    expect(withoutPeers(many)).toEqual(withoutPeers(lone));
    // What was left out is little: the rest holds statements of every role.
    const left = [...text(withoutPeers(lone)).matchAll(/"Effect":"Allow"/g)].length;
    const all = [...text(lone).matchAll(/"Effect":"Allow"/g)].length;
    expect(left).toBe(all - FUNCTION_NAMES.length);
  });

  it('no stack refers to another node’s', () => {
    for (let i = 0; i < 3; i++)
      expect(text(three.template(i).toJSON())).not.toContain('ImportValue');
  });

  it('each tells its neighbours its line', () => {
    template.hasResourceProperties('AWS::SSM::Parameter', {
      Name: '/stackchain/testnet/node0/peer',
    });
  });

  it('has the outputs that tests from outside rely on', () => {
    const outputs = Object.keys(template.toJSON()['Outputs'] as object).sort();
    expect(outputs).toEqual([
      'ApiUrl',
      'ChainTableName',
      'DlqUrl',
      'InboxArn',
      'InboxUrl',
      'MinerServiceName',
      'WalletTableName',
    ]);
  });
});
