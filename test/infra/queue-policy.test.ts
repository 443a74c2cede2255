/** Who may send to an inbox, by a small evaluator of the policies that the template holds. */
import { describe, expect, it } from 'vitest';
import { FOREIGN, resourcesOf, synth } from './helpers.ts';

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | string[];
  readonly Principal: { AWS?: unknown } | '*';
  readonly Condition?: Record<string, Record<string, string | string[]>>;
}

interface Request {
  readonly action: string;
  readonly account: string;
  readonly principalArn: string;
  readonly tls: boolean;
}

const like = (pattern: string, value: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  ).test(value);

function holds(condition: NonNullable<Statement['Condition']>, request: Request): boolean {
  const context: Record<string, string> = {
    'aws:PrincipalAccount': request.account,
    'aws:PrincipalArn': request.principalArn,
    'aws:SecureTransport': String(request.tls),
  };
  return Object.entries(condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => {
      const value = context[key];
      if (value === undefined) throw new Error(`the evaluator knows no ${key}`);
      const all = [wanted].flat();
      if (operator === 'StringEquals' || operator === 'Bool') return all.includes(value);
      if (operator === 'StringLike') return all.some((pattern) => like(pattern, value));
      throw new Error(`the evaluator knows no ${operator}`);
    }),
  );
}

function allowed(statements: readonly Statement[], request: Request): boolean {
  const matching = statements.filter(
    ({ Action, Condition = {} }) =>
      [Action].flat().some((action) => like(action, request.action)) && holds(Condition, request),
  );
  return (
    matching.some(({ Effect }) => Effect === 'Allow') &&
    !matching.some(({ Effect }) => Effect === 'Deny')
  );
}

const statementsOf = (foreign: boolean): Statement[] => {
  const template = synth(2, foreign ? { foreignPeers: [FOREIGN] } : {}).template();
  return resourcesOf(template, 'AWS::SQS::QueuePolicy')
    .filter(([name]) => name.includes('Inbox'))
    .flatMap(
      ([, { Properties }]) =>
        (Properties['PolicyDocument'] as { Statement: Statement[] }).Statement,
    );
};

const FAR = '222222222222';
const role = (account: string, name: string): string => `arn:aws:iam::${account}:role/${name}`;
const session = (account: string, name: string): string =>
  `arn:aws:sts::${account}:assumed-role/${name}/lambda`;
const INBOX_ROLE = 'stackchain-testnet-far0-inbox-eu-west-1';

describe('the inbox', () => {
  const statements = statementsOf(true);
  const request = (principalArn: string, account = FAR, more: Partial<Request> = {}): Request => ({
    action: 'sqs:SendMessage',
    account,
    principalArn,
    tls: true,
    ...more,
  });

  it.each<[string, Request, boolean]>([
    ['the peer’s role', request(role(FAR, INBOX_ROLE)), true],
    ['the peer’s miner', request(role(FAR, 'stackchain-testnet-far0-miner-eu-west-1')), true],
    ['a session of it, as an emulator compares', request(session(FAR, INBOX_ROLE)), true],
    ['another role of that account', request(role(FAR, 'admin')), false],
    ['a role that ends alike', request(role(FAR, `x-${INBOX_ROLE}`)), false],
    [
      'another node of that account',
      request(role(FAR, 'stackchain-testnet-far1-inbox-eu-west-1')),
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
    expect(allowed(statements, each)).toBe(verdict);
  });

  it('lets in nobody from outside when there is no foreign peer', () => {
    const alone = statementsOf(false);
    expect(allowed(alone, request(role(FAR, INBOX_ROLE)))).toBe(false);
    expect(alone.filter(({ Effect }) => Effect === 'Allow')).toEqual([]);
  });
});
