/**
 * The line of a node that the stacks made. Owns what its names must be: who gives us a line must not
 * have us write to a queue that is no node's, nor let in roles that are no node's.
 */
import { inboxName, nameFault } from '../infra/names.ts';
import {
  type LineNetwork,
  type PeerFault,
  type PeerLine,
  parsePeerLine,
  peerFault,
} from '../lib/gossip/peer-line.ts';
import { parseQueueArn } from '../lib/ports/queue-arn.ts';

export interface StackLine extends PeerLine {
  /** ARN of its inbox: tells region and account. */
  readonly queue: string;
}

export function parseStackLine(
  text: string,
  of: LineNetwork,
): { readonly ok: true; readonly line: StackLine } | PeerFault {
  const parsed = parsePeerLine(text, of);
  if (!parsed.ok) return parsed;
  const { network, name, queue } = parsed.line;
  const id = { network, node: name };
  const expected = inboxName(id);
  const arn = queue === undefined ? undefined : parseQueueArn(queue);
  if (queue === undefined || arn?.name !== expected) {
    return peerFault(`its queue is not called ${expected}`);
  }
  const fault = nameFault(id, arn.region);
  if (fault !== undefined) return peerFault(fault);
  return { ok: true, line: { ...parsed.line, queue } };
}

/**
 * A role that two lines name: who claims another's roles would be heard in its place, and being
 * banned would silence it.
 */
export function roleClaimedTwice(lines: readonly StackLine[]): string | undefined {
  const roles = lines.flatMap((line) => line.roles);
  return roles.find((role, i) => roles.indexOf(role) !== i);
}
