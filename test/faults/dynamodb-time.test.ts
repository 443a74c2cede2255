/**
 * The store protocol and time: deadlines, sleepers, clean-up, and readers that may not write. See
 * docs/storage.md, "Commits on DynamoDB".
 */
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import type { RowKey } from '../../lib/ports/store.ts';
import { commitOf, faultOf } from '../conformance/store/harness.ts';
import { type Connect, describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import { commitA, commitAs, died, gate, LATER_MS } from './commit-stories.ts';
import { changesOf, checkItems, type Fate, KEYS, openWorld, type World } from './store-world.ts';

function timeSuite(connect: Connect): void {
  /** A commit that stops at its first request of this kind, its world, and what it is told. */
  async function stopped(isIt: (name: string, input: object) => boolean) {
    const world = await openWorld(connect, KEYS.length);
    const held = gate();
    let isHeld = false;
    let sent = 0;
    const fate: Fate = async ({ name, input, send }) => {
      if (!isHeld && isIt(name, input)) {
        isHeld = true;
        held.reach();
        await held.opened;
      }
      const answer = await send();
      if (isHeld) sent++;
      return answer;
    };
    const running = faultOf(async () => commitA(world, await world.store(fate)));
    await held.reached;
    return { world, held, running, sent: () => sent };
  }
  const isRow = (name: string): boolean => name === 'BatchExecuteStatementCommand';
  const removeTombstones = async (world: World): Promise<number> => {
    const client = await connect();
    const gone = (await world.scan()).filter((item) => item['x'] && !item['d']);
    for (const { pk, sk } of gone) {
      await client.send(
        new DeleteItemCommand({ TableName: world.table, Key: { pk, sk } as never }),
      );
    }
    client.destroy();
    return gone.length;
  };

  it('after its deadline a writer sends nothing, so tombstones may go', async () => {
    const { world, held, running, sent } = await stopped(isRow);
    const other = await world.store();
    world.clock.advance(LATER_MS);
    await commitAs(other, 'B1');
    world.clock.advance(11 * 60_000);
    expect(await removeTombstones(world)).toBeGreaterThan(0);
    held.open();
    expect(await running).toBe('commit-unknown');
    expect(sent(), 'requests after the deadline').toBe(0);
    expect(await world.check(other, 'after the late writer')).toBe('B1');
    await world.close();
  });

  it('an intent that slept for months is finished by the first reader', async () => {
    let named = false;
    const isAfterNaming = (name: string): boolean => {
      const is = named && isRow(name);
      named ||= name === 'UpdateItemCommand';
      return is;
    };
    const { world, held, running } = await stopped(isAfterNaming);
    world.clock.advance(120 * 86_400_000);
    await removeTombstones(world);
    const reader = await world.store();
    expect(await world.check(reader, 'the first reader')).toBe('A');
    held.open();
    await running;
    expect(await world.check(reader, 'after the sleeper woke up')).toBe('A');
    await world.close();
  });

  it('the sweeper spares a named intent and takes an unnamed one after a day', async () => {
    const { world, held, running } = await stopped(isRow);
    const sweeper = await world.store();
    const intents = async (): Promise<number> =>
      (await world.scan()).filter((item) => item['pk']?.S?.startsWith(' I#')).length;
    const seconds = (): number => Math.floor(world.clock.nowMs() / 1000);
    await sweeper.sweep(seconds() + 90_000);
    expect(await intents(), 'the named one').toBe(1);
    world.clock.advance(LATER_MS);
    expect(await world.check(sweeper, 'finished by the reader')).toBe('A');
    held.open();
    await running;
    const naming = await (async () => {
      const fate: Fate = async ({ name, input, send }) => {
        const { UpdateExpression = '' } = input as { UpdateExpression?: string };
        if (name === 'UpdateItemCommand' && UpdateExpression.includes('#in = :n')) throw died();
        return send();
      };
      return faultOf(async () =>
        (await world.store(fate)).commit(2, commitOf(changesOf('B2'), 'B2')),
      );
    })();
    expect(naming).toBe('store-io');
    expect(await intents(), 'one that nobody named').toBe(1);
    await sweeper.sweep(seconds() + 3600);
    expect(await intents(), 'too young').toBe(1);
    await sweeper.sweep(seconds() + 90_000);
    expect(await intents(), 'swept').toBe(0);
    await world.close();
  });

  it('a reader that may not write reads beside an old intent, for less than a day', async () => {
    const { world, held, running } = await stopped(isRow);
    let refused = 0;
    const reader = await world.store(async ({ name, send }) => {
      if (/^(GetItem|BatchGetItem|Query)Command$/.test(name)) return send();
      refused++;
      throw Object.assign(new Error('may not'), {
        name: 'AccessDeniedException',
        $metadata: { httpStatusCode: 400 },
      });
    });
    const before = await world.scan();
    world.clock.advance(LATER_MS);
    expect(await world.check(reader, 'the first time')).toBe('old');
    expect(refused).toBeGreaterThan(0);
    refused = 0;
    world.clock.advance(22 * 3_600_000);
    expect(await world.check(reader, 'a day later, nearly')).toBe('old');
    expect(refused, 'it asks once').toBe(0);
    // From here on deleted rows of the intent may be gone, and what was before with them.
    world.clock.advance(2 * 3_600_000);
    expect(await faultOf(() => reader.snapshot())).toBe('store-io');
    expect(await world.scan()).toEqual(before);
    expect(await world.check(await world.store(), 'who may write')).toBe('A');
    expect(await world.check(reader, 'after it was finished')).toBe('A');
    held.open();
    await running;
    await world.close();
  });

  it('a claim on a row that left the chain lives as long as it asks for', async () => {
    const world = await openWorld(connect, KEYS.length);
    const store = await world.store();
    await commitAs(store, 'B1');
    const now = Math.floor(world.clock.nowMs() / 1000);
    const day = 24 * 3600;
    const endOf = async (sk: string): Promise<number> =>
      Number((await world.scan()).find((item) => item['sk']?.S === sk)?.['x']?.N);
    const [, at, other] = KEYS as [RowKey, RowKey, RowKey];
    const claim = (key: RowKey, expiresAt: number) =>
      store.transact([{ op: 'claim', ...key, claim: 'tx', expiresAt }]);
    expect(await claim(at, now + 4 * day)).toEqual({ ok: true });
    expect(await endOf(at.sk)).toBe(now + 4 * day);
    // A short one must not end the row before late writers are out of time.
    expect(await claim(other, now + 60)).toEqual({ ok: true });
    expect(await endOf(other.sk)).toBeGreaterThanOrEqual(now + day);
    await commitAs(store, 'B2');
    expect(await endOf(at.sk), 'back in the chain').toBeNaN();
    expect(await claim(at, now + 60)).toEqual({ ok: true });
    expect(await endOf(at.sk), 'a coin must not expire').toBeNaN();
    await world.close();
  });

  it('many finish one intent at once, in any order', async () => {
    const { world, held, running } = await stopped(isRow);
    world.clock.advance(LATER_MS);
    const stores = await Promise.all(Array.from({ length: 6 }, () => world.store()));
    const marks = await Promise.all(stores.map((store) => world.check(store, 'a finisher')));
    expect(marks).toEqual(Array(6).fill('A'));
    held.open();
    expect(await running).toEqual({ ok: true, version: 2 });
    checkItems(await world.scan(), new Map(), 'after all');
    await world.close();
  });
}

describeOnDynoxide('dynoxide', (connect) => {
  timeSuite(connect);
});
