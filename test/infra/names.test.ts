/**
 * Every name that a stack gives fits what AWS takes, for the longest network and node that are
 * accepted; what does not fit is refused before anything is made. The CDK sees no limit where it does
 * not know the region, and no emulator holds names to one.
 */
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { parseStackLine } from '../../functions/stack-line.ts';
import { BoardStack } from '../../infra/board-stack.ts';
import { nameFault, SENDING_ROLES } from '../../infra/names.ts';
import type { MinerKind } from '../../infra/node-stack.ts';
import { foreignLine, NETWORK, resourcesOf, type Synth, synth } from './helpers.ts';

/** The longest names of AWS's regions, of all its partitions: where names get longest. */
const FAR_REGION = 'us-isof-south-1';
const NEAR_REGION = 'eu-west-1';
const network = { ...NETWORK, name: 'n'.repeat(20) };

/** Of each property that names a resource, as AWS's API reference says: most characters, and which. */
const WORD = /^[\w-]+$/;
const LIMITS: Record<string, readonly [max: number, form: RegExp]> = {
  'AWS::IAM::Role RoleName': [64, /^[\w+=,.@-]+$/],
  'AWS::Lambda::Function FunctionName': [64, WORD],
  'AWS::SQS::Queue QueueName': [80, WORD],
  'AWS::DynamoDB::Table TableName': [255, /^[\w.-]+$/],
  'AWS::Logs::LogGroup LogGroupName': [512, /^[\w./#-]+$/],
  // 1,011 with what SSM puts before it: an ARN of 2,048 bytes is not reached.
  'AWS::SSM::Parameter Name': [
    1011 - 'arn:aws-iso-f:ssm::111111111111:parameter'.length,
    /^[\w./-]+$/,
  ],
  'AWS::ApiGatewayV2::Api Name': [128, /./],
  'AWS::ECS::Service ServiceName': [255, WORD],
  'AWS::ECS::TaskDefinition Family': [255, WORD],
  'AWS::CloudWatch::Dashboard DashboardName': [255, WORD],
  'AWS::Budgets::Budget BudgetName': [100, /^[^:\\]+$/],
};

const longest = (node: string, miner: MinerKind, region = FAR_REGION): Synth =>
  synth(1, {
    nodeName: node,
    network,
    miner,
    neighbours: ['b'.repeat(node.length)],
    foreignPeers: [foreignLine('222222222222', 'far0')],
    budget: { usd: 20, email: 'ops@example.com' },
    env: { region },
  });

/** `type property`, and the name, of every text in the templates that begins as our names do. */
function namesIn(template: Template): [string, string][] {
  const found: [string, string][] = [];
  const look = (type: string, value: unknown): void => {
    if (value === null || typeof value !== 'object') return;
    for (const [key, inner] of Object.entries(value)) {
      const isName = /(^|[a-z])(Name|Family)$/.test(key) && typeof inner === 'string';
      if (isName && /(^|\/)stackchain[-/]/.test(inner)) found.push([`${type} ${key}`, inner]);
      look(type, inner);
    }
  };
  for (const [, { Type, Properties }] of resourcesOf(template)) look(Type, Properties);
  return found;
}

const node = 'a'.repeat(8);
const board = (): Template =>
  Template.fromStack(
    new BoardStack(new App(), 'Board', {
      networkName: network.name,
      spacingSeconds: network.spacingSeconds,
      nodes: [node],
      env: { region: FAR_REGION },
    }),
  );

describe('the longest names that fit any region', () => {
  const synths = (['off', 'lambda', 'fargate', 'fargate-spot'] as const).map((miner) =>
    longest(node, miner),
  );
  const names = [...synths.flatMap((each) => namesIn(each.template())), ...namesIn(board())];

  it('are taken by AWS, each', () => {
    for (const [what, name] of names) {
      const [max, form] = LIMITS[what] ?? [0, /^$/];
      expect(name.length, `${what}: ${name}`).toBeLessThanOrEqual(max);
      expect(name, what).toMatch(form);
    }
    // None of them was passed over.
    expect(new Set(names.map(([what]) => what))).toEqual(new Set(Object.keys(LIMITS)));
  });

  it('are as long as a role’s name can be', () => {
    const roles = names.filter(([what]) => what.endsWith('RoleName')).map(([, name]) => name);
    expect(Math.max(...roles.map((name) => name.length))).toBe(64);
    const kinds = roles.map((name) =>
      name
        .slice(0, -FAR_REGION.length - 1)
        .split('-')
        .at(-1),
    );
    expect(new Set(kinds)).toEqual(new Set(SENDING_ROLES));
  });
});

describe('names that do not fit', () => {
  it.each([
    ['one character more', 'a'.repeat(9)],
    ['twenty of each, which files and lines take', 'a'.repeat(20)],
  ])('%s: refused, saying what would', (_what, long) => {
    expect(() => longest(long, 'off')).toThrow(
      `the names '${network.name}' and '${long}' are too long together: ` +
        `in ${FAR_REGION} a network's and a node's may have 28 characters, or IAM takes no role's name`,
    );
  });

  it('are told by the region, where the stack is told one', () => {
    const roles = namesIn(longest('a'.repeat(14), 'off', NEAR_REGION).template());
    expect(Math.max(...roles.flatMap(([w, n]) => (w.endsWith('RoleName') ? n.length : [])))).toBe(
      64,
    );
    expect(() => longest('a'.repeat(15), 'off', NEAR_REGION)).toThrow('may have 34 characters');
    // Without one it may be any.
    const anywhere = (nodeName: string) => synth(1, { nodeName, network });
    expect(anywhere(node).stacks).toHaveLength(1);
    expect(() => anywhere('a'.repeat(9))).toThrow('may have 28 characters');
  });

  it.each(['Node0', '0node', 'node_0', 'node.0', '', '*', 'a'.repeat(21)])(
    'a node called `%s`, and a neighbour',
    (bad) => {
      expect(() => synth(1, { nodeName: bad })).toThrow(`'${bad}' is no name of a node`);
      expect(() => synth(1, { neighbours: [bad] })).toThrow(`'${bad}' is no name of a node`);
    },
  );

  it('a line of another account’s node, whose roles cannot be', () => {
    const of = { name: network.name, genesisHash: network.genesisHash };
    const lineOf = (name: string) =>
      JSON.stringify({
        ...foreignLine('222222222222', name),
        network: network.name,
        queue: `arn:aws:sqs:${NEAR_REGION}:222222222222:stackchain-${network.name}-${name}-inbox`,
      });
    expect(parseStackLine(lineOf('a'.repeat(14)), of)).toMatchObject({ ok: true });
    expect(parseStackLine(lineOf('a'.repeat(15)), of)).toMatchObject({
      ok: false,
      code: 'invalid-request',
      detail: expect.stringContaining('are too long together'),
    });
  });
});

it('the nodes of the app fit everywhere, whatever their network is called', () => {
  for (const each of ['node0', 'node49']) {
    expect(nameFault({ network: network.name, node: each })).toBeUndefined();
  }
});
