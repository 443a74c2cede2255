/** A stack whose miner is called (`-c miner=lambda`): what stands in its template, and what does not. */
import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { BoardStack } from '../../infra/board-stack.ts';
import { readContext } from '../../infra/context.ts';
import { FUNCTION_NAMES } from '../../infra/names.ts';
import { MINING_LEASE_SECONDS } from '../../lib/node/mine-once.ts';
import { FOREIGN, NETWORK, resourcesOf, synth } from './helpers.ts';

const ADDRESS = '1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa';
const called = synth(3, { miner: 'lambda', miningAddress: ADDRESS, foreignPeers: [FOREIGN] });
const template = called.template();
const text = (value: unknown): string => JSON.stringify(value);
const nameOf = (name: string): string => `stackchain-testnet-node0-${name}`;

const functions = new Map(
  resourcesOf(template, 'AWS::Lambda::Function').map(([id, { Properties }]) => [
    String(Properties['FunctionName']),
    { id, ...Properties } as {
      readonly id: string;
      readonly Timeout: number;
      readonly MemorySize: number;
      readonly RecursiveLoop?: string;
      readonly Environment: { readonly Variables: Readonly<Record<string, string>> };
    },
  ]),
);
const mine = functions.get(nameOf('mine'))!;

describe('the function', () => {
  it('is a sixth beside the five, and nothing bills by the hour', () => {
    expect([...functions.keys()].sort()).toEqual([...FUNCTION_NAMES, 'mine'].map(nameOf).sort());
    const types = resourcesOf(template).map(([, { Type }]) => Type);
    expect(types.filter((type) => /::(EC2|ECS|ElasticLoad|KMS)/.test(type))).toEqual([]);
    expect(called.shared).toBeUndefined();
    expect(text(template.toJSON())).not.toContain('ReservedConcurrentExecutions');
  });

  it('has one processor, ends before its lease, and may follow itself', () => {
    expect(mine).toMatchObject({ MemorySize: 1769, RecursiveLoop: 'Allow' });
    // A wait of fifteen seconds at most, a search of ten.
    expect(mine.Timeout).toBeGreaterThanOrEqual(35);
    expect(mine.Timeout).toBeLessThan(MINING_LEASE_SECONDS);
  });

  it('is called every hour, and what fails is not tried again: tick sees to it', () => {
    template.hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 hour)',
      Targets: [Match.objectLike({ Arn: { 'Fn::GetAtt': [mine.id, 'Arn'] } })],
    });
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      FunctionName: { Ref: mine.id },
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 300,
    });
  });

  it('pays the address; the other functions know its name only', () => {
    for (const [name, { Environment }] of functions) {
      expect(Environment.Variables['STACKCHAIN_MINE_FUNCTION']).toBe(nameOf('mine'));
      const address = Environment.Variables['STACKCHAIN_MINING_ADDRESS'];
      expect(address).toBe(name === nameOf('mine') ? ADDRESS : undefined);
    }
    const unclaimed = text(synth(1, { miner: 'lambda' }).template().toJSON());
    expect(unclaimed).not.toContain('STACKCHAIN_MINING_ADDRESS');
  });

  it('leaves no trace where the miner is another', () => {
    for (const miner of ['off', 'fargate'] as const) {
      const other = text(synth(2, { miner }).template().toJSON());
      expect(other).not.toContain('STACKCHAIN_MINE_FUNCTION');
      expect(other).not.toContain(nameOf('mine"'));
    }
  });
});

