/** Loose rows outside transactions: many at once, none of it atomic as a whole. */
import {
  DeleteItemCommand,
  ScanCommand,
  type ScanCommandOutput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { LooseRow, RowKey } from '../../ports/store.ts';
import { type DynamoPorts, inParallel } from './attempt.ts';
import { type Item, itemKey, NO_OTHER_CELL } from './items.ts';
import { plainAttempt } from './reads.ts';
import { isRefused } from './rows.ts';
import { looseUpdate } from './transact.ts';

const ROWS_AT_ONCE = 32;

export async function putRows(ports: DynamoPorts, rows: readonly LooseRow[]): Promise<void> {
  const copies = rows.map((row) => ({ ...row, value: row.value.slice() }));
  const attempt = plainAttempt(ports);
  await inParallel(copies, ROWS_AT_ONCE, async (row) => {
    const { update, values } = looseUpdate(row);
    const input = {
      TableName: ports.table,
      Key: itemKey(row),
      UpdateExpression: update,
      ExpressionAttributeValues: values,
    };
    await attempt.send(() => new UpdateItemCommand(input) as never);
  });
}

export async function removeRows(ports: DynamoPorts, keys: readonly RowKey[]): Promise<void> {
  const attempt = plainAttempt(ports);
  const unlessRefused = async (makeCommand: () => object): Promise<boolean> => {
    try {
      await attempt.send(makeCommand as never);
      return true;
    } catch (error) {
      if (isRefused(error)) return false;
      throw error;
    }
  };
  await inParallel(keys, ROWS_AT_ONCE, async (key) => {
    const target = { TableName: ports.table, Key: itemKey(key) };
    const wasAlone = await unlessRefused(
      () =>
        new DeleteItemCommand({
          ...target,
          ConditionExpression: NO_OTHER_CELL,
        }),
    );
    if (wasAlone) return;
    await unlessRefused(
      () =>
        new UpdateItemCommand({
          ...target,
          UpdateExpression: 'REMOVE l, n, e',
          ConditionExpression: 'attribute_exists(l)',
        }),
    );
  });
}

/**
 * Removes what expired and was never in the chain, by reading the whole table: for emulators, whose
 * clean-up is slow or none. Deleted chain rows are left to the database's own clean-up.
 */
export async function sweepByScan(ports: DynamoPorts, now: number): Promise<void> {
  const attempt = plainAttempt(ports);
  const condition = {
    ExpressionAttributeValues: { ':now': { N: String(now) } },
    TableName: ports.table,
  };
  const expired = 'x < :now AND attribute_not_exists(v)';
  for (let start: Item | undefined; ; ) {
    const input = { ...condition, FilterExpression: expired, ExclusiveStartKey: start };
    const page = await attempt.send<ScanCommandOutput>(() => new ScanCommand(input) as never);
    await inParallel(page.Items ?? [], ROWS_AT_ONCE, async ({ pk, sk }) => {
      try {
        await attempt.send(
          () =>
            new DeleteItemCommand({
              ...condition,
              Key: { pk, sk } as Item,
              ConditionExpression: expired,
            }) as never,
        );
      } catch (error) {
        if (!isRefused(error)) throw error; // Renewed meanwhile.
      }
    });
    start = page.LastEvaluatedKey;
    if (start === undefined) return;
  }
}
