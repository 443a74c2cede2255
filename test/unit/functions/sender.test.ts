/** Who a message of the inbox is from: what SQS says of its sender, never what it says itself. */
import { describe, expect, it } from 'vitest';
import { senderOf } from '../../../functions/host.ts';

const queue = (account: string, name: string): string =>
  `arn:aws:sqs:eu-west-1:${account}:stackchain-stacknet-${name}-inbox`;
const line = (account: string, name: string, roles: string[]) => ({
  network: 'stacknet',
  genesis: 'f'.repeat(64),
  name,
  url: `https://${name}.example`,
  queue: queue(account, name),
  roles,
});
const NEAR = line('111111111111', 'node1', ['AROANEARINBOX00000001', 'AROANEARMINER00000001']);
const FAR = line('222222222222', 'node0', ['AROAFARINBOX000000001']);
const from = (name: unknown) => ({ v: 1, from: name, type: 'tx', payload: '' });

describe('on AWS', () => {
  const host = { lines: [NEAR, FAR], environment: { endpoint: undefined } };

  it.each<[string, string, unknown, string | undefined]>([
    ['a peer’s session', 'AROANEARMINER00000001:task', from('node1'), NEAR.queue],
    ['a session of a foreign peer’s role', 'AROAFARINBOX000000001:fn', from('node0'), FAR.queue],
    ['a peer in another’s name is itself', 'AROAFARINBOX000000001:fn', from('node1'), FAR.queue],
    ['a peer without a name is itself', 'AROAFARINBOX000000001', {}, FAR.queue],
    ['a role in no line', 'AROASTRANGER000000001:node1', from('node1'), undefined],
    ['a session called like a role', 'AROASTRANGER000000001:AROAFARINBOX000000001', {}, undefined],
    ['a user', 'AIDAEXAMPLE0000000001', from('node1'), undefined],
    // So SQS names an account's root, which is nobody's role.
    ['an account’s root', '222222222222', from('node0'), undefined],
    ['nobody', '', from('node1'), undefined],
  ])('%s', (_what, senderId, envelope, key) => {
    const expected = key === undefined ? undefined : { transport: 'sqs', key };
    expect(senderOf(host, senderId, envelope)).toEqual(expected);
  });
});

describe('on an emulator, which names no role', () => {
  const twin = line('111111111111', 'node0', []);
  const host = { lines: [twin, NEAR, FAR], environment: { endpoint: 'http://127.0.0.1:4600' } };

  it.each<[string, string, unknown, string | undefined]>([
    ['a node by its name', '111111111111', from('node1'), NEAR.queue],
    ['also where the account is the reader’s', '222222222222', from('node1'), NEAR.queue],
    ['of two of one name that of the account', '222222222222', from('node0'), FAR.queue],
    ['an unknown name', '111111111111', from('node7'), undefined],
    ['no name', '222222222222', null, undefined],
    ['an emulator that names the role', 'AROAFARINBOX000000001:fn', from('x'), FAR.queue],
    ['a role in no line', 'AROASTRANGER000000001:fn', from('node1'), undefined],
  ])('%s', (_what, senderId, envelope, key) => {
    const expected = key === undefined ? undefined : { transport: 'sqs', key };
    expect(senderOf(host, senderId, envelope)).toEqual(expected);
  });
});

describe('a role that two lines name', () => {
  it('is that of the first: of the own account, as the host sorts them', () => {
    const claiming = { ...FAR, roles: [...FAR.roles, ...NEAR.roles] };
    const host = { lines: [NEAR, claiming], environment: { endpoint: undefined } };
    expect(senderOf(host, 'AROANEARMINER00000001:task', from('x'))?.key).toBe(NEAR.queue);
  });
});
