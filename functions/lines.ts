/**
 * Peers as lines in SSM: what a stack tells its neighbours, and what its operator was told of nodes
 * of other accounts. Owns reading them.
 */
import { GetParameterCommand, GetParametersCommand, type SSMClient } from '@aws-sdk/client-ssm';
import type { LineNetwork } from '../lib/gossip/peer-line.ts';
import { parseStackLine, type StackLine } from './stack-line.ts';

const NAMES_PER_CALL = 10;

async function readOne(client: SSMClient, Name: string): Promise<string> {
  try {
    return (await client.send(new GetParameterCommand({ Name }))).Parameter?.Value ?? '';
  } catch (error) {
    if ((error as Error).name === 'ParameterNotFound') return '';
    throw error;
  }
}

/**
 * Values of the parameters that are there. One by one where a call for several is denied: MiniStack
 * with real IAM judges that as a call for all that there are.
 */
async function readValues(client: SSMClient, Names: string[]): Promise<string[]> {
  try {
    const { Parameters = [] } = await client.send(new GetParametersCommand({ Names }));
    return Parameters.map(({ Value = '' }) => Value);
  } catch (error) {
    if ((error as Error).name !== 'AccessDeniedException') throw error;
    return Promise.all(Names.map((name) => readOne(client, name)));
  }
}

/** Lines of the parameters that are there; a neighbour that was not deployed yet has none. */
export async function readLines(
  client: SSMClient,
  names: readonly string[],
  of: LineNetwork,
): Promise<StackLine[]> {
  const lines: StackLine[] = [];
  for (let at = 0; at < names.length; at += NAMES_PER_CALL) {
    for (const value of await readValues(client, names.slice(at, at + NAMES_PER_CALL))) {
      for (const text of value.split('\n')) {
        const parsed = parseStackLine(text, of);
        if (parsed.ok) lines.push(parsed.line);
      }
    }
  }
  return lines;
}
