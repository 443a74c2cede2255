/** Several writers on one store: nothing is lost, nothing happens twice, a closed handle is closed. */
import { expect, it } from 'vitest';
import { logKey, type Store, withSnapshot } from '../../../lib/ports/store.ts';
import {
  bytes,
  commitNow,
  commitOf,
  faultOf,
  key,
  look,
  loose,
  put,
  text,
  valueOf,
  versionOf,
} from './harness.ts';

const WRITERS = 8;

export function raceCases(
  fresh: () => Promise<Store>,
  another: (store: Store) => Promise<Store>,
  rounds: number,
): void {
  it('of two handles that commit on one version, one wins, and only its rows are there', async () => {
    const one = await fresh();
    const two = await another(one);
    for (let version = 0; version < 20; version++) {
      const [a, b] = await Promise.all(
        [one, two].map((store, i) =>
          store.commit(
            version,
            commitOf([put('A', `${i}-${version}`, 'x'), put('A', 'both', `${i}`)], `${i}`),
          ),
        ),
      );
      expect([a?.ok, b?.ok].sort()).toEqual([false, true]);
      const winner = a?.ok ? 0 : 1;
      await look(one, async (view) => {
        expect([view.version, text(view.head)]).toEqual([version + 1, `head ${winner}`]);
        const rows = await view.getMany([key('A', 'both'), key('A', `${1 - winner}-${version}`)]);
        expect(rows.map((row) => text(row?.value))).toEqual([`${winner}`, undefined]);
      });
    }
  });

  it(`${WRITERS} writers, ${rounds} additions each: none is lost, each is in the log once`, async () => {
    const first = await fresh();
    const handles = [
      first,
      ...(await Promise.all(Array.from({ length: WRITERS - 1 }, () => another(first)))),
    ];
    const won: string[] = [];
    await Promise.all(
      handles.map(async (store, writer) => {
        for (let done = 0; done < rounds; ) {
          const { version, sum } = await withSnapshot(store, async (view) => ({
            version: view.version,
            sum: Number(text((await view.get(key('A', 'sum')))?.value) ?? 0),
          }));
          const mark = `${writer}:${done}`;
          const result = await store.commit(
            version,
            commitOf([put('A', 'sum', `${sum + 1}`)], mark),
          );
          if (!result.ok) continue;
          won.push(`${result.version} log ${mark}`);
          done++;
        }
      }),
    );
    expect(await valueOf(first, 'A', 'sum')).toBe(`${WRITERS * rounds}`);
    const keys = Array.from({ length: await versionOf(first) }, (_, i) => logKey(i + 1));
    const log = await look(first, (view) => view.getMany(keys));
    const told = log.map((row, i) => `${i + 1} ${text(row?.value)}`);
    expect(told).toEqual(won.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)));
  });

  it('commits, transactions and loose writes at once: each as it would be alone', async () => {
    const store = await fresh();
    const other = await another(store);
    await Promise.all([
      (async () => {
        for (let i = 0; i < 20; i++) await commitNow(store, [put('A', 'chain', `${i}`)]);
      })(),
      ...Array.from({ length: 20 }, (_, i) =>
        other.transact([
          { op: 'claim', ...key('A', 'chain'), claim: `tx${i}` },
          { op: 'put', ...key('M', `${i}`), value: bytes('x'), if: { row: 'absent' } },
        ]),
      ),
      ...Array.from({ length: 20 }, (_, i) => store.put([loose('L', `${i}`, 'x')])),
    ]);
    const row = await look(store, (view) => view.get(key('A', 'chain')));
    expect([text(row?.value), row?.version]).toEqual(['19', 20]);
    expect(row?.claim).toMatch(/^tx\d+$/);
    expect((await store.list('M')).length + (await store.list('L')).length).toBe(40);
  });

  it('a closed handle throws, the other one goes on', async () => {
    const one = await fresh();
    const two = await another(one);
    await commitNow(one, [put('A', '1', 'a')]);
    const view = await two.snapshot();
    await two.close();
    await two.close();
    for (const call of [
      () => two.snapshot(),
      () => two.recentHead(),
      () => two.commit(1, commitOf([])),
      () => two.transact([]),
      () => two.put([loose('A', '1', 'x')]),
      () => two.read([key('A', '1')]),
      () => two.list('A'),
      () => two.list('A', { recent: true }),
      () => two.remove([key('A', '1')]),
      () => two.sweep(1),
      () => view.get(key('A', '1')),
    ])
      expect(await faultOf(call)).toBe('store-closed');
    expect(await valueOf(one, 'A', '1')).toBe('a');
    await commitNow(one, [put('A', '1', 'b')]);
  });
}
