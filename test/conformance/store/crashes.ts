/** A process that dies at any of its underlying writes leaves the old state or the new one. */
import { expect, it } from 'vitest';
import { logKey, type Store } from '../../../lib/ports/store.ts';
import {
  bytes,
  claimOp,
  commitNow,
  commitOf,
  key,
  look,
  loose,
  put,
  putOp,
  type TestStore,
  text,
} from './harness.ts';

const NOW = 1_800_000_000;
const WRITES_MAX = 5000;

interface Work {
  readonly name: string;
  run(store: Store): Promise<unknown>;
  /** `rows`: each row by itself is old or new; else all of them together. */
  readonly atomic: 'whole' | 'rows';
}

const KEYS = Array.from({ length: 130 }, (_, i) => key('P', `row${String(i).padStart(3, '0')}`));
const change = (mark: string, drop: number) =>
  KEYS.map((at, i) => (i % 5 === drop ? at : { ...at, value: bytes(`${mark} ${i}`) }));

const WORKS: Work[] = [
  {
    name: 'a commit of 130 changes',
    atomic: 'whole',
    run: (store) => store.commit(1, commitOf(change('new', 1), 'new')),
  },
  {
    name: 'a commit of 3 changes',
    atomic: 'whole',
    run: (store) => store.commit(1, commitOf(change('new', 1).slice(0, 3), 'new')),
  },
  {
    name: 'a commit that removes 30 rows',
    atomic: 'whole',
    run: (store) => {
      const removes = Array.from({ length: 30 }, (_, i) => key('L', `k${i}`));
      return store.commit(1, { ...commitOf([], 'gone'), removes });
    },
  },
  {
    name: 'a transaction',
    atomic: 'whole',
    run: (store) =>
      store.transact([
        claimOp('P', 'row005', 'tx', { if: { version: 1 } }),
        claimOp('P', 'future', 'tx'),
        putOp('L', 'tx', 'raw', { nonce: 'n' }),
        { op: 'delete', ...key('L', 'k0') },
      ]),
  },
  {
    name: 'a put of 60 rows',
    atomic: 'rows',
    run: (store) =>
      store.put(Array.from({ length: 60 }, (_, i) => loose('L', `k${i}`, `new ${i}`))),
  },
  {
    name: 'a removal of 40 rows',
    atomic: 'rows',
    run: (store) => store.remove(Array.from({ length: 40 }, (_, i) => key('L', `k${i}`))),
  },
  { name: 'a sweep', atomic: 'rows', run: (store) => store.sweep(NOW) },
];

async function furnish(store: Store): Promise<void> {
  await commitNow(store, change('old', 2), 'old');
  await store.put(
    Array.from({ length: 50 }, (_, i) =>
      loose('L', `k${i}`, `old ${i}`, i < 20 ? { expiresAt: NOW - 1 } : {}),
    ),
  );
}

/** All that the store shows, a line each. */
async function stateOf(store: Store): Promise<string[]> {
  const chain = await look(store, async (view) => [
    `version ${view.version} ${text(view.head)}`,
    ...(await view.getMany([logKey(1), logKey(2), logKey(3)])).map(
      (row) => `log ${text(row?.value)}`,
    ),
    ...(await view.cells([...KEYS, key('P', 'future')])).map(
      (cell, i) => `${KEYS[i]?.sk} ${text(cell.value)} ${cell.value && cell.version} ${cell.claim}`,
    ),
    ...(await view.range('P')).map((row) => `range ${row.sk} ${text(row.value)} ${row.version}`),
  ]);
  const names = Array.from({ length: 60 }, (_, i) => key('L', `k${i}`));
  const rows = await store.read([...names, key('L', 'tx')]);
  return [...chain, ...rows.map((row, i) => `loose ${i} ${text(row?.value)} ${row?.nonce}`)];
}

async function finalState(open: () => Promise<TestStore>, work?: Work): Promise<string[]> {
  const test = await open();
  try {
    await furnish(test.store);
    await work?.run(test.store);
    return await stateOf(test.store);
  } finally {
    await test.destroy();
  }
}

function checkState(
  work: Work,
  state: string[],
  old: string[],
  fresh: string[],
  told: string,
): void {
  if (work.atomic === 'whole') {
    expect([old.join('\n'), fresh.join('\n')], told).toContain(state.join('\n'));
    return;
  }
  state.forEach((line, i) => expect([old[i], fresh[i]], `${told}, line ${i}`).toContain(line));
}

export function crashCases(open: () => Promise<TestStore>): void {
  it.each(WORKS)('$name, dead before or after each underlying write', async (work) => {
    const old = await finalState(open);
    const fresh = await finalState(open, work);
    expect(fresh).not.toEqual(old);
    let seenOld = false;
    for (const done of [false, true]) {
      for (let write = 1; write <= WRITES_MAX; write++) {
        const test = await open();
        await furnish(test.store);
        const dying = await test.dying?.(write, { done });
        if (dying === undefined) throw new Error('the adapter must be able to die');
        await work.run(dying.store).catch(() => undefined);
        const died = dying.died();
        const store = (await test.reopen?.()) as Store;
        const state = await stateOf(store);
        checkState(work, state, old, fresh, `write ${write}, ${done ? 'done' : 'not done'}`);
        seenOld ||= state.join('\n') === old.join('\n');
        // Whoever comes next can go on.
        await commitNow(store, [put('P', 'after', 'x')], 'after');
        if (!died) expect(state, 'the work ran to its end').toEqual(fresh);
        await test.destroy();
        if (!died) break;
      }
    }
    expect(seenOld, 'some death leaves the old state').toBe(true);
  });

  it('what was answered is there after the process ended', async () => {
    const test = await open();
    await furnish(test.store);
    const before = await stateOf(test.store);
    const store = (await test.reopen?.()) as Store;
    expect(await stateOf(store)).toEqual(before);
    await commitNow(store, [put('P', 'after', 'x')]);
    await test.destroy();
  });
}
