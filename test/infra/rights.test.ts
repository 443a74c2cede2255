/** Least privilege: who may do what, evaluated over all roles of a stack with each kind of miner. */
import { Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { describe, expect, it } from 'vitest';
import { FOREIGN, resourcesOf, synth } from './helpers.ts';
import { may, type RoleRights, rightsOf } from './roles.ts';

const keys = new Stack();
const KEY = 'arn:aws:kms:us-east-1:111111111111:key/k';
const WALLET_KEY = 'parameter/stackchain/testnet/node0/wallet-key';
const arn = (service: string, name: string): string =>
  `arn:aws:${service}:us-east-1:111111111111:${name}`;

/** What a role may do, without its log: actions by resource. */
const CHAIN = [
  'BatchGetItem',
  'ConditionCheckItem',
  'DeleteItem',
  'GetItem',
  'PartiQLInsert',
  'PutItem',
  'Query',
  'UpdateItem',
].map((name) => `dynamodb:${name}`);

describe.each(['off', 'lambda', 'fargate'] as const)('miner %s', (miner) => {
  const synthed = synth(2, {
    miner,
    foreignPeers: [FOREIGN],
    walletKey: Key.fromKeyArn(keys, `Wallet-${miner}`, KEY),
    treasuryKey: Key.fromKeyArn(keys, `Treasury-${miner}`, KEY),
  });
  const template = synthed.template();
  const rights = rightsOf(template);
  const idOf = (type: string, property: string, value: string): string => {
    const found = resourcesOf(template, type).find(([, r]) => r.Properties[property] === value);
    return `${found?.[0]}.Arn`;
  };
  const inbox = idOf('AWS::SQS::Queue', 'QueueName', 'stackchain-testnet-node0-inbox');
  const dlq = idOf('AWS::SQS::Queue', 'QueueName', 'stackchain-testnet-node0-inbox-dlq');
  const chain = idOf('AWS::DynamoDB::Table', 'TableName', 'stackchain-testnet-node0-chain');
  const wallet = idOf('AWS::DynamoDB::Table', 'TableName', 'stackchain-testnet-node0-wallet');
  const who = (action: string, resource: string): string[] =>
    rights.filter((role) => may(role, action, resource)).map(({ role }) => role);
  const nodes = ['public', 'private', 'inbox', 'sync', 'tick'];
  const miners = { off: [], lambda: ['mine'], fargate: ['miner'] }[miner];
  const all = [...nodes, ...miners].sort();

  it('has no other roles, and each is assumed by one service', () => {
    const named = rights.map(({ role }) => role).filter((role) => !/Execution/.test(role));
    expect(named.sort()).toEqual(all);
    for (const { role, trusts, managedPolicies } of rights) {
      const service = /^Miner|^miner$/.test(role) ? 'ecs-tasks' : 'lambda';
      expect(trusts, role).toEqual([`${service}.amazonaws.com`]);
      expect(managedPolicies, role).toEqual([]);
    }
  });

  it('grants no star: neither as an action nor as a resource', () => {
    for (const { role, grants } of rights) {
      expect(grants.length, role).toBeGreaterThan(0);
      for (const { action, resource } of grants) {
        expect(action, role).not.toContain('*');
        expect(resource, `${role} ${action}`).not.toContain('*');
      }
    }
  });

  it.each([
    ...['GetItem', 'BatchGetItem', 'Query', 'Scan', 'PutItem', 'UpdateItem', 'DeleteItem'].map(
      (name) => [`dynamodb:${name}`, 'the wallet table', name === 'Scan' ? [] : ['private']],
    ),
    ['dynamodb:DeleteTable', 'the wallet table', []],
    ['dynamodb:ExportTableToPointInTime', 'the wallet table', []],
    ['dynamodb:Scan', 'the chain table', []],
    ['dynamodb:DeleteTable', 'the chain table', []],
    ['dynamodb:UpdateTable', 'the chain table', []],
    ['dynamodb:GetItem', 'the chain table', all],
    ['dynamodb:PutItem', 'the chain table', all],
    ['sqs:ReceiveMessage', 'the inbox', ['inbox']],
    ['sqs:DeleteMessage', 'the inbox', ['inbox']],
    ['sqs:ChangeMessageVisibility', 'the inbox', ['inbox']],
    ['sqs:SetQueueAttributes', 'the inbox', ['tick']],
    ['sqs:AddPermission', 'the inbox', []],
    ['sqs:PurgeQueue', 'the inbox', []],
    ['sqs:SendMessage', 'the inbox', []],
    ['sqs:ReceiveMessage', 'the dead letters', []],
    ['sqs:SendMessage', 'the dead letters', ['sync']],
    ['sqs:SendMessage', 'a neighbour’s inbox', all],
    ['sqs:ReceiveMessage', 'a neighbour’s inbox', []],
    ['sqs:SendMessage', 'a foreign inbox', all],
    ['sqs:SendMessage', 'a stranger’s inbox', []],
    ['ssm:GetParameter', 'the wallet key', ['private']],
    ['ssm:GetParameters', 'the wallet key', []],
    ['ssm:PutParameter', 'the wallet key', ['private']],
    ['ssm:DeleteParameter', 'the wallet key', []],
    ['ssm:GetParameter', 'a neighbour’s wallet key', []],
    ['ssm:GetParameters', 'a neighbour’s line', all],
    ['ssm:PutParameter', 'a neighbour’s line', []],
    ['ssm:PutParameter', 'its own line', []],
    ['lambda:InvokeFunction', 'sync', nodes.toSorted()],
    ['lambda:InvokeFunction', 'private', []],
    ['lambda:InvokeFunction', 'mine', miner === 'lambda' ? all : []],
    ['lambda:UpdateFunctionCode', 'private', []],
    ['kms:Decrypt', 'a key', ['private']],
    ['kms:Sign', 'a key', ['private']],
    ['kms:ScheduleKeyDeletion', 'a key', []],
    ['iam:PassRole', 'anything', []],
    ['sts:AssumeRole', 'anything', []],
    ['s3:GetObject', 'anything', []],
  ] as [string, string, string[]][])('%s on %s', (action, what, expected) => {
    const places: Record<string, string> = {
      'the wallet table': wallet,
      'the chain table': chain,
      'the inbox': inbox,
      'the dead letters': dlq,
      'a neighbour’s inbox': arn('sqs', 'stackchain-testnet-node1-inbox'),
      'a foreign inbox': FOREIGN.queue,
      'a stranger’s inbox': 'arn:aws:sqs:us-east-1:333333333333:stackchain-testnet-x-inbox',
      'the wallet key': arn('ssm', WALLET_KEY),
      'a neighbour’s wallet key': arn('ssm', WALLET_KEY.replace('node0', 'node1')),
      'a neighbour’s line': arn('ssm', 'parameter/stackchain/testnet/node1/peer'),
      'its own line': arn('ssm', 'parameter/stackchain/testnet/node0/peer'),
      sync: arn('lambda', 'function:stackchain-testnet-node0-sync'),
      private: arn('lambda', 'function:stackchain-testnet-node0-private'),
      mine: arn('lambda', 'function:stackchain-testnet-node0-mine'),
      'a key': KEY,
      anything: 'arn:aws:x:::y',
    };
    expect(places[what]).toBeDefined();
    expect(places[what]).not.toContain('undefined');
    expect(who(action, places[what] ?? '').sort()).toEqual(expected);
  });

  it('gives the miner the chain, its peers and its bundle, and nothing else', () => {
    for (const name of miners) {
      const own = rights.find(({ role }) => role === name) as RoleRights;
      const services = new Set(own.grants.map(({ action }) => action.split(':')[0]));
      const expected = { mine: ['lambda', 'logs'], miner: ['s3'] }[name] ?? [];
      expect([...services].sort()).toEqual([...expected, 'dynamodb', 'sqs', 'ssm'].sort());
      const tables = own.grants.filter(({ action }) => action.startsWith('dynamodb:'));
      expect(tables.map(({ action }) => action).sort()).toEqual(CHAIN);
      expect(new Set(tables.map(({ resource }) => resource))).toEqual(new Set([chain]));
    }
  });
});

it('a right too many is seen', () => {
  const { stacks, template } = synth(1);
  const { roles } = stacks[0]!.functions;
  roles.public.addToPolicy(new PolicyStatement({ actions: ['dynamodb:*'], resources: ['*'] }));
  const open = rightsOf(template()).find(({ role }) => role === 'public');
  expect(may(open as RoleRights, 'dynamodb:GetItem', 'any table')).toBe(true);
  expect(may(open as RoleRights, 'sqs:ReceiveMessage', 'any queue')).toBe(false);
});