describe('rights', () => {
  const policies = resourcesOf(template, 'AWS::IAM::Policy').map(([, { Properties }]) => ({
    roles: text(Properties['Roles']),
    statements: (Properties['PolicyDocument'] as { Statement: Record<string, unknown>[] })
      .Statement,
  }));
  const own = policies.filter(({ roles }) => /Miner/.test(roles));
  const allowed = (statements: readonly Record<string, unknown>[]): string[] =>
    statements.flatMap((statement) => [statement['Action']].flat() as string[]);

  it('its role writes the chain table and its log, sends to peers, calls itself, and no more', () => {
    expect(own.length).toBe(1);
    const statements = own.flatMap((policy) => policy.statements);
    expect(text(statements)).not.toMatch(/Wallet|wallet-key/);
    expect([...new Set(allowed(statements).map((action) => action.split(':')[0]))].sort()).toEqual([
      'dynamodb',
      'lambda',
      'logs',
      'sqs',
      'ssm',
    ]);
    expect(
      allowed(statements)
        .filter((action) => /^(sqs|ssm|lambda):/.test(action))
        .sort(),
    ).toEqual([
      'lambda:InvokeFunction',
      'sqs:SendMessage',
      'ssm:GetParameter',
      'ssm:GetParameters',
    ]);
    expect(text(statements)).not.toContain('*');
    const sends = statements.find((statement) => statement['Action'] === 'sqs:SendMessage');
    for (const queue of ['node1-inbox', 'node2-inbox', FOREIGN.queue]) {
      expect(text(sends?.['Resource'])).toContain(queue);
    }
  });

  it('who calls a function may call that one: the miner, and those who did so before sync', () => {
    let callers = 0;
    for (const { roles, statements } of policies) {
      const calls = statements.filter((s) => allowed([s]).includes('lambda:InvokeFunction'));
      if (calls.length === 0) continue;
      callers += 1;
      const targets = calls.flatMap((s) => text(s['Resource']).match(/node0-[a-z]+/g) ?? []);
      const expected = /Miner/.test(roles) ? ['node0-mine'] : ['node0-mine', 'node0-sync'];
      expect([...new Set(targets)].sort()).toEqual(expected);
    }
    expect(callers).toBe(FUNCTION_NAMES.length + 1);
  });

  it('peers know its role as one that sends', () => {
    const [[role] = []] = resourcesOf(template, 'AWS::IAM::Role').filter(([, { Properties }]) =>
      text(Properties['RoleName']).includes('node0-mine'),
    );
    const [[, line] = []] = resourcesOf(template, 'AWS::SSM::Parameter').filter(
      ([, { Properties }]) => Properties['Name'] === '/stackchain/testnet/node0/peer',
    );
    expect(text(line?.Properties['Value'])).toContain(`"${role}","RoleId"`);
  });
});

describe('what would tell of a fault', () => {
  const alarms = new Map(
    resourcesOf(template, 'AWS::CloudWatch::Alarm').map(([id, { Properties }]) => [id, Properties]),
  );
  const find = (part: string) => [...alarms].filter(([id]) => id.includes(part));

  it('no alarm rings because the miner rests', () => {
    expect(find('NoHashRate')).toEqual([]);
    expect(text([...alarms.values()])).not.toContain('"MetricName":"HashRate"');
    const [[, noBlock] = []] = find('NoBlock');
    expect(noBlock).toMatchObject({
      MetricName: 'BlocksConnected',
      TreatMissingData: 'breaching',
      ComparisonOperator: 'LessThanThreshold',
      Threshold: 1,
    });
    // Hourly calls: two may miss.
    expect(noBlock?.['Period']).toBe(3 * 3600);
  });

  it('its own errors ring, as those of the others', () => {
    const watched = find('Errors').map(([, { Dimensions }]) => text(Dimensions));
    expect(watched.length).toBe(FUNCTION_NAMES.length + 1);
    expect(watched.some((dimensions) => dimensions.includes(`"${mine.id}"`))).toBe(true);
  });

  it('the board shows its errors beside the others’', () => {
    const boardOf = (lambdaMiners: boolean): string => {
      const names = { networkName: NETWORK.name, nodes: ['node0'], spacingSeconds: 15 };
      const board = new BoardStack(new App(), 'Board', { ...names, lambdaMiners });
      return text(Template.fromStack(board).toJSON());
    };
    expect(boardOf(true)).toContain(nameOf('mine'));
    expect(boardOf(false)).not.toContain(nameOf('mine'));
  });
});

describe('-c miner=lambda', () => {
  const read = (context: Record<string, string>) => readContext(new App({ context }).node);

  it('is one of the kinds', () => {
    expect(read({ miner: 'lambda' }).miner).toBe('lambda');
    expect(() => read({ miner: 'lamda' })).toThrow('fargate, fargate-spot, lambda, off');
  });

  it('an address is looked at before anything is deployed', () => {
    expect(read({ miner: 'lambda', address: ADDRESS }).address).toBe(ADDRESS);
    expect(() => read({ miner: 'lambda', address: `${ADDRESS.slice(0, -1)}b` })).toThrow(
      '-c address=… is no valid address',
    );
  });
});
