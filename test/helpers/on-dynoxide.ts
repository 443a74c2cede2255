/** Suites on dynoxide: a table service of their own, started for whoever connects first. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll } from 'vitest';
import { dynoxidePath, type RunningDynamo, startDynoxide } from './dynamodb.ts';
import { describeWith } from './tools.ts';

export type Connect = () => Promise<DynamoDBClient>;

export function describeOnDynoxide(name: string, suite: (connect: Connect) => void): void {
  const missing = 'npm has no build of dynoxide for this platform';
  describeWith(dynoxidePath(), { name, missing }, (binary) => {
    let started: Promise<RunningDynamo> | undefined;
    afterAll(async () => (await started)?.stop());
    suite(async () => {
      started ??= startDynoxide(binary);
      return (await started).client();
    });
  });
}
