/** Loose rows outside transactions: put, read, list, remove, and what expires. */
import { expect, it } from 'vitest';
import type { Store } from '../../../lib/ports/store.ts';
import { bytes, claimOp, commitNow, del, key, look, loose, put, putOp, text } from './harness.ts';

const NOW = 1_800_000_000;
const DAY = 86_400;

const names = async (store: Store, pk: string): Promise<string[]> =>
  (await store.list(pk)).map((row) => row.sk);

async function claimOn(store: Store, sk: string): Promise<string | undefined> {
  return (await look(store, (view) => view.cells([key('C', sk)])))[0]?.claim;
}

export function looseCases(fresh: () => Promise<Store>): void {
  it('1,500 rows are put, read in order, put again, removed', async () => {
    const store = await fresh();
    const rows = Array.from({ length: 1500 }, (_, i) => loose(`L${i % 3}`, `k${i}`, `value ${i}`));
    await store.put(rows);
    await store.put(rows);
    const asked = [...rows.slice(700, 900), loose('L0', 'none', ''), ...rows.slice(0, 5)];
    const got = await store.read(asked);
    expect(got.map((row) => text(row?.value))).toEqual(
      asked.map((row) => (row.sk === 'none' ? undefined : text(row.value))),
    );
    await store.remove(rows.slice(0, 1400));
    await store.remove([key('L0', 'never-there')]);
    expect(
      (await names(store, 'L0')).length +
        (await names(store, 'L1')).length +
        (await names(store, 'L2')).length,
    ).toBe(100);
  });

  it('nothing to put, read or remove', async () => {
    const store = await fresh();
    await store.put([]);
    await store.remove([]);
    expect(await store.read([])).toEqual([]);
    expect(await store.list('L')).toEqual([]);
    expect(await look(store, (view) => view.getMany([]))).toEqual([]);
    expect(await look(store, (view) => view.firstMany([]))).toEqual([]);
  });

  it('values of 180 KB', async () => {
    const store = await fresh();
    const value = new Uint8Array(180 * 1024).fill(7);
    await store.put(Array.from({ length: 8 }, (_, i) => ({ ...key('L', `${i}`), value })));
    const rows = await store.list('L');
    expect(rows.map((row) => Buffer.compare(row.value, value))).toEqual(Array(8).fill(0));
  });

  it('no snapshot shows them and no list shows the chain', async () => {
    const store = await fresh();
    await store.put([loose('A', '1', 'loose')]);
    await commitNow(store, [put('A', '2', 'chain')]);
    expect((await look(store, (view) => view.range('A'))).map((row) => row.sk)).toEqual(['2']);
    expect(await look(store, (view) => view.get(key('A', '1')))).toBeUndefined();
    expect(await names(store, 'A')).toEqual(['1']);
    expect(await store.read([key('A', '2')])).toEqual([undefined]);
  });

  it('sweep removes rows that expired, and no other', async () => {
    const store = await fresh();
    await store.put([
      loose('L', 'past', 'x', { expiresAt: NOW - 1 }),
      loose('L', 'future', 'x', { expiresAt: NOW + 1 }),
      loose('L', 'never', 'x'),
      loose('L', 'renewed', 'x', { expiresAt: NOW - 5 }),
      loose('L', 'kept', 'x', { expiresAt: NOW - 5 }),
      loose('L', 'gone', 'x', { expiresAt: NOW - 9 }),
    ]);
    await store.put([loose('L', 'renewed', 'y', { expiresAt: NOW + 9 }), loose('L', 'kept', 'y')]);
    await store.transact([putOp('L', 'short', 'x', { expiresAt: NOW - 2 })]);
    await store.remove([key('L', 'gone')]);
    await store.sweep(NOW);
    expect(await names(store, 'L')).toEqual(['future', 'kept', 'never', 'renewed']);
    await store.sweep(NOW + 10);
    expect(await names(store, 'L')).toEqual(['kept', 'never']);
  });

  it('sweep removes many', async () => {
    const store = await fresh();
    await store.put(
      Array.from({ length: 2300 }, (_, i) => loose('L', `${i}`, 'x', { expiresAt: NOW + i })),
    );
    await store.sweep(NOW + 2250);
    expect((await names(store, 'L')).length).toBe(50);
  });

  it('a claim expires only while its row holds no value', async () => {
    const store = await fresh();
    await commitNow(store, [put('C', 'live', 'coin')]);
    await store.transact([
      claimOp('C', 'live', 'a', { expiresAt: NOW - 1 }),
      claimOp('C', 'empty', 'b', { expiresAt: NOW - 1 }),
      claimOp('C', 'later', 'c', { expiresAt: NOW + 100 }),
      claimOp('C', 'filled', 'd', { expiresAt: NOW - 1 }),
      claimOp('C', 'again', 'e', { expiresAt: NOW - 1 }),
    ]);
    await commitNow(store, [put('C', 'filled', 'coin')]);
    await store.transact([claimOp('C', 'again', 'f', { expiresAt: NOW + 100 })]);
    await store.sweep(NOW);
    const claims = await Promise.all(
      ['live', 'empty', 'later', 'filled', 'again'].map((sk) => claimOn(store, sk)),
    );
    expect(claims).toEqual(['a', undefined, 'c', 'd', 'f']);
  });

  it('a claim on a row that left the chain goes a day later, unless the row came back', async () => {
    const store = await fresh();
    await commitNow(
      store,
      ['spent', 'back', 'live'].map((sk) => put('C', sk, 'coin')),
    );
    await store.transact(['spent', 'back', 'live'].map((sk) => claimOp('C', sk, 'tx')));
    await commitNow(store, [del('C', 'spent'), del('C', 'back')]);
    expect(await claimOn(store, 'spent'), 'at once').toBe('tx');
    await store.sweep(NOW);
    expect(await claimOn(store, 'back'), 'at the first sweep').toBe('tx');
    await commitNow(store, [put('C', 'back', 'coin')]);
    await store.sweep(NOW + 2 * DAY);
    await store.sweep(NOW + 4 * DAY);
    expect(await Promise.all(['back', 'live'].map((sk) => claimOn(store, sk)))).toEqual([
      'tx',
      'tx',
    ]);
    expect(await look(store, (view) => view.get(key('C', 'spent')))).toBeUndefined();
  });

  it('holds copies of what it was given', async () => {
    const store = await fresh();
    const value = bytes('same');
    const writing = store.put([{ ...key('L', '1'), value }]);
    value.fill(0);
    await writing;
    expect(text((await store.read([key('L', '1')]))[0]?.value)).toBe('same');
  });
}
