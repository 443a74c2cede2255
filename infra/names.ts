/**
 * The deterministic names by which nodes find each other without references between their stacks,
 * which would be a cycle. Owns names; imports nothing.
 */
export interface NodeId {
  /** The network's name, as in its file. */
  readonly network: string;
  readonly node: string;
}

const base = ({ network, node }: NodeId): string => `stackchain-${network}-${node}`;

export const inboxName = (id: NodeId): string => `${base(id)}-inbox`;
export const dlqName = (id: NodeId): string => `${inboxName(id)}-dlq`;
export const chainTableName = (id: NodeId): string => `${base(id)}-chain`;
export const walletTableName = (id: NodeId): string => `${base(id)}-wallet`;
/** `role`: what runs under it. Roles are global in an account: the region keeps two stacks apart. */
export const roleName = (id: NodeId, role: RoleKind, region: string): string =>
  `${base(id)}-${role}-${region}`;
/** All roles of a node, as a pattern of `aws:PrincipalArn`. */
export const rolePattern = (id: NodeId): string => `${base(id)}-*`;
/** The same in one region. */
export const rolePatternIn = (id: NodeId, region: string): string => `${base(id)}-*-${region}`;
/**
 * Roles there of nodes whose names begin with this one's and a hyphen: more than a kind, which holds
 * no hyphen, is between it and the region.
 */
export const longerRolePattern = (id: NodeId, region: string): string =>
  `${base(id)}-*-*-${region}`;
export const functionName = (id: NodeId, name: AnyFunctionName): string => `${base(id)}-${name}`;
/** SSM parameter with the node's line: what no name gives, read by its neighbours at run time. */
export const peerParameter = (id: NodeId): string => `/stackchain/${id.network}/${id.node}/peer`;
/** SSM parameter with lines of foreign peers, named by its content: another content is another one. */
export const foreignParameter = (id: NodeId, digest: string): string =>
  `/stackchain/${id.network}/${id.node}/foreign/${digest}`;
/** SSM SecureString that seals the wallet keys; made by the first wallet, never by a deploy. */
export const walletKeyParameter = (id: NodeId): string =>
  `/stackchain/${id.network}/${id.node}/wallet-key`;

export const FUNCTION_NAMES = ['public', 'private', 'inbox', 'sync', 'tick'] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];
/** `mine` is only there where the miner is one that is called: constructs/lambda-miner.ts. */
export type AnyFunctionName = FunctionName | 'mine';
export type RoleKind = AnyFunctionName | 'miner';
/** Roles that send to peers' inboxes. */
export const SENDING_ROLES: readonly RoleKind[] = [
  'public',
  'private',
  'inbox',
  'sync',
  'tick',
  'mine',
  'miner',
];

/** Names become part of queue, table and role names: letters, digits, hyphens. */
const NAME_PATTERN = /^[a-z][a-z0-9-]{0,19}$/;
/** IAM's limit; no other name comes near what AWS takes of its kind. */
const ROLE_CHARS_MAX = 64;
/** None is longer, in any of AWS's partitions: for who does not know the region. */
const LONGEST_REGION = 'us-isof-south-1';

/** Why no stack's names can be made of these two, as a part of a sentence; undefined: they can. */
export function nameFault({ network, node }: NodeId, region = LONGEST_REGION): string | undefined {
  if (!NAME_PATTERN.test(node)) {
    return `'${node}' is no name of a node: up to 20 of a-z, 0-9 and hyphens, a letter first`;
  }
  const rest = SENDING_ROLES.map(
    (role) => roleName({ network: '', node: '' }, role, region).length,
  );
  const max = ROLE_CHARS_MAX - Math.max(...rest);
  if (network.length + node.length <= max) return undefined;
  return (
    `the names '${network}' and '${node}' are too long together: ` +
    `in ${region} a network's and a node's may have ${max} characters, or IAM takes no role's name`
  );
}

export const METRIC_NAMESPACE = 'Stackchain';
