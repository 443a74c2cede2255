/** Nothing bills by the hour or the month but what a line of the README's table names. */
import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { LINES } from '../../bench/prices/model.ts';
import { END, START } from '../../bench/prices/render.ts';
import { BoardStack } from '../../infra/board-stack.ts';
import { BILLS, unnamedBills } from './bills.ts';
import { FOREIGN, NETWORK, resourcesOf, synth } from './helpers.ts';

const off = synth(3, { miner: 'off', foreignPeers: [FOREIGN] });
const board = Template.fromStack(
  new BoardStack(off.app, 'Stackchain-board', {
    networkName: NETWORK.name,
    spacingSeconds: NETWORK.spacingSeconds,
    nodes: off.stacks.map(({ nodeId }) => nodeId.node),
  }),
);
const template = off.template();

describe('what bills by time', () => {
  it('stands in the table, with the miner off', () => {
    expect(unnamedBills(template)).toEqual([]);
    expect(unnamedBills(board)).toEqual([]);
    // Nothing of a network or a cluster, which would be free to have and dear to use.
    const types = new Set(resourcesOf(template).map(([, { Type }]) => Type));
    expect([...types].filter((type) => /::(EC2|ECS|KMS|SecretsManager)::/.test(type))).toEqual([]);
  });

  it.each(['lambda', 'fargate', 'fargate-spot'] as const)('with the miner %s too', (miner) => {
    const { template: of, shared } = synth(2, { miner });
    expect(unnamedBills(of())).toEqual([]);
    if (shared !== undefined) expect(unnamedBills(Template.fromStack(shared))).toEqual([]);
  });

  it('each line that a type is said to be billed on is one of the table', () => {
    const readme = readFileSync('README.md', 'utf8');
    const table = readme.slice(readme.indexOf(START), readme.indexOf(END));
    const lines = new Set(
      Object.values(BILLS).flatMap(({ by, lines: own }) => {
        expect(own.length > 0).toBe(by !== 'nothing');
        return own;
      }),
    );
    for (const line of lines) expect(table).toContain(line === 'dashboard' ? line : `| ${line} |`);
    // And each line but one comes from a type: metrics are sent, not made.
    expect(LINES.filter((line) => !lines.has(line))).toEqual(['Metrics of its own']);
  });
});

/** The template with one thing more, or one thing other. */
function changed(
  change: (resources: Record<string, { Type: string; Properties: object }>) => void,
) {
  const json = structuredClone(template.toJSON()) as { Resources: never };
  change(json.Resources);
  return Template.fromJSON(json);
}

describe('an addition that bills by time is seen:', () => {
  it.each<[string, object]>([
    ['AWS::EC2::NatGateway', {}],
    ['AWS::EC2::EIP', {}],
    ['AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Interface' }],
    ['AWS::KMS::Key', {}],
    ['AWS::SecretsManager::Secret', {}],
    [
      'AWS::Lambda::Version',
      { ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 1 } },
    ],
    [
      'AWS::Lambda::Alias',
      { ProvisionedConcurrencyConfig: { ProvisionedConcurrentExecutions: 1 } },
    ],
    ['AWS::DynamoDB::Table', { ProvisionedThroughput: { ReadCapacityUnits: 1 } }],
    ['AWS::DynamoDB::GlobalTable', {}],
    ['AWS::SSM::Parameter', { Tier: 'Advanced' }],
    ['AWS::CloudWatch::Alarm', { Period: 10 }],
    ['AWS::CloudWatch::CompositeAlarm', {}],
    ['AWS::Events::Rule', { ScheduleExpression: 'rate(1 minute)' }],
    ['AWS::Logs::LogGroup', {}],
    ['AWS::ApiGatewayV2::VpcLink', {}],
    ['AWS::ElasticLoadBalancingV2::LoadBalancer', {}],
  ])('%s %j', (Type, Properties) => {
    const more = changed((resources) => {
      resources['Extra'] = { Type, Properties };
    });
    expect(unnamedBills(more)).toEqual([expect.stringMatching(/^Extra: /)]);
  });

  it('a queue under a key of KMS, a function in a network', () => {
    const other = changed((resources) => {
      for (const { Type, Properties } of Object.values(resources)) {
        if (Type === 'AWS::SQS::Queue') Object.assign(Properties, { KmsMasterKeyId: 'k' });
        if (Type === 'AWS::Lambda::Function') Object.assign(Properties, { VpcConfig: {} });
      }
    });
    expect(unnamedBills(other)).toHaveLength(7);
  });
});
