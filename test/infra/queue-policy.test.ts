/** Who may send to an inbox, by a small evaluator of the policies that the template holds. */
import type { SQSClient } from '@aws-sdk/client-sqs';
import { describe, expect, it } from 'vitest';
import { openInbox, shutInbox } from '../../functions/breaker.ts';
import type { StackLine } from '../../functions/stack-line.ts';
import { roleName, SENDING_ROLES } from '../../infra/names.ts';
import { FOREIGN, foreignLine, resourcesOf, synth } from './helpers.ts';
import { allows, denies, type Request, type Statement } from './queue-policy-evaluator.ts';

const OWN = '111111111111';
const INBOX = `arn:aws:sqs:us-east-1:${OWN}:stackchain-testnet-node0-inbox`;
/** What SQS takes: its developer guide, "Quotas related to policies". */
const QUOTA = { bytes: 8192, statements: 20, conditions: 10 };

/** As SQS gets it, references resolved. */
function policyOf(foreignPeers: readonly StackLine[], tlsOnly = true): Statement[] {
  const template = synth(2, { foreignPeers, tlsOnly }).template();
  const statements = resourcesOf(template, 'AWS::SQS::QueuePolicy')
    .filter(([name]) => name.includes('Inbox'))
    .flatMap(
      ([, { Properties }]) =>
        (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
    );
  return JSON.parse(JSON.stringify(statements), (_key, value) =>
    typeof value === 'object' && value !== null && 'Fn::GetAtt' in value ? INBOX : value,
  ) as Statement[];
}

const FAR = '222222222222';
const role = (account: string, name: string): string => `arn:aws:iam::${account}:role/${name}`;
const session = (account: string, name: string): string =>
  `arn:aws:sts::${account}:assumed-role/${name}/lambda`;
const INBOX_ROLE = 'stackchain-testnet-far0-inbox-eu-west-1';
const request = (principalArn: string, account = FAR, more: Partial<Request> = {}): Request => ({
  action: 'sqs:SendMessage',
  account,
  principalArn,
  tls: true,
  ...more,
});

describe('the inbox', () => {
  const statements = policyOf([FOREIGN]);

  it.each<[string, Request, boolean]>([
    ['the peer’s role', request(role(FAR, INBOX_ROLE)), true],
    ['the peer’s miner', request(role(FAR, 'stackchain-testnet-far0-miner-eu-west-1')), true],
    ['another role of that account', request(role(FAR, 'admin')), false],
    ['a role that ends alike', request(role(FAR, `x-${INBOX_ROLE}`)), false],
    ['a role of that name below a path', request(role(FAR, `x/${INBOX_ROLE}`)), false],
    ['a user of that name', request(`arn:aws:iam::${FAR}:user/${INBOX_ROLE}`), false],
    [
      'another node of that account',
      request(role(FAR, 'stackchain-testnet-far1-inbox-eu-west-1')),
      false,
    ],
    [
      'a node whose name goes on where the peer’s ends',
      request(role(FAR, 'stackchain-testnet-far0-x-inbox-eu-west-1')),
      false,
    ],
    ['its miner', request(role(FAR, 'stackchain-testnet-far0-x-y-miner-eu-west-1')), false],
    [
      'one that ends in a hyphen',
      request(role(FAR, 'stackchain-testnet-far0--mine-eu-west-1')),
      false,
    ],
    [
      'one called as a role',
      request(role(FAR, 'stackchain-testnet-far0-inbox-inbox-eu-west-1')),
      false,
    ],
    [
      'such a one elsewhere',
      request(role(FAR, 'stackchain-testnet-far0-x-inbox-us-gov-west-1')),
      false,
    ],
    [
      'the peer’s namesake elsewhere',
      request(role(FAR, 'stackchain-testnet-far0-inbox-us-east-1')),
      false,
    ],
    [
      'a role that a later release gives the peer',
      request(role(FAR, 'stackchain-testnet-far0-later-eu-west-1')),
      true,
    ],
    [
      'that node in another network',
      request(role(FAR, 'stackchain-othernet-far0-inbox-eu-west-1')),
      false,
    ],
    ['the account itself', request(`arn:aws:iam::${FAR}:root`), false],
    ['a third account', request(role('333333333333', INBOX_ROLE), '333333333333'), false],
    ['the peer without TLS', request(role(FAR, INBOX_ROLE), FAR, { tls: false }), false],
    [
      'the peer, receiving',
      request(role(FAR, INBOX_ROLE), FAR, { action: 'sqs:ReceiveMessage' }),
      false,
    ],
    ['the peer, purging', request(role(FAR, INBOX_ROLE), FAR, { action: 'sqs:PurgeQueue' }), false],
  ])('%s', (_name, each, verdict) => {
    expect(allows(statements, each)).toBe(verdict);
  });

  it.each(SENDING_ROLES)('lets in what runs as %s', (kind) => {
    const name = roleName({ network: 'testnet', node: 'far0' }, kind, 'eu-west-1');
    expect(allows(statements, request(role(FAR, name)))).toBe(true);
  });

  it('lets in a peer whose name goes on where another’s ends', () => {
    const both = policyOf([FOREIGN, foreignLine(FAR, 'far0-x')]);
    const of = (node: string): Request =>
      request(role(FAR, `stackchain-testnet-${node}-inbox-eu-west-1`));
    expect(['far0', 'far0-x', 'far0-x-y', 'far1'].map((node) => allows(both, of(node)))).toEqual([
      true,
      true,
      false,
      false,
    ]);
    // Another account's, or one of another region, is not in the way.
    const apart = policyOf([FOREIGN, foreignLine('333333333333', 'far0-x')]);
    expect(allows(apart, of('far0-x'))).toBe(false);
  });

  it('lets in nobody from outside when there is no foreign peer', () => {
    const alone = policyOf([]);
    expect(allows(alone, request(role(FAR, INBOX_ROLE)))).toBe(false);
    expect(alone.filter(({ Effect }) => Effect === 'Allow')).toEqual([]);
  });

  it('on an emulator a session’s ARN counts too, for that is what it compares', () => {
    const emulated = policyOf([FOREIGN], false);
    const plain = { tls: false };
    expect(allows(emulated, request(session(FAR, INBOX_ROLE), FAR, plain))).toBe(true);
    expect(allows(emulated, request(session(FAR, 'admin'), FAR, plain))).toBe(false);
    const longer = 'stackchain-testnet-far0-x-inbox-eu-west-1';
    expect(allows(emulated, request(session(FAR, longer), FAR, plain))).toBe(false);
    expect(allows(emulated, request(role(FAR, longer), FAR, plain))).toBe(false);
    expect(allows(emulated, request(session(FAR, `admin/${INBOX_ROLE}`), FAR, plain))).toBe(false);
    expect(allows(statements, request(session(FAR, INBOX_ROLE)))).toBe(false);
  });
});

/** A queue that keeps its policy as SQS does. */
function queueWith(statements: readonly Statement[]) {
  let policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  const client = {
    async send({ input }: { input: { Attributes?: { Policy: string } } }) {
      if (input.Attributes === undefined) {
        return { Attributes: { QueueArn: INBOX, ...(policy !== '' && { Policy: policy }) } };
      }
      policy = input.Attributes.Policy;
      return {};
    },
  } as unknown as SQSClient;
  return {
    client,
    policy: () => policy,
    statements: () => (policy === '' ? [] : (JSON.parse(policy).Statement as Statement[])),
  };
}

/** Sixty are more than fit with what is taken out of each one's roles. */
describe.each([60, 35])('%d foreign peers', (count) => {
  const peers = Array.from({ length: count }, (_, i) =>
    foreignLine(String(300_000_000_000 + i), `peer-of-full-length${i % 10}`),
  );
  const roleOf = ({ queue, name }: StackLine): string =>
    role(queue.split(':')[4] ?? '', `stackchain-testnet-${name}-inbox-eu-west-1`);
  const accountOf = ({ queue }: StackLine): string => queue.split(':')[4] ?? '';

  it('fit the policy, the breaker’s statement too', async () => {
    const queue = queueWith(policyOf(peers));
    await shutInbox(queue.client, 'url');
    const statements = queue.statements();
    const conditions = statements.flatMap(({ Condition = {} }) => Object.values(Condition));
    expect(Buffer.byteLength(queue.policy())).toBeLessThan(QUOTA.bytes);
    expect(statements.length).toBeLessThanOrEqual(QUOTA.statements);
    expect(conditions.length).toBeLessThanOrEqual(QUOTA.conditions);
    expect(Buffer.byteLength(queue.policy())).toBeGreaterThan(4000);
  });

  it('are let in, each by its own account and name only', () => {
    const statements = policyOf(peers);
    for (const [i, peer] of peers.entries()) {
      const next = peers[(i + 1) % peers.length] as StackLine;
      expect(allows(statements, request(roleOf(peer), accountOf(peer)))).toBe(true);
      // One account in another's name, and a stranger in each one's.
      const mixed = roleOf(next).replace(accountOf(next), accountOf(peer));
      expect(allows(statements, request(mixed, accountOf(peer)))).toBe(false);
      const strange = roleOf(peer).replace(accountOf(peer), FAR);
      expect(allows(statements, request(strange, FAR))).toBe(false);
      const longer = roleOf(peer).replace(peer.name, `${peer.name}-x`);
      expect(allows(statements, request(longer, accountOf(peer)))).toBe(count === 60);
    }
  });

  it('more than the policy holds are refused at synth, with a sentence', () => {
    const many = Array.from({ length: 120 }, (_, i) =>
      foreignLine(String(300_000_000_000 + i), `peer-of-full-length${i % 10}`),
    );
    expect(() => policyOf(many)).toThrow('the inbox’s policy does not hold 120 foreign peers');
  });
});

describe('the breaker', () => {
  const own = (more: Partial<Request> = {}): Request =>
    request(role(OWN, 'stackchain-testnet-node1-inbox-us-east-1'), OWN, more);

  it('shuts out every account but the queue’s own, until it is opened', async () => {
    const before = policyOf([FOREIGN]);
    const queue = queueWith(before);
    const peer = request(role(FAR, INBOX_ROLE));
    expect(allows(queue.statements(), peer)).toBe(true);
    await shutInbox(queue.client, 'url');
    expect(allows(queue.statements(), peer)).toBe(false);
    expect(denies(queue.statements(), own())).toBe(false);
    // Other rules stand.
    expect(denies(queue.statements(), own({ tls: false }))).toBe(true);
    const shut = queue.policy();
    await shutInbox(queue.client, 'url');
    expect(queue.policy()).toBe(shut);
    expect(await openInbox(queue.client, 'url')).toBe(true);
    expect(queue.statements()).toEqual(before);
    expect(await openInbox(queue.client, 'url')).toBe(false);
  });

  it('leaves no policy where there was none', async () => {
    const queue = queueWith([]);
    await shutInbox(queue.client, 'url');
    expect(denies(queue.statements(), request(role(FAR, INBOX_ROLE)))).toBe(true);
    await openInbox(queue.client, 'url');
    expect(queue.policy()).toBe('');
  });
});
