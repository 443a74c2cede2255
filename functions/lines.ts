/**
 * Peers as lines: what a stack tells its neighbours in SSM, and what an invite is. Owns the form and
 * reading it; parameters are read once per start, for a line changes only with a deploy.
 */
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';

/** A node as its neighbours know it. */
export interface PeerLine {
  readonly network: string;
  /** Genesis hash. */
  readonly genesis: string;
  readonly name: string;
  readonly url: string;
  /** Inbox, an ARN. */
  readonly queue: string;
  /** Ids of the roles that send for it: what SQS says of a sender. */
  readonly roles: readonly string[];
}

const LINE_CHARS_MAX = 4000;
const NAMES_PER_CALL = 10;

/** Undefined for what is no line. */
export function parseLine(text: string): PeerLine | undefined {
  if (text.length > LINE_CHARS_MAX) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { network, genesis, name, url, queue, roles } = value as Record<string, unknown>;
  const texts = [network, genesis, name, url, queue];
  if (!texts.every((part) => typeof part === 'string')) return undefined;
  if (!Array.isArray(roles) || !roles.every((role) => typeof role === 'string')) return undefined;
  return value as PeerLine;
}

/** Lines of the parameters that are there; a neighbour that was not deployed yet has none. */
export async function readLines(client: SSMClient, names: readonly string[]): Promise<PeerLine[]> {
  const lines: PeerLine[] = [];
  for (let at = 0; at < names.length; at += NAMES_PER_CALL) {
    const Names = names.slice(at, at + NAMES_PER_CALL);
    const answer = await client.send(new GetParametersCommand({ Names }));
    for (const { Value = '' } of answer.Parameters ?? []) {
      const line = parseLine(Value);
      if (line !== undefined) lines.push(line);
    }
  }
  return lines;
}
