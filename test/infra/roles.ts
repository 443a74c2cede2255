/**
 * What each role of a template may do, by a small evaluator of IAM: allows of all policies on the
 * role, wildcards matched, references resolved to names. Conditions are left out: a right that hangs on
 * one counts as a right. Owns no expectation.
 */
import type { Template } from 'aws-cdk-lib/assertions';
import { resourcesOf } from './helpers.ts';

export interface Grant {
  readonly action: string;
  readonly resource: string;
}

export interface RoleRights {
  /** As the stack names it: `public`, `miner`; else the logical id. */
  readonly role: string;
  readonly trusts: readonly string[];
  readonly grants: readonly Grant[];
  readonly managedPolicies: readonly unknown[];
}

const PSEUDO: Readonly<Record<string, string>> = {
  'AWS::Partition': 'aws',
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '111111111111',
};

/** A value of a template as text. A resource's ARN is `<logical id>.Arn`. */
export function resolve(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[kind, of] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (kind === 'Ref') return PSEUDO[of as string] ?? (of as string);
  if (kind === 'Fn::GetAtt') return (of as string[]).join('.');
  if (kind === 'Fn::Join') return ((of as [string, unknown[]])[1] ?? []).map(resolve).join('');
  if (kind === 'Fn::Sub') return of as string;
  throw new Error(`cannot resolve ${JSON.stringify(value)}`);
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource?: unknown;
  readonly Principal?: { readonly Service?: string };
}

const grantsOf = (statements: readonly Statement[]): Grant[] =>
  statements.flatMap((statement) => {
    if (statement.Effect !== 'Allow' || 'NotAction' in statement || 'NotResource' in statement) {
      throw new Error('a statement that the evaluator does not know');
    }
    const resources = [statement.Resource].flat().map(resolve);
    return [statement.Action]
      .flat()
      .flatMap((action) => resources.map((resource) => ({ action, resource })));
  });

export function rightsOf(template: Template): RoleRights[] {
  const policies = resourcesOf(template, 'AWS::IAM::Policy').map(([, { Properties }]) => ({
    roles: (Properties['Roles'] as unknown[]).map(resolve),
    grants: grantsOf((Properties['PolicyDocument'] as { Statement: Statement[] }).Statement),
  }));
  return resourcesOf(template, 'AWS::IAM::Role').map(([id, { Properties }]) => {
    const { RoleName, AssumeRolePolicyDocument, ManagedPolicyArns = [], Policies } = Properties;
    if (Policies !== undefined) throw new Error('a policy inside a role');
    const name = RoleName === undefined ? id : resolve(RoleName);
    const [, short] = /^stackchain-testnet-node\d+-([a-z]+)-/.exec(name) ?? [];
    return {
      role: short ?? name,
      trusts: (AssumeRolePolicyDocument as { Statement: Statement[] }).Statement.map(
        ({ Principal }) => Principal?.Service ?? 'unknown',
      ),
      grants: policies.flatMap(({ roles, grants }) => (roles.includes(id) ? grants : [])),
      managedPolicies: ManagedPolicyArns as unknown[],
    };
  });
}

const matches = (pattern: string, text: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
    'i',
  ).test(text);

export const may = ({ grants }: RoleRights, action: string, resource: string): boolean =>
  grants.some((grant) => matches(grant.action, action) && matches(grant.resource, resource));
