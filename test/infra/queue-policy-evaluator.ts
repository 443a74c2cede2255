/** A small evaluator of resource policies: as much of IAM as the inbox's policy uses, no more. */
export interface Statement {
  readonly Sid?: string;
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: string | string[];
  readonly Principal: { AWS?: unknown } | '*';
  readonly Condition?: Record<string, Record<string, string | string[]>>;
}

export interface Request {
  readonly action: string;
  readonly account: string;
  /** On AWS the role's; an emulator gives the session's. */
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
      if (operator === 'StringNotEquals') return !all.includes(value);
      if (operator === 'StringLike') return all.some((pattern) => like(pattern, value));
      if (operator === 'StringNotLike') return !all.some((pattern) => like(pattern, value));
      throw new Error(`the evaluator knows no ${operator}`);
    }),
  );
}

const isAnybody = ({ Principal }: Statement): boolean => Principal === '*' || Principal.AWS === '*';

/** Whether the policy by itself lets a request of another account in. */
export function allows(statements: readonly Statement[], request: Request): boolean {
  const matching = statements.filter((statement) => {
    if (!isAnybody(statement)) throw new Error('the evaluator knows no principal but *');
    const { Action, Condition = {} } = statement;
    return (
      [Action].flat().some((action) => like(action, request.action)) && holds(Condition, request)
    );
  });
  return matching.some(({ Effect }) => Effect === 'Allow') && !denies(statements, request);
}

/** Whether it refuses the request whoever else allows it: what the own account is refused by. */
export const denies = (statements: readonly Statement[], request: Request): boolean =>
  statements.some(
    ({ Effect, Action, Condition = {} }) =>
      Effect === 'Deny' &&
      [Action].flat().some((action) => like(action, request.action)) &&
      holds(Condition, request),
  );
