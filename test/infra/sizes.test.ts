/** What AWS bounds by characters or seconds fits, up to the most that the app takes. */
import { describe, expect, it } from 'vitest';
import { factsOf } from '../../infra/context.ts';
import { foundNetwork, stacknetBase } from '../../lib/params/index.ts';
import { foreignLine, NETWORK, resourcesOf, type Synth, synth } from './helpers.ts';

const NODES_MAX = 50;
const FOREIGN_MAX = 70;
/** Of IAM: inline policies of a role together, one managed policy, and how many of these a role has. */
const INLINE_CHARS_MAX = 10_240;
const MANAGED_CHARS_MAX = 6_144;
const MANAGED_MAX = 10;

const region = 'ap-northeast-1';
const params = foundNetwork({ time: 1_700_000_000, bits: stacknetBase.powLimitBits });
const network = factsOf({ ...params, name: 'n'.repeat(20) });

function stack(nodes: number, foreign: number, account = '111111111111'): Synth {
  const lines = Array.from({ length: foreign }, (_, i) => {
    const line = foreignLine(String(222_222_222_000 + i), `far${10 + i}`);
    const queue = line.queue.replace(NETWORK.name, network.name);
    return { ...line, network: network.name, genesis: network.genesisHash, queue };
  });
  return synth(1, {
    network,
    neighbours: Array.from({ length: nodes - 1 }, (_, i) => `node${i + 1}`),
    foreignPeers: lines,
    miner: 'lambda',
    miningAddress: '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa',
    ...(account !== '' && { env: { region, account } }),
  });
}

/** With what CloudFormation puts in place of references. */
function real(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(real);
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Record<string, unknown>;
  if (Ref === 'AWS::Partition') return 'aws';
  if (Ref !== undefined || attribute !== undefined) return 'r'.repeat(90);
  if (join !== undefined) return (join as [string, unknown[]])[1].map(real).join('');
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, real(inner)]));
}

describe('policies', () => {
  it.each([
    ['all nodes of the app, and foreign peers as its functions can be told of', NODES_MAX, 20],
    ['foreign peers as the inbox’s policy holds', 40, FOREIGN_MAX],
  ])('fit: %s', (_what, nodes, foreign) => {
    const template = stack(nodes, foreign).template();
    const sizes = (type: string) =>
      resourcesOf(template, type).map(
        ([, { Properties }]) => JSON.stringify(real(Properties['PolicyDocument'])).length,
      );
    const managed = sizes('AWS::IAM::ManagedPolicy');
    // Each function's role has one inline policy at most.
    expect(Math.max(...sizes('AWS::IAM::Policy'))).toBeLessThanOrEqual(INLINE_CHARS_MAX);
    expect(managed.length).toBeGreaterThan(0);
    expect(Math.max(...managed)).toBeLessThanOrEqual(MANAGED_CHARS_MAX);
    for (const [, { Properties }] of resourcesOf(template, 'AWS::IAM::Role')) {
      const own = (Properties['ManagedPolicyArns'] ?? []) as unknown[];
      expect(own.length).toBeLessThanOrEqual(MANAGED_MAX);
    }
    // Nobody was left out.
    const queues = JSON.stringify(template.toJSON()).match(/node49-inbox|far79-inbox/g) ?? [];
    expect(queues.length).toBeGreaterThanOrEqual(6);
  });
});

describe('what functions are told', () => {
  it('fits for all nodes of the app; what does not is refused with a sentence', () => {
    const measured = resourcesOf(stack(NODES_MAX, 0).template(), 'AWS::Lambda::Function').map(
      ([, { Properties }]) =>
        JSON.stringify(real((Properties['Environment'] as { Variables: unknown }).Variables))
          .length,
    );
    expect(measured).toHaveLength(6);
    expect(Math.max(...measured)).toBeLessThanOrEqual(4096);
    // As the app makes it, which knows neither region nor account.
    expect(stack(NODES_MAX, 0, '').stacks).toHaveLength(1);
    expect(() => stack(NODES_MAX, FOREIGN_MAX)).toThrow(
      /^what '\w+' is told of its network and peers does not fit: 4\d\d\d of 4096 characters/,
    );
  });
});

it.each([1, 15, 600, 10_000, 1_000_000])(
  'alarms of a network with %i seconds between its blocks look no further back than CloudWatch',
  (spacingSeconds) => {
    const own = { ...NETWORK, spacingSeconds };
    const alarms = resourcesOf(
      synth(1, { miner: 'fargate', network: own }).template(),
      'AWS::CloudWatch::Alarm',
    );
    for (const [name, { Properties }] of alarms) {
      const { Period = 0, EvaluationPeriods } = Properties as Record<string, number>;
      expect(Period % 60, name).toBe(0);
      expect(Period * (EvaluationPeriods ?? 0), name).toBeLessThanOrEqual(86_400);
    }
  },
);
