/** The suite of the Store port, on a table in bad weather. The seed is in the suite's name. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { dynamoSuite } from '../conformance/store/dynamodb.ts';
import { storeSuite } from '../conformance/store-suite.ts';
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import { seeded, withWeather } from './weather.ts';

const seed = Number(process.env['STACKCHAIN_SEED'] ?? 20261125);

describeOnDynoxide(`dynoxide, seed ${seed}`, (connectFair) => {
  const random = seeded(seed);
  const counts: Record<string, number> = {};
  let eventual = 0;
  const connect = async (): Promise<DynamoDBClient> => {
    const client = await connectFair();
    client.middlewareStack.add(
      (next, context) => (args) => {
        const { commandName = '' } = context as { commandName?: string };
        const input = args.input as { ConsistentRead?: boolean; RequestItems?: object };
        const asked = Object.values(input.RequestItems ?? { one: input });
        const isRead = /^(GetItem|BatchGetItem|Query)Command$/.test(commandName);
        if (isRead && !asked.every((part) => part.ConsistentRead === true)) eventual++;
        return next(args);
      },
      { step: 'initialize', name: 'consistency', priority: 'low' },
    );
    return withWeather(client, random, counts);
  };

  const suite = dynamoSuite('dynamodb in bad weather', connect, {
    raceRounds: 10,
    historyRuns: 12,
  });
  storeSuite({
    ...suite,
    skips: { crash: 'its requests are counted where the weather is fair' },
  });

  describe('the weather', () => {
    it('was bad in every way', () => {
      expect(Object.keys(counts).sort()).toEqual([
        'conflict with a transaction',
        'connection reset',
        'failed after success',
        'failed before',
        'throttled',
        'throttled statements',
        'transaction conflict',
        'unprocessed keys',
      ]);
    });
    it('could not make a read stale: all reads are strongly consistent', () => {
      expect(eventual).toBe(0);
    });
  });
});
