/**
 * Peers as lines in SSM: what a stack tells its neighbours, and what its operator was told of nodes
 * of other accounts. Owns reading them.
 */
import { GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { LineNetwork } from '../lib/gossip/peer-line.ts';
import { parseStackLine, type StackLine } from './stack-line.ts';

const NAMES_PER_CALL = 10;

/** Lines of the parameters that are there; a neighbour that was not deployed yet has none. */
export async function readLines(
  client: SSMClient,
  names: readonly string[],
  of: LineNetwork,
): Promise<StackLine[]> {
  const lines: StackLine[] = [];
  for (let at = 0; at < names.length; at += NAMES_PER_CALL) {
    const Names = names.slice(at, at + NAMES_PER_CALL);
    const answer = await client.send(new GetParametersCommand({ Names }));
    for (const { Value = '' } of answer.Parameters ?? []) {
      for (const text of Value.split('\n')) {
        const parsed = parseStackLine(text, of);
        if (parsed.ok) lines.push(parsed.line);
      }
    }
  }
  return lines;
}
