/** The suite of the Store port, on a table in bad weather. The seed is in the suite's name. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { dynamoSuite } from '../conformance/store/dynamodb.ts';
import { storeSuite } from '../conformance/store-suite.ts';
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import { seeded, withStaleReads, withWeather } from './weather.ts';

/** The partition that is read. */
const readOf = (name: string, input: object): string => {
  const { Key, ExpressionAttributeValues: values } = input as {
    Key?: { pk: { S: string } };
    ExpressionAttributeValues?: { ':pk'?: { S: string } };
  };
  return `${name} ${Key?.pk.S ?? values?.[':pk']?.S}`;
};

const seed = Number(process.env['STACKCHAIN_SEED'] ?? 20261125);

describeOnDynoxide(`dynoxide, seed ${seed}`, (connectFair) => {
  const random = seeded(seed);
  const counts: Record<string, number> = {};
  const stale = new Set<string>();
  const connect = async (): Promise<DynamoDBClient> =>
    withWeather(
      withStaleReads(await connectFair(), random, (name, input) => stale.add(readOf(name, input))),
      random,
      counts,
    );

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
    it('made those reads stale that allow it, and no other does', () => {
      expect([...stale].sort()).toEqual(['GetItemCommand  head', 'QueryCommand L']);
    });
  });
});
