/**
 * A peer as one line of JSON (design section 5): how nodes of different accounts, and of one, know
 * each other. Owns reading it, strictly and bounded; what an AWS node's names must be is the stacks'.
 */
import { parseQueueArn } from '../ports/queue-arn.ts';
import { isLoopback, isPrivateHost, normalizeUrl, parsePeerUrl } from './address.ts';
import { isRecord } from './envelope.ts';

export interface PeerLine {
  /** The network's name, as in its file. */
  readonly network: string;
  /** Genesis hash. */
  readonly genesis: string;
  readonly name: string;
  /** Where it is asked: https, or http where nobody else can be. */
  readonly url: string;
  /** ARN of its inbox, if it has one. */
  readonly queue?: string;
  /** Ids of the roles that send for it: what SQS says of a sender. */
  readonly roles: readonly string[];
}

/** What a line must agree with. */
export interface LineNetwork {
  readonly name: string;
  readonly genesisHash: string;
}

export type PeerFault = {
  readonly ok: false;
  readonly code: 'wrong-network' | 'invalid-request';
  /** Says what is wrong with it, as part of a sentence. */
  readonly detail: string;
};
export type LineVerdict = { readonly ok: true; readonly line: PeerLine } | PeerFault;

/** As long as a network file takes a peer. */
const LINE_CHARS_MAX = 2000;
const ROLES_MAX = 16;
const NAME = /^[a-z][a-z0-9-]{0,19}$/;
const GENESIS = /^[0-9a-f]{64}$/;
/** IAM's unique ids of roles. */
const ROLE_ID = /^AROA[A-Z0-9]{12,60}$/;

export const peerFault = (
  detail: string,
  code: PeerFault['code'] = 'invalid-request',
): PeerFault => ({ ok: false, code, detail });

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const isMatch = (value: unknown, pattern: RegExp): value is string =>
  typeof value === 'string' && pattern.test(value);

/** Plain http is for emulators and containers on one machine. */
function lineUrl(value: unknown): string | undefined {
  const url = typeof value === 'string' ? parsePeerUrl(value) : undefined;
  if (url === undefined) return undefined;
  const { protocol, hostname } = url;
  const isNear =
    isLoopback(hostname) || isPrivateHost(hostname) || hostname === 'localhost.localstack.cloud';
  return protocol === 'https:' || isNear ? normalizeUrl(url.href) : undefined;
}

function lineRoles(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > ROLES_MAX) return undefined;
  const roles = value.filter((role): role is string => isMatch(role, ROLE_ID));
  return roles.length === value.length ? [...new Set(roles)] : undefined;
}

/** Reads a line; what it says beyond these fields is left out. */
export function parsePeerLine(text: string, of: LineNetwork): LineVerdict {
  const value = text.length <= LINE_CHARS_MAX ? parseJson(text) : undefined;
  if (!isRecord(value)) return peerFault('it is no line of JSON as `stackchain invite` prints one');
  const { network, genesis, name, queue } = value;
  if (!isMatch(network, NAME)) return peerFault('its network is no name');
  if (!isMatch(genesis, GENESIS)) return peerFault('its genesis is no block hash');
  if (genesis !== of.genesisHash || network !== of.name) {
    return peerFault('it is of another network', 'wrong-network');
  }
  if (!isMatch(name, NAME)) return peerFault('its name is not that of a node');
  const url = lineUrl(value['url']);
  if (url === undefined) return peerFault('its url is not an https URL');
  if (queue !== undefined && (typeof queue !== 'string' || parseQueueArn(queue) === undefined)) {
    return peerFault('its queue is not the ARN of a queue');
  }
  const roles = lineRoles(value['roles']);
  if (roles === undefined) return peerFault('its roles are not ids of roles');
  return {
    ok: true,
    line: { network, genesis, name, url, ...(queue !== undefined && { queue }), roles },
  };
}
