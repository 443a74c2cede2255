/** Commits: any number of changes, all or none, refused on any other version. */
import { expect, it } from 'vitest';
import type { Store } from '../../../lib/ports/store.ts';
import { logKey } from '../../../lib/ports/store.ts';
import {
  bytes,
  commitNow,
  commitOf,
  del,
  key,
  look,
  put,
  text,
  valueOf,
  versionOf,
} from './harness.ts';

const SIZES = [0, 1, 24, 25, 99, 100, 2500, 50_000];
const VALUE_BYTES_MAX = 180 * 1024;

export function commitCases(fresh: () => Promise<Store>): void {
  it('an empty store has version 0 and no head', async () => {
    const store = await fresh();
    const { version, head } = await store.snapshot();
    expect({ version, head }).toEqual({ version: 0, head: undefined });
  });

  it.each(SIZES)(
    'a commit of %i changes is there whole, with its head and its log',
    async (size) => {
      const store = await fresh();
      const keys = Array.from({ length: size }, (_, i) => key(`P${i % 7}`, `row${i}`));
      const result = await store.commit(
        0,
        commitOf(
          keys.map((at, i) => ({ ...at, value: bytes(`value ${i}`) })),
          'first',
        ),
      );
      expect(result).toEqual({ ok: true, version: 1 });
      await look(store, async (view) => {
        expect([view.version, text(view.head)]).toEqual([1, 'head first']);
        expect(text((await view.get(logKey(1)))?.value)).toBe('log first');
        const rows = await view.getMany(keys);
        const wrong = rows.findIndex(
          (row, i) => text(row?.value) !== `value ${i}` || row?.version !== 1,
        );
        expect(wrong, 'the first row that is not as committed').toBe(-1);
      });
    },
  );

  it.each([1, 25, 100, 2500])('%i rows are overwritten and deleted in one commit', async (size) => {
    const store = await fresh();
    const keys = Array.from({ length: size }, (_, i) =>
      key('P', `row${String(i).padStart(6, '0')}`),
    );
    await commitNow(
      store,
      keys.map((at) => ({ ...at, value: bytes('old') })),
    );
    await commitNow(
      store,
      keys.map((at, i) => (i % 2 ? { ...at, value: bytes(`new ${i}`) } : at)),
    );
    await look(store, async (view) => {
      const rows = await view.getMany(keys);
      rows.forEach((row, i) =>
        expect(text(row?.value), `row ${i}`).toBe(i % 2 ? `new ${i}` : undefined),
      );
      const range = await view.range('P', { limit: 10_000 });
      expect(range.length).toBe(Math.floor(size / 2));
      expect(range.every((row) => row.version === 2)).toBe(true);
    });
  });

  it('values of 0 bytes and of 180 KB, and 180 KB over 180 KB', async () => {
    const store = await fresh();
    for (const fill of [1, 2, 3]) {
      const value = new Uint8Array(VALUE_BYTES_MAX).fill(fill);
      await commitNow(store, [{ ...key('A', 'big'), value }, put('A', 'none', '')]);
      await look(store, async (view) => {
        const [big, none] = await view.getMany([key('A', 'big'), key('A', 'none')]);
        expect(Buffer.compare(big?.value as Uint8Array, value)).toBe(0);
        expect(none?.value).toEqual(new Uint8Array());
      });
    }
  });

  it('on another version than the present one it is a conflict and changes nothing', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'one')], 'first');
    for (const stale of [0, 2, 3, 1000]) {
      const result = await store.commit(
        stale,
        commitOf([put('A', '1', 'no'), put('A', '2', 'no')]),
      );
      expect(result, `expected ${stale}`).toEqual({ ok: false, conflict: true });
    }
    await look(store, async (view) => {
      expect([view.version, text(view.head)]).toEqual([1, 'head first']);
      expect((await view.range('A')).map((row) => text(row.value))).toEqual(['one']);
      expect(await view.get(logKey(2))).toBeUndefined();
    });
  });

  it('the last change of a key wins', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', 'kept', 'old'), put('A', 'gone', 'old')]);
    await commitNow(store, [
      put('A', '1', 'a'),
      put('A', '1', 'b'),
      put('A', '2', 'a'),
      del('A', '2'),
      del('A', 'kept'),
      put('A', 'kept', 'new'),
      put('A', 'gone', 'new'),
      del('A', 'gone'),
    ]);
    const rows = await look(store, (view) => view.range('A'));
    expect(rows.map((row) => [row.sk, text(row.value)])).toEqual([
      ['1', 'b'],
      ['kept', 'new'],
    ]);
  });

  it('put, delete and put again: versions count commits and never recur', async () => {
    const store = await fresh();
    const versions: (number | undefined)[] = [];
    for (const change of [
      put('A', '1', 'a'),
      del('A', '1'),
      put('A', '1', 'a'),
      put('B', '1', 'b'),
    ]) {
      await commitNow(store, [change]);
      versions.push((await look(store, (view) => view.get(key('A', '1'))))?.version);
    }
    expect(versions).toEqual([1, undefined, 3, 3]);
    expect(await versionOf(store)).toBe(4);
  });

  it('what was never there may be deleted', async () => {
    const store = await fresh();
    await commitNow(store, [del('A', '1')]);
    expect(await valueOf(store, 'A', '1')).toBeUndefined();
    expect(await versionOf(store)).toBe(1);
  });

  it('holds copies: neither what was given nor what was answered can change it', async () => {
    const store = await fresh();
    const value = bytes('same');
    const head = bytes('head');
    const writing = store.commit(0, {
      head,
      log: bytes('log'),
      changes: [{ ...key('A', '1'), value }],
    });
    value.fill(0);
    head.fill(0);
    await writing;
    const given = await look(store, (view) => view.get(key('A', '1')));
    expect(text(given?.value)).toBe('same');
    given?.value.fill(1);
    expect(await valueOf(store, 'A', '1')).toBe('same');
    expect(text((await store.snapshot()).head)).toBe('head');
  });
}
