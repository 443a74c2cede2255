/** Snapshots: one version, whole, however many commits come after it. */
import { expect, it } from 'vitest';
import type { Clock } from '../../../lib/ports/clock.ts';
import type { Snapshot, Store } from '../../../lib/ports/store.ts';
import { bytes, commitNow, del, fakeClock, faultOf, key, look, put, text } from './harness.ts';

const KEYS = Array.from({ length: 30 }, (_, i) => key('P', `row${String(i).padStart(2, '0')}`));

/** Rows whose values all name the commit: a third each is put always, on odd and on even ones. */
function generation(version: number): ReturnType<typeof put>[] {
  return KEYS.map((at, i) =>
    i % 3 === 0 || (version + i) % 2 ? put(at.pk, at.sk, `v${version}`) : del(at.pk, at.sk),
  );
}

const shownAt = (version: number): string[] =>
  KEYS.filter((_, i) => i % 3 === 0 || (version + i) % 2).map((at) => `${at.sk}=v${version}`);

const rowsOf = async (view: Snapshot): Promise<string[]> =>
  (await view.range('P')).map((row) => `${row.sk}=${text(row.value)}`);

async function byKeys(view: Snapshot): Promise<string[]> {
  const rows = await view.getMany(KEYS);
  return rows.flatMap((row) => (row ? [`${row.sk}=${text(row.value)}`] : []));
}

export function snapshotCases(
  fresh: (options?: { clock?: Clock }) => Promise<Store>,
  another: (store: Store) => Promise<Store>,
): void {
  it('held over one commit it reads its version exactly', async () => {
    const store = await fresh();
    await commitNow(store, generation(1));
    const view = await store.snapshot();
    await commitNow(await another(store), generation(2));
    expect(view.version).toBe(1);
    expect(await rowsOf(view)).toEqual(shownAt(1));
    expect(await byKeys(view)).toEqual(shownAt(1));
    expect((await view.cells([KEYS[0] as (typeof KEYS)[0]]))[0]?.version).toBe(1);
    const first = await view.firstMany([
      { pk: 'P', prefix: 'row00' },
      { pk: 'P', prefix: 'row3' },
    ]);
    expect(first.map((row) => text(row?.value))).toEqual(['v1', undefined]);
    expect(await look(store, rowsOf)).toEqual(shownAt(2));
    view.release();
  });

  it('held over more commits it reads its version or says that it is too old', async () => {
    const store = await fresh();
    await commitNow(store, generation(1));
    const view = await store.snapshot();
    for (let version = 2; version <= 5; version++) {
      await commitNow(store, generation(version));
      const range = await faultOf(() => rowsOf(view));
      if (range !== 'snapshot-too-old') expect(range).toEqual(shownAt(1));
      for (const at of KEYS) {
        const got = await faultOf(async () => text((await view.get(at))?.value));
        if (got === 'snapshot-too-old') continue;
        expect(got, at.sk).toBe(shownAt(1).includes(`${at.sk}=v1`) ? 'v1' : undefined);
      }
    }
    view.release();
  });

  it('rows that no later commit touched are read however old it is', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'still')]);
    const view = await store.snapshot();
    for (let i = 0; i < 5; i++) await commitNow(store, [put('B', '1', `${i}`)]);
    expect(text((await view.get(key('A', '1')))?.value)).toBe('still');
    view.release();
  });

  it('two at different versions are both exact', async () => {
    const store = await fresh();
    await commitNow(store, generation(1));
    const one = await store.snapshot();
    await commitNow(store, generation(2));
    const two = await store.snapshot();
    expect([await rowsOf(one), await rowsOf(two)]).toEqual([shownAt(1), shownAt(2)]);
    one.release();
    expect(await rowsOf(two)).toEqual(shownAt(2));
    two.release();
  });

  it('pages of a range belong together while commits run', async () => {
    const store = await fresh();
    const writer = await another(store);
    await commitNow(store, generation(1));
    let stop = false;
    const writing = (async () => {
      for (let version = 2; !stop && version < 400; version++)
        await commitNow(writer, generation(version));
    })();
    let whole = 0;
    for (let round = 0; round < 40; round++) {
      const view = await store.snapshot();
      const pages = await faultOf(() => readPages(view, 7));
      if (pages !== 'snapshot-too-old') {
        expect(pages).toEqual(shownAt(view.version));
        whole++;
      }
      view.release();
    }
    stop = true;
    await writing;
    expect(whole, 'rounds that were not too old').toBeGreaterThan(0);
  });

  it('after release it throws, and releasing twice does nothing', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'a')]);
    const view = await store.snapshot();
    view.release();
    view.release();
    expect(await faultOf(() => view.get(key('A', '1')))).toBe('store-closed');
    expect(await faultOf(() => view.range('A'))).toBe('store-closed');
  });

  it('is too old after 15 minutes', async () => {
    const clock = fakeClock();
    const store = await fresh({ clock });
    await commitNow(store, [put('A', '1', 'a')]);
    const view = await store.snapshot();
    clock.advance(14 * 60_000);
    expect(text((await view.get(key('A', '1')))?.value)).toBe('a');
    clock.advance(2 * 60_000);
    expect(await faultOf(() => view.get(key('A', '1')))).toBe('snapshot-too-old');
    expect(await faultOf(() => view.getMany([key('A', '1')]))).toBe('snapshot-too-old');
    view.release();
  });

  it('reads large values as of its version, too', async () => {
    const store = await fresh();
    const big = (fill: number): Uint8Array => new Uint8Array(100_000).fill(fill);
    await commitNow(store, [{ ...key('A', '1'), value: big(1) }, put('A', '2', 'x')]);
    const view = await store.snapshot();
    await commitNow(store, [{ ...key('A', '1'), value: big(2) }]);
    expect(Buffer.compare((await view.get(key('A', '1')))?.value ?? bytes(''), big(1))).toBe(0);
    view.release();
  });
}

async function readPages(view: Snapshot, limit: number): Promise<string[]> {
  const rows: string[] = [];
  for (let after: string | undefined; ; ) {
    const page = await view.range('P', { limit, ...(after !== undefined && { after }) });
    rows.push(...page.map((row) => `${row.sk}=${text(row.value)}`));
    if (page.length < limit) return rows;
    after = page.at(-1)?.sk;
  }
}
