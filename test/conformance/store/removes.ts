/** Commits that remove loose rows: they go with the version, or nothing goes. */
import { expect, it } from 'vitest';
import type { Commit, RowKey, Store } from '../../../lib/ports/store.ts';
import {
  bytes,
  commitNow,
  commitOf,
  faultOf,
  key,
  loose,
  put,
  text,
  valueOf,
  versionOf,
} from './harness.ts';

const removing = (removes: readonly RowKey[], mark = 'x'): Commit => ({
  ...commitOf([], mark),
  removes,
});
const names = async (store: Store): Promise<string[]> =>
  (await store.list('L')).map(({ sk }) => sk);

export function removeCases(
  fresh: () => Promise<Store>,
  another: (store: Store) => Promise<Store>,
): void {
  it('rows go with the version, others and the chain stay', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'a')]);
    await store.put(['a', 'b', 'c'].map((sk) => loose('L', sk, 'x', { nonce: 'n' })));
    const removes = [key('L', 'a'), key('L', 'c'), key('L', 'never-there')];
    expect(await store.commit(1, removing(removes, 'gone'))).toEqual({ ok: true, version: 2 });
    expect(await names(store)).toEqual(['b']);
    expect(await valueOf(store, 'A', '1')).toBe('a');
    const view = await store.snapshot();
    expect([view.version, text(view.head)]).toEqual([2, 'head gone']);
    view.release();
  });

  it('on another version nothing goes', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'a')]);
    await store.put([loose('L', 'a', 'x')]);
    for (const stale of [0, 2]) {
      expect(await store.commit(stale, removing([key('L', 'a')]))).toEqual({
        ok: false,
        conflict: true,
      });
    }
    expect([await names(store), await versionOf(store)]).toEqual([['a'], 1]);
  });

  it('of a removal and a commit on one version one wins', async () => {
    const store = await fresh();
    const other = await another(store);
    for (let version = 0; version < 10; version++) {
      await store.put([loose('L', `${version}`, 'x')]);
      const [removed, committed] = await Promise.all([
        store.commit(version, removing([key('L', `${version}`)])),
        other.commit(version, commitOf([put('A', `${version}`, 'a')])),
      ]);
      expect([removed.ok, committed.ok].sort()).toEqual([false, true]);
      expect((await names(store)).includes(`${version}`)).toBe(committed.ok);
      expect(await valueOf(store, 'A', `${version}`)).toBe(committed.ok ? 'a' : undefined);
    }
  });

  it('60 rows of 48 KB', async () => {
    const store = await fresh();
    const rows = Array.from({ length: 60 }, (_, i) => ({
      ...key('L', `${i}`),
      value: new Uint8Array(48 * 1024),
    }));
    await store.put(rows);
    expect(await store.commit(0, removing(rows))).toEqual({ ok: true, version: 1 });
    expect(await names(store)).toEqual([]);
  });

  it.each([
    ['61 rows', removing(Array.from({ length: 61 }, (_, i) => key('L', `${i}`)))],
    ['one row twice', removing([key('L', 'a'), key('L', 'a')])],
    ['a bad key', removing([key('L', '')])],
    ['changes too', { ...commitOf([put('A', '1', 'a')]), removes: [key('L', 'a')] }],
  ])('refuses %s', async (_name, commit) => {
    const store = await fresh();
    await store.put([{ ...key('L', 'a'), value: bytes('x') }]);
    expect(await faultOf(() => store.commit(0, commit))).toBe('store-limit');
    expect([await names(store), await versionOf(store)]).toEqual([['a'], 0]);
  });
}
