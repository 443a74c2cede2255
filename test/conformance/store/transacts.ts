/** Transactions: conditions by name, all or nothing, cells that never touch each other. */
import { expect, it } from 'vitest';
import type { Condition, ConditionName, Op, Store } from '../../../lib/ports/store.ts';
import {
  bytes,
  claimOp,
  commitNow,
  commitOf,
  del,
  key,
  look,
  loose,
  put,
  putOp,
  text,
  valueOf,
  versionOf,
} from './harness.ts';

/** A row of each kind to try conditions on; version 2 wrote `live`. */
async function furnish(store: Store): Promise<void> {
  await commitNow(store, [put('R', 'live', 'old'), put('R', 'other', 'x')]);
  await commitNow(store, [put('R', 'live', 'value')]);
  await store.transact([claimOp('R', 'live', 'tx1'), claimOp('R', 'future', 'tx2')]);
  await store.transact([putOp('R', 'note', 'text', { nonce: 'n1' }), putOp('R', 'plain', 'text')]);
}

/** Conditions that hold on the furnished rows. */
const HOLD: [string, Condition][] = [
  ['live', { row: 'absent' }],
  ['note', { row: 'present' }],
  ['note', { nonce: 'n1' }],
  ['note', { row: 'present', nonce: 'n1', claim: null, neverInChain: true }],
  ['plain', { row: 'present' }],
  ['live', { version: 2 }],
  ['live', { claim: 'tx1' }],
  ['live', { version: 2, claim: 'tx1', row: 'absent' }],
  ['other', { version: 1, claim: null }],
  ['future', { neverInChain: true, claim: 'tx2' }],
  ['nothing', { neverInChain: true, claim: null }],
  ['nothing', { row: 'absent' }],
];

/** Conditions that fail, with the name that the refusal must bear. */
const FAIL: [string, Condition, ConditionName][] = [
  ['note', { row: 'absent' }, 'row'],
  ['live', { row: 'present' }, 'row'],
  ['nothing', { row: 'present' }, 'row'],
  ['note', { nonce: 'n2' }, 'nonce'],
  ['plain', { nonce: 'n1' }, 'nonce'],
  ['nothing', { nonce: 'n1' }, 'nonce'],
  ['live', { version: 1 }, 'version'],
  ['live', { version: 3 }, 'version'],
  ['future', { version: 1 }, 'version'],
  ['nothing', { version: 1 }, 'version'],
  ['note', { version: 2 }, 'version'],
  ['live', { neverInChain: true }, 'neverInChain'],
  ['live', { claim: null }, 'claim'],
  ['live', { claim: 'tx2' }, 'claim'],
  ['other', { claim: 'tx1' }, 'claim'],
  ['nothing', { claim: 'tx1' }, 'claim'],
  ['future', { claim: null }, 'claim'],
  ['live', { row: 'absent', version: 2, claim: 'tx9' }, 'claim'],
  ['note', { row: 'present', nonce: 'n9', claim: null }, 'nonce'],
];

/** The four ways to bear a condition. */
const opsWith = (sk: string, condition: Condition): Op[] => [
  { op: 'check', pk: 'R', sk, if: condition },
  { op: 'put', pk: 'R', sk, value: bytes('written'), if: condition },
  { op: 'delete', pk: 'R', sk, if: condition },
  { op: 'claim', pk: 'R', sk, claim: 'taken', if: condition },
];

async function stateOf(store: Store): Promise<unknown> {
  const names = ['live', 'other', 'future', 'nothing', 'note', 'plain', 'witness'];
  const keys = names.map((sk) => key('R', sk));
  const cells = await look(store, (view) => view.cells(keys));
  return [await store.read(keys), cells.map((cell) => ({ ...cell, value: text(cell.value) }))];
}

