/** Ranges and lists: order by unsigned bytes, prefixes, pages, both directions. */
import { expect, it } from 'vitest';
import type { RangeOptions, Store } from '../../../lib/ports/store.ts';
import { commitNow, look, loose, put, text } from './harness.ts';

const CHARACTERS = Array.from({ length: 0x7e - 0x21 + 1 }, (_, i) => String.fromCharCode(0x21 + i));
const NAMES = [
  'a',
  'a!',
  'a!!',
  'a~',
  'a~~',
  'aa',
  'aa!',
  'ab',
  'b',
  'B',
  'Z',
  '~',
  '!',
  '#',
  '0',
  '00',
  '01',
  '1',
  '10',
  '2',
];

/** What a plain sorted array answers. */
function expected(names: readonly string[], options: RangeOptions): string[] {
  const { prefix = '', after, reverse = false, limit = 1000 } = options;
  const sorted = [...names].sort((a, b) => (a < b ? -1 : 1));
  if (reverse) sorted.reverse();
  return sorted
    .filter((name) => name.startsWith(prefix))
    .filter((name) => after === undefined || (reverse ? name < after : name > after))
    .slice(0, limit);
}

function* allOptions(): Generator<RangeOptions> {
  for (const reverse of [false, true]) {
    for (const prefix of [undefined, '', 'a', 'a!', '0', 'aa!', 'zz', '~']) {
      for (const after of [undefined, '!', 'a', 'a!', 'a~', 'a0', 'b', '~', '0']) {
        for (const limit of [undefined, 1, 3]) {
          yield {
            reverse,
            ...(prefix !== undefined && { prefix }),
            ...(after !== undefined && { after }),
            ...(limit !== undefined && { limit }),
          };
        }
      }
    }
  }
}

export function rangeCases(fresh: () => Promise<Store>): void {
  it('sort keys are ordered by unsigned bytes', async () => {
    const store = await fresh();
    const names = [...CHARACTERS, ...CHARACTERS.map((character) => `x${character}`)];
    await commitNow(
      store,
      names.map((name) => put('P', name, name)),
    );
    await store.put(names.map((name) => loose('L', name, name)));
    const sorted = expected(names, {});
    expect((await look(store, (view) => view.range('P'))).map((row) => row.sk)).toEqual(sorted);
    expect((await store.list('L')).map((row) => row.sk)).toEqual(sorted);
  });

  it('prefix, after, reverse and limit together, in the chain and loose', async () => {
    const store = await fresh();
    await commitNow(
      store,
      NAMES.map((name) => put('P', name, `chain ${name}`)),
    );
    await store.put(NAMES.map((name) => loose('P', name, `loose ${name}`)));
    await look(store, async (view) => {
      for (const options of allOptions()) {
        const names = expected(NAMES, options);
        const told = JSON.stringify(options);
        const rows = await view.range('P', options);
        expect(
          rows.map((row) => text(row.value)),
          told,
        ).toEqual(names.map((name) => `chain ${name}`));
        const list = await store.list('P', options);
        expect(
          list.map((row) => text(row.value)),
          told,
        ).toEqual(names.map((name) => `loose ${name}`));
      }
    });
  });

  it('partitions whose names begin alike are apart', async () => {
    const store = await fresh();
    const partitions = ['A', 'A!', 'AA', 'A#1', 'A~', 'B'];
    await commitNow(
      store,
      partitions.map((pk) => put(pk, 'k', pk)),
    );
    await store.put(partitions.map((pk) => loose(pk, 'k', pk)));
    for (const pk of partitions) {
      const rows = await look(store, (view) => view.range(pk));
      expect(
        rows.map((row) => text(row.value)),
        pk,
      ).toEqual([pk]);
      expect(
        (await store.list(pk)).map((row) => text(row.value)),
        pk,
      ).toEqual([pk]);
    }
  });

  it('deleted rows, claims alone and loose rows are not in a range of the chain', async () => {
    const store = await fresh();
    await commitNow(
      store,
      ['1', '2', '3', '4'].map((sk) => put('P', sk, sk)),
    );
    await commitNow(store, [
      { pk: 'P', sk: '1' },
      { pk: 'P', sk: '3' },
    ]);
    await store.transact([{ op: 'claim', pk: 'P', sk: '0', claim: 't' }]);
    await store.put([loose('P', '15', 'x')]);
    await look(store, async (view) => {
      expect((await view.range('P')).map((row) => row.sk)).toEqual(['2', '4']);
      expect((await view.range('P', { limit: 1 })).map((row) => row.sk)).toEqual(['2']);
      const [first] = await view.firstMany([{ pk: 'P', prefix: '' }]);
      expect(first?.sk).toBe('2');
    });
  });

  it('a page behind many deleted rows is full', async () => {
    const store = await fresh();
    const names = Array.from({ length: 600 }, (_, i) => String(i).padStart(4, '0'));
    await commitNow(
      store,
      names.map((sk) => put('P', sk, sk)),
    );
    await commitNow(
      store,
      names.slice(0, 500).map((sk) => ({ pk: 'P', sk })),
    );
    await look(store, async (view) => {
      expect((await view.range('P', { limit: 60 })).map((row) => row.sk)).toEqual(
        names.slice(500, 560),
      );
      const back = await view.range('P', { limit: 60, after: '0530', reverse: true });
      expect(back.map((row) => row.sk)).toEqual(names.slice(500, 530).reverse());
      expect((await view.firstMany([{ pk: 'P', prefix: '0' }]))[0]?.sk).toBe('0500');
    });
  });

  it('2,500 rows of 2 KB in pages, chain and loose', async () => {
    const store = await fresh();
    const value = 'v'.repeat(2000);
    const names = Array.from({ length: 2500 }, (_, i) => String(i).padStart(5, '0'));
    await commitNow(
      store,
      names.map((sk) => put('P', sk, value)),
    );
    await store.put(names.map((sk) => loose('L', sk, value)));
    await look(store, async (view) => {
      expect((await view.range('P')).length, 'the default page').toBe(1000);
      expect((await view.range('P', { limit: 10_000 })).map((row) => row.sk)).toEqual(names);
      const last = await view.range('P', { limit: 300, reverse: true });
      expect(last.map((row) => row.sk)).toEqual(names.slice(-300).reverse());
    });
    expect((await store.list('L')).length).toBe(1000);
    expect((await store.list('L', { limit: 10_000 })).map((row) => row.sk)).toEqual(names);
  });

  it('firstMany answers in the order of its queries, many at once', async () => {
    const store = await fresh();
    const partitions = Array.from({ length: 300 }, (_, i) => `P${i}`);
    await commitNow(
      store,
      partitions.flatMap((pk) => [
        put(pk, 'a1', `${pk} a`),
        put(pk, 'h2', `${pk} second`),
        put(pk, 'h1', `${pk} first`),
      ]),
    );
    const queries = [...partitions, 'none', ...partitions].map((pk) => ({ pk, prefix: 'h' }));
    const rows = await look(store, (view) => view.firstMany(queries));
    expect(rows.map((row) => text(row?.value))).toEqual(
      queries.map(({ pk }) => (pk === 'none' ? undefined : `${pk} first`)),
    );
  });
}
