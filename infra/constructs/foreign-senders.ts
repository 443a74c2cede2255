/**
 * Which roles of other accounts an inbox takes messages from, as conditions of its policy. Owns how
 * near they come to the roles that a peer sends by; the bytes that a policy holds decide it.
 */
import type { StackLine } from '../../functions/stack-line.ts';
import { parseQueueArn } from '../../lib/ports/queue-arn.ts';
import { longerRolePattern, rolePattern, rolePatternIn } from '../names.ts';

/**
 * SQS takes a policy of 8,192 bytes; what the breaker and the stack's own tokens add must fit too.
 * About 70 peers with names of full length, 35 of them exactly.
 */
const POLICY_BYTES_MAX = 7_500;

export type Conditions = Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

interface Peer {
  readonly id: { readonly network: string; readonly node: string };
  readonly region: string;
  readonly account: string;
  readonly partition: string;
}

const peerOf = ({ network, name, queue }: StackLine): Peer => {
  const { partition = 'aws', account = '', region = '' } = parseQueueArn(queue) ?? {};
  return { id: { network, node: name }, region, account, partition };
};

/** Another peer that what is taken out of this one's roles would shut out. */
const isLonger = (other: Peer, peer: Peer): boolean =>
  other.account === peer.account &&
  other.region === peer.region &&
  other.id.node.startsWith(`${peer.id.node}-`);

/**
 * Of each account only the peer's roles, all in one statement: SQS counts statements (20) and
 * conditions (10) besides bytes. Never a role or an account as principal: it must exist first, and a
 * policy that names a closed one is refused.
 *
 * A role's name begins with its node's, and node names hold hyphens too: `far0-*` lets in `far0-x`,
 * whose messages would be dropped, after a call. So what goes on after the name with more than a
 * role and its region is taken out again, as long as the policy holds it. Roles by their full names
 * would be seven a peer, and shut out what a later release adds; with another character after the
 * node's name each role would be a new one, and no line that was exchanged would hold.
 */
export function foreignSenders(lines: readonly StackLine[], isEmulated: boolean): Conditions {
  const peers = lines.map(peerOf);
  const arns = ({ partition, account }: Peer, pattern: string): string[] => [
    `arn:${partition}:iam::${account}:role/${pattern}`,
    ...(isEmulated ? [`arn:${partition}:sts::${account}:assumed-role/${pattern}/*`] : []),
  ];
  const unique = (all: readonly string[]): string[] => [...new Set(all)];
  const accounts = {
    StringEquals: { 'aws:PrincipalAccount': unique(peers.map(({ account }) => account)) },
  };
  const near = {
    ...accounts,
    StringLike: {
      'aws:PrincipalArn': unique(
        peers.flatMap((peer) => arns(peer, rolePatternIn(peer.id, peer.region))),
      ),
    },
    StringNotLike: {
      'aws:PrincipalArn': unique(
        peers
          .filter((peer) => !peers.some((other) => isLonger(other, peer)))
          .flatMap((peer) => arns(peer, longerRolePattern(peer.id, peer.region))),
      ),
    },
  };
  const wide = {
    ...accounts,
    StringLike: {
      'aws:PrincipalArn': unique(peers.flatMap((peer) => arns(peer, rolePattern(peer.id)))),
    },
  };
  const fitting = [near, wide].find(
    (each) => isEmulated || JSON.stringify(each).length <= POLICY_BYTES_MAX,
  );
  if (fitting === undefined) {
    throw new Error(`the inbox’s policy does not hold ${lines.length} foreign peers`);
  }
  return fitting;
}
