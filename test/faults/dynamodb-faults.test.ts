/**
 * The store protocol under faults, request by request: every request of a commit is in turn cut
 * off, answered by silence, held while others go on, and sent twice. See docs/storage.md.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, it } from 'vitest';
import {
  dynamoClientOn,
  dynoxidePath,
  type RunningDynamo,
  startDynoxide,
} from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import {
  type Connect,
  dieAtEachRequest,
  holdEachRequest,
  loseEachAnswer,
  readBetween,
  SIZES,
} from './commit-stories.ts';
import { KEYS } from './store-world.ts';

function faultSuite(connect: Connect): void {
  describe.each(SIZES)('%s', (_name, countA) => {
    it('a reader between every two requests sees old or new, whole; the items keep their order', () =>
      readBetween(connect, countA));

    it.each(['before', 'after'] as const)(
      'dead %s each request: old or new, the next goes on, nothing is left behind',
      async (when) => {
        const ends = await dieAtEachRequest(connect, countA, when);
        // A small commit is one request: once it was carried out, only the new state is left.
        const isDone = when === 'after' && countA < KEYS.length;
        expect(ends).toEqual(isDone ? ['A'] : ['A', 'old']);
      },
    );

    it('the answer of each request is lost once', () => loseEachAnswer(connect, countA));

    it.each(['once', 'twice'])(
      'each request is held while others finish and commit twice, then sent %s',
      async (times) => {
        const winners = await holdEachRequest(connect, countA, times);
        const isOne = countA < KEYS.length;
        expect(winners).toEqual(isOne ? [times === 'twice'] : [false, true]);
      },
    );
  });
}

describeWith(
  dynoxidePath(),
  { name: 'dynoxide', missing: 'npm has no build of dynoxide for this platform' },
  (binary) => {
    let running: Promise<RunningDynamo> | undefined;
    afterAll(async () => (await running)?.stop());
    const connect = async (): Promise<DynamoDBClient> => {
      running ??= startDynoxide(binary);
      return dynamoClientOn((await running).endpoint);
    };
    faultSuite(connect);
  },
);