export function transactCases(
  fresh: () => Promise<Store>,
  another: (store: Store) => Promise<Store>,
): void {
  it('each condition that fails is named and nothing is written', async () => {
    const store = await fresh();
    await furnish(store);
    const before = await stateOf(store);
    for (const [sk, condition, name] of FAIL) {
      for (const op of opsWith(sk, condition)) {
        const result = await store.transact([
          putOp('R', 'witness', 'x'),
          op,
          claimOp('R', 'witness2', 'x'),
        ]);
        expect(result, `${op.op} ${sk} ${JSON.stringify(condition)}`).toEqual({
          ok: false,
          index: 1,
          condition: name,
        });
      }
    }
    expect(await stateOf(store)).toEqual(before);
  });

  it.each(HOLD)('%s may bear %o', async (sk, condition) => {
    for (let way = 0; way < 4; way++) {
      const store = await fresh();
      await furnish(store);
      const op = opsWith(sk, condition)[way] as Op;
      expect(await store.transact([op]), op.op).toEqual({ ok: true });
      const [row] = await store.read([key('R', sk)]);
      const [cell] = await look(store, (view) => view.cells([key('R', sk)]));
      if (op.op === 'put') expect(text(row?.value)).toBe('written');
      if (op.op === 'delete') expect(row).toBeUndefined();
      if (op.op === 'claim') expect(cell?.claim).toBe('taken');
      expect(text(cell?.value)).toBe({ live: 'value', other: 'x' }[sk]);
    }
  });

  it('the first op that fails is the one that is named', async () => {
    const store = await fresh();
    await furnish(store);
    const result = await store.transact([
      { op: 'check', ...key('R', 'note'), if: { nonce: 'n1' } },
      { op: 'check', ...key('R', 'live'), if: { version: 9 } },
      { op: 'check', ...key('R', 'other'), if: { claim: 'no' } },
    ]);
    expect(result).toEqual({ ok: false, index: 1, condition: 'version' });
  });

  it('commits keep claims, through change, deletion and return', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'a')]);
    await store.transact([claimOp('A', '1', 'tx'), claimOp('A', 'new', 'future')]);
    const claims = async (): Promise<unknown> =>
      (await look(store, (view) => view.cells([key('A', '1'), key('A', 'new')]))).map(
        (cell) => cell.claim,
      );
    for (const changes of [
      [put('A', '1', 'b'), put('A', 'new', 'n')],
      [del('A', '1'), del('A', 'new')],
      [put('A', '1', 'c'), put('A', 'new', 'm')],
    ]) {
      await commitNow(store, changes);
      expect(await claims()).toEqual(['tx', 'future']);
    }
    const rows = await look(store, (view) => view.range('A'));
    expect(rows.map((row) => [text(row.value), row.claim])).toEqual([
      ['c', 'tx'],
      ['m', 'future'],
    ]);
    expect((await look(store, (view) => view.get(key('A', '1'))))?.claim).toBe('tx');
  });

  it('transactions keep values and their versions, and never disturb a commit', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'a')]);
    await store.transact([claimOp('A', '1', 'tx', { expiresAt: 1_000 })]);
    await store.transact([putOp('A', '1', 'loose', { nonce: 'n' })]);
    expect(await store.commit(1, commitOf([put('B', '1', 'b')]))).toEqual({ ok: true, version: 2 });
    await store.transact([claimOp('A', '1', null)]);
    await store.transact([{ op: 'delete', ...key('A', '1') }]);
    const [cell] = await look(store, (view) => view.cells([key('A', '1')]));
    expect({ ...cell, value: text(cell?.value) }).toEqual({ value: 'a', version: 1 });
    expect(await versionOf(store)).toBe(2);
  });

  it('the three cells of one key are apart', async () => {
    const store = await fresh();
    await store.put([loose('A', '1', 'loose')]);
    await store.transact([claimOp('A', '1', 'tx')]);
    await commitNow(store, [put('A', '1', 'chain')]);
    await store.put([loose('A', '1', 'loose 2')]);
    await commitNow(store, [del('A', '1')]);
    expect(text((await store.read([key('A', '1')]))[0]?.value)).toBe('loose 2');
    await commitNow(store, [put('A', '1', 'chain 2')]);
    await store.remove([key('A', '1')]);
    const [cell] = await look(store, (view) => view.cells([key('A', '1')]));
    expect([text(cell?.value), cell?.claim, cell?.version]).toEqual(['chain 2', 'tx', 3]);
    expect(await store.read([key('A', '1')])).toEqual([undefined]);
  });

  it.each([
    ['coin', 'a deletion', [{ op: 'delete', pk: 'A', sk: 'coin' }]],
    ['claim', 'a deletion', [{ op: 'delete', pk: 'A', sk: 'claim' }]],
    ['coin', 'an end of a claim', [claimOp('A', 'coin', null)]],
    ['loose', 'an end of a claim', [claimOp('A', 'loose', null)]],
  ] as [string, string, Op[]][])('a %s alone stays at %s', async (sk, _what, ops) => {
    const store = await fresh();
    await commitNow(store, [put('A', 'coin', 'a')]);
    await store.transact([claimOp('A', 'claim', 'tx'), putOp('A', 'loose', 'text')]);
    // Alone, and beside another operation: the adapter may go different ways.
    expect(await store.transact(ops)).toEqual({ ok: true });
    expect(await store.transact([...ops, putOp('B', '1', 'x')])).toEqual({ ok: true });
    const [cell] = await look(store, (view) => view.cells([key('A', sk)]));
    const [row] = await store.read([key('A', sk)]);
    const found = { coin: text(cell?.value), claim: cell?.claim, loose: text(row?.value) };
    const alone = { coin: 'a', claim: 'tx', loose: 'text' }[sk];
    expect(found).toEqual({ coin: undefined, claim: undefined, loose: undefined, [sk]: alone });
  });

  it('a later put replaces value, nonce and expiry', async () => {
    const store = await fresh();
    await store.transact([putOp('A', '1', 'a', { nonce: 'n', expiresAt: 5_000_000_000 })]);
    expect((await store.read([key('A', '1')]))[0]).toEqual(
      loose('A', '1', 'a', { nonce: 'n', expiresAt: 5_000_000_000 }),
    );
    await store.transact([putOp('A', '1', 'b')]);
    expect((await store.read([key('A', '1')]))[0]).toEqual(loose('A', '1', 'b'));
    await store.transact([putOp('A', '1', 'c', { nonce: 'm' })]);
    expect((await store.read([key('A', '1')]))[0]).toEqual(loose('A', '1', 'c', { nonce: 'm' }));
  });

  it('none and 100 operations', async () => {
    const store = await fresh();
    expect(await store.transact([])).toEqual({ ok: true });
    const ops = Array.from({ length: 100 }, (_, i) =>
      i % 2 ? putOp('A', `${i}`, `${i}`, { if: { row: 'absent' } }) : claimOp('A', `${i}`, `${i}`),
    );
    expect(await store.transact(ops)).toEqual({ ok: true });
    expect((await store.list('A')).length).toBe(50);
    expect(await store.transact(ops)).toEqual({ ok: false, index: 1, condition: 'row' });
  });

  it('of many that take one claim, one succeeds', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'coin')]);
    const handles = [store, await another(store)];
    const results = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (handles[i % 2] as Store).transact([
          claimOp('A', '1', `tx${i}`, { if: { version: 1, claim: null } }),
          putOp('M', `tx${i}`, 'raw', { if: { row: 'absent' } }),
        ]),
      ),
    );
    const winners = results.flatMap((result, i) => (result.ok ? [`tx${i}`] : []));
    expect(winners.length).toBe(1);
    expect((await look(store, (view) => view.get(key('A', '1'))))?.claim).toBe(winners[0]);
    expect((await store.list('M')).map((row) => row.sk)).toEqual(winners);
  });

  it('a claim does not outlive the version that it was checked against', async () => {
    const store = await fresh();
    await commitNow(store, [put('A', '1', 'coin')]);
    await commitNow(store, [del('A', '1')]);
    await commitNow(store, [put('A', '1', 'coin')]);
    expect(await store.transact([claimOp('A', '1', 'tx', { if: { version: 1 } })])).toEqual({
      ok: false,
      index: 0,
      condition: 'version',
    });
    await commitNow(store, [del('A', '1')]);
    expect(await store.transact([claimOp('A', '1', 'tx', { if: { version: 3 } })])).toEqual({
      ok: false,
      index: 0,
      condition: 'version',
    });
    expect(await valueOf(store, 'A', '1')).toBeUndefined();
  });
}
