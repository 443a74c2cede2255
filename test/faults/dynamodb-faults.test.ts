/**
 * The store protocol under faults, request by request: every request of a commit is in turn cut
 * off, answered by silence, held while others go on, and sent twice. See docs/storage.md.
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { afterAll, describe, expect, it } from 'vitest';
import { faultOf } from '../conformance/store/harness.ts';
import {
  dynamoClientOn,
  dynoxidePath,
  type RunningDynamo,
  startDynoxide,
} from '../helpers/dynamodb.ts';
import { describeWith } from '../helpers/tools.ts';
import {
  type Connect,
  checkAnswer,
  commitA,
  commitAs,
  died,
  forEachRequest,
  holdEachRequest,
  LATER_MS,
  readBetween,
  SIZES,
} from './commit-stories.ts';
import { checkItems, type Fate, KEYS } from './store-world.ts';
import { lost } from './weather.ts';

function faultSuite(connect: Connect): void {
  describe.each(SIZES)('%s', (_name, countA) => {
    it('a reader between every two requests sees old or new, whole; the items keep their order', () =>
      readBetween(connect, countA));

    it.each(['before', 'after'])(
      'dead %s each request: old or new, and the next goes on',
      async (when) => {
        const ends = new Set<string>();
        const requests = await forEachRequest(connect, countA, async (world, at) => {
          let isDead = false;
          const fate: Fate = async ({ index, send }) => {
            if (isDead || (index >= at && when === 'before')) {
              isDead = true;
              throw died();
            }
            const answer = await send();
            if (index < at) return answer;
            isDead = true;
            throw died();
          };
          const answer = await faultOf(async () => commitA(world, await world.store(fate)));
          world.clock.advance(LATER_MS);
          const next = await world.store();
          ends.add(await world.check(next, `dead ${when} request ${at}`));
          checkItems(await world.scan(), new Map(), `dead ${when} request ${at}`);
          await checkAnswer(next, answer, `dead ${when} request ${at}`);
          await commitAs(next, 'B2');
          expect(await world.check(next, 'after the next commit')).toBe('B2');
          return isDead;
        });
        expect(requests).toBeGreaterThan(0);
        // A small commit is one request: once it was carried out, only the new state is left.
        const isDone = when === 'after' && countA < KEYS.length;
        expect([...ends].sort()).toEqual(isDone ? ['A'] : ['A', 'old']);
      },
    );

    it('the answer of each request is lost once', async () => {
      await forEachRequest(connect, countA, async (world, at) => {
        let wasLost = false;
        const fate: Fate = async ({ index, send }) => {
          const answer = await send();
          if (index !== at) return answer;
          wasLost = true;
          throw lost();
        };
        const answer = await commitA(world, await world.store(fate));
        expect(answer, `lost answer ${at}`).toEqual({ ok: true, version: 2 });
        expect(await world.check(await world.store(), `lost answer ${at}`)).toBe('A');
        return wasLost;
      });
    });

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
