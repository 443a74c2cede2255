/** When functions ran, by the emulator's logs: CloudWatch Logs' own protocol, no SDK part for one call. */
import type { CloudNode, LocalCloud } from '../../cli/cloud/local-cloud.ts';

/** One invocation, milliseconds of the machine's clock. */
export interface Handled {
  readonly function: string;
  readonly from: number;
  readonly to: number;
}

interface LogEvent {
  readonly message: string;
  readonly timestamp: number;
}

async function call(cloud: LocalCloud, target: string, body: object): Promise<unknown> {
  const { AWS_ACCESS_KEY_ID: account, AWS_REGION: region } = cloud.env;
  const answer = await fetch(cloud.endpoint, {
    method: 'POST',
    headers: {
      'x-amz-target': `Logs_20140328.${target}`,
      'content-type': 'application/x-amz-json-1.1',
      authorization: `AWS4-HMAC-SHA256 Credential=${account}/20260101/${region}/logs/aws4_request, SignedHeaders=host, Signature=0`,
    },
    body: JSON.stringify(body),
  });
  return answer.json();
}

export const functionOf = (node: CloudNode, name: string): string =>
  (node.outputs['ChainTableName'] ?? '').replace(/-chain$/, `-${name}`);

/** Invocations of a function of these nodes, from its REPORT lines. */
export async function handledBy(
  cloud: LocalCloud,
  nodes: readonly CloudNode[],
  name = 'inbox',
): Promise<Handled[]> {
  const all: Handled[] = [];
  for (const node of nodes) {
    const logGroupName = `/aws/lambda/${functionOf(node, name)}`;
    for (let nextToken: unknown; ; ) {
      const request = {
        logGroupName,
        filterPattern: 'REPORT',
        ...(nextToken ? { nextToken } : {}),
      };
      const page = (await call(cloud, 'FilterLogEvents', request)) as {
        events?: LogEvent[];
        nextToken?: string;
      };
      for (const { message, timestamp } of page.events ?? []) {
        const ms = /^REPORT .*\tDuration: ([\d.]+) ms/.exec(message)?.[1];
        if (ms === undefined) continue;
        all.push({ function: logGroupName, from: timestamp - Number(ms), to: timestamp });
      }
      nextToken = page.nextToken;
      if (nextToken === undefined) break;
    }
  }
  return all;
}
