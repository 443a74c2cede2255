/**
 * What the fault tests of commits share: a commit A that meets a fate at one of its requests, others
 * that go on meanwhile, and the checks that follow.
 */
import { expect } from 'vitest';
import { Fault } from '../../lib/faults.ts';
import { type CommitResult, logKey, type Store } from '../../lib/ports/store.ts';
import { commitOf, faultOf, look, text, versionOf } from '../conformance/store/harness.ts';
import type { Connect } from '../helpers/on-dynoxide.ts';
import {
  BULKY,
  bulkOf,
  changesOf,
  checkItems,
  type Fate,
  KEYS,
  openWorld,
  type World,
} from './store-world.ts';
import { lost } from './weather.ts';

const REQUESTS_MAX = 400;
/** Longer than a young intent's lease, and than a reader leaves an intent open. */
export const LATER_MS = 61_000;

const DAY_MS = 25 * 3_600_000;

export const died = (): Fault => new Fault('store-io', 'the process died here');

export const commitA = (world: World, store: Store): Promise<CommitResult> =>
  store.commit(1, commitOf([...changesOf('A', world.countA), ...bulkOf(world.countA)], 'A'));

/** Commits on what is visible, again while others are faster. */
export async function commitAs(store: Store, mark: string): Promise<void> {
  for (let tries = 0; tries < 20; tries++) {
    const result = await store.commit(await versionOf(store), commitOf(changesOf(mark), mark));
    if (result.ok) return;
  }
  throw new Error('no commit succeeded');
}

/** What A was told must be what the log says. */
export async function checkAnswer(store: Store, answer: unknown, told: string): Promise<void> {
  const log = await look(store, async (view) => text((await view.get(logKey(2)))?.value));
  if (typeof answer === 'string') return; // A fault: either way is right.
  expect((answer as CommitResult).ok, `${told}: answer against log "${log}"`).toBe(log === 'log A');
}

interface Gate {
  readonly reached: Promise<void>;
  open(): void;
  readonly opened: Promise<void>;
  reach(): void;
}
export function gate(): Gate {
  let open = (): void => undefined;
  let reach = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { opened, reached, open: () => open(), reach: () => reach() };
}

/** How many keys commit A touches; the bulky one has rows besides that fill several batches and chunks. */
export const SIZES: [string, number][] = [
  ['a large commit', KEYS.length],
  ['a bulky commit', BULKY],
  ['a small commit', 3],
];

/** Runs `one` for request 1, 2, … of commit A until A makes no such request any more. */
export async function forEachRequest(
  connect: Connect,
  countA: number,
  one: (world: World, at: number) => Promise<boolean>,
): Promise<number> {
  for (let at = 1; at <= REQUESTS_MAX; at++) {
    const world = await openWorld(connect, countA);
    try {
      if (!(await one(world, at))) return at - 1;
    } finally {
      await world.close();
    }
  }
  throw new Error('the commit made too many requests');
}

/** Whether commit A won, over all requests that it was held at. */
export async function holdEachRequest(
  connect: Connect,
  countA: number,
  times: string,
): Promise<boolean[]> {
  const winners = new Set<boolean>();
  await forEachRequest(connect, countA, async (world, at) => {
    const held = gate();
    let wasHeld = false;
    const fate: Fate = async ({ index, send }) => {
      if (index !== at) return send();
      wasHeld = true;
      if (times === 'twice') await send().catch(() => undefined);
      held.reach();
      await held.opened;
      return send();
    };
    const running = faultOf(async () => commitA(world, await world.store(fate)));
    await Promise.race([held.reached, running]);
    if (!wasHeld) return false;
    world.clock.advance(LATER_MS);
    const other = await world.store();
    const told = `request ${at} held, sent ${times}`;
    let version = 0;
    try {
      await world.check(other, told);
      await commitAs(other, 'B1');
      await world.check(other, told);
      await commitAs(other, 'B2');
      version = await versionOf(other);
    } finally {
      held.open();
    }
    const answer = await running;
    expect(await world.check(other, `${told}, after it woke up`)).toBe('B2');
    expect(await versionOf(other), `${told}: the version`).toBe(version);
    checkItems(await world.scan(), new Map(), told);
    await checkAnswer(other, answer, told);
    winners.add((answer as CommitResult).ok === true);
    return true;
  });
  return [...winners].sort();
}

/** A reader and a look at the items between every two requests of commit A. */
export async function readBetween(connect: Connect, countA: number): Promise<void> {
  const world = await openWorld(connect, countA);
  const reader = await world.store();
  const seen = new Map<string, number>();
  const marks = new Set<string>();
  let turn: Promise<unknown> = Promise.resolve();
  const fate: Fate = ({ index, send }) => {
    const mine = turn.then(async () => {
      marks.add(await world.check(reader, `before request ${index}`));
      checkItems(await world.scan(), seen, `before request ${index}`);
      return send();
    });
    turn = mine.catch(() => undefined);
    return mine;
  };
  expect(await commitA(world, await world.store(fate))).toEqual({ ok: true, version: 2 });
  expect(await world.check(reader, 'at the end')).toBe('A');
  checkItems(await world.scan(), seen, 'at the end');
  expect([...marks]).toContain('old');
  await world.close();
}

/** The process dies before or after each request of commit A. Answers the states that were found. */
export async function dieAtEachRequest(
  connect: Connect,
  countA: number,
  when: 'before' | 'after',
): Promise<string[]> {
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
    const told = `dead ${when} request ${at}`;
    ends.add(await world.check(next, told));
    checkItems(await world.scan(), new Map(), told);
    await checkAnswer(next, answer, told);
    await commitAs(next, 'B2');
    expect(await world.check(next, 'after the next commit')).toBe('B2');
    world.clock.advance(DAY_MS);
    await next.sweep(Math.floor(world.clock.nowMs() / 1000));
    const left = (await world.scan()).filter(({ pk }) => /^ [iI]/.test(pk?.S ?? ''));
    expect(left, `${told}: intents after a day`).toEqual([]);
    return isDead;
  });
  expect(requests).toBeGreaterThan(0);
  return [...ends].sort();
}

/** The answer of each request of commit A is lost once; it must be told that it succeeded. */
export async function loseEachAnswer(connect: Connect, countA: number): Promise<void> {
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
}
