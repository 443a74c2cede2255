/**
 * Counts what DynamoDB would bill: every request asks for the capacity that it consumed. Writes are
 * those of the commands that write. What only emulators ask is left out by counting a span.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

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
