/**
 * Counts what DynamoDB would bill: every request asks for the capacity that it consumed. Writes are
 * those of the commands that write. What only emulators ask is left out by counting a span.
 */
import { type AttributeValue, type DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';

interface Capacity {
  readonly CapacityUnits?: number;
}

export interface Units {
  readonly write: number;
  readonly read: number;
  readonly requests: number;
}

const READS = /^(Get|BatchGet|Query|Scan|TransactGet)/;

export function countUnits(client: DynamoDBClient): { take(): Units } {
  let units = { write: 0, read: 0, requests: 0 };
  client.middlewareStack.add(
    (next, context) => async (args) => {
      const { commandName = '' } = context as { commandName?: string };
      if (/Table|TimeToLive/.test(commandName)) return next(args);
      const input = { ...(args.input as object), ReturnConsumedCapacity: 'TOTAL' };
      const answer = await next({ ...args, input } as never);
      const output = answer.output as { ConsumedCapacity?: Capacity | Capacity[] };
      const consumed = [output.ConsumedCapacity ?? []].flat();
      const sum = consumed.reduce((total, { CapacityUnits = 0 }) => total + CapacityUnits, 0);
      units.requests++;
      if (READS.test(commandName)) units.read += sum;
      else units.write += sum;
      return answer;
    },
    { step: 'initialize', name: 'units' },
  );
  return {
    take() {
      const taken = units;
      units = { write: 0, read: 0, requests: 0 };
      return taken;
    },
  };
}

/** What DynamoDB's storage counts of an item besides its attributes. */
const ITEM_OVERHEAD = 100;

function valueBytes({ S, N, B, M, L }: AttributeValue): number {
  if (S !== undefined) return Buffer.byteLength(S);
  if (N !== undefined) return Math.ceil(N.length / 2) + 1;
  if (B !== undefined) return B.length;
  const parts = [...Object.entries(M ?? {}), ...(L ?? []).map((value) => ['', value] as const)];
  if (M === undefined && L === undefined) return 1;
  return parts.reduce((sum, [name, value]) => sum + 1 + name.length + valueBytes(value), 3);
}

/** Bytes that a table's items are billed for. */
export async function storedBytes(client: DynamoDBClient, table: string): Promise<number> {
  let bytes = 0;
  let from: Record<string, AttributeValue> | undefined;
  do {
    const page = await client.send(
      new ScanCommand({ TableName: table, ...(from && { ExclusiveStartKey: from }) }),
    );
    for (const item of page.Items ?? []) {
      const names = Object.entries(item);
      bytes += names.reduce((sum, [name, value]) => sum + name.length + valueBytes(value), 0);
      bytes += ITEM_OVERHEAD;
    }
    from = page.LastEvaluatedKey;
  } while (from !== undefined);
  return bytes;
}
