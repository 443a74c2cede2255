import { describe, expect, it } from 'vitest';
import { bytes, commitOf } from '../conformance/store/harness.ts';
import { type Connect, describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import {
  commitA,
  dieAtEachRequest,
  holdEachRequest,
  loseEachAnswer,
  readBetween,
  SIZES,
} from './commit-stories.ts';
import { changesOf, KEYS, openWorld } from './store-world.ts';

/** What a transaction that meets another is told while that one is between its items. */
const conflictOnHead = (items: number, refused: number): Error =>
  Object.assign(new Error('TransactionCanceledException'), {
    name: 'TransactionCanceledException',
    $metadata: { httpStatusCode: 400 },
    CancellationReasons: Array.from({ length: items }, (_, i) => ({
      Code: i === 0 ? 'TransactionConflict' : i === refused ? 'ConditionalCheckFailed' : 'None',
    })),
  });

function faultSuite(connect: Connect): void {
  it.each(['has won', 'has lost'])(
    'a transaction that meets another on head and behind it is tried again: the other %s',
    async (end) => {
      const world = await openWorld(connect, 3);
      const rival = await world.store();
      let met = 0;
      let isOver = false;
      const store = await world.store(async ({ name, input, send }) => {
        if (name !== 'TransactWriteItemsCommand' || met++ > 0) return send();
        if (end === 'has won' && !isOver) expect((await commitA(world, rival)).ok).toBe(true);
        const { TransactItems } = input as { TransactItems: object[] };
        throw conflictOnHead(TransactItems.length, TransactItems.length - 1);
      });
      const result = await store.commit(1, commitOf(changesOf('B1', 3), 'B1'));
      expect(result).toEqual(
        end === 'has won' ? { ok: false, conflict: true } : { ok: true, version: 2 },
      );
      const removal = { head: bytes('head C'), log: bytes('log C'), changes: [] };
      await rival.put([{ pk: 'loose', sk: 'row', value: bytes('left') }]);
      [met, isOver] = [0, true];
      const third = { ...removal, removes: [{ pk: 'loose', sk: 'row' }] };
      expect(await store.commit(2, third)).toEqual({ ok: true, version: 3 });
      expect(await rival.read([{ pk: 'loose', sk: 'row' }])).toEqual([undefined]);
      await world.close();
    },
  );

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

describeOnDynoxide('dynoxide', (connect) => {
  faultSuite(connect);
});
