/** Random histories against plain maps (fast-check prints the seed of a failing one). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Condition, Op, Store } from '../../../lib/ports/store.ts';
import { bytes, commitOf, faultOf, key, type TestStore, text } from './harness.ts';

const PARTITIONS = ['A', 'A#', 'B'];
const SORT_KEYS = ['!', 'a', 'a!', 'aa', 'b', '~'];
const NOW = 1_800_000_000;

interface Model {
  version: number;
  chain: Map<string, { value: string; version: number }>;
  ever: Set<string>;
  claims: Map<string, string>;
  loose: Map<string, { value: string; nonce?: string }>;
}

const place = fc.record({ pk: fc.constantFrom(...PARTITIONS), sk: fc.constantFrom(...SORT_KEYS) });
const word = fc.constantFrom('x', 'y', 'z');
const condition = fc.option(
  fc.record(
    {
      row: fc.constantFrom('absent', 'present'),
      nonce: word,
      versionBack: fc.nat(1),
      neverInChain: fc.constant(true),
      claim: fc.option(word),
    },
    { requiredKeys: [] },
  ),
  { nil: undefined, freq: 1 },
);
type ConditionSeed = Omit<Condition, 'version'> & { versionBack?: number };
const opSeed = fc.record({
  at: place,
  kind: fc.constantFrom('put', 'delete', 'claim', 'check'),
  word: fc.option(word),
  nonce: fc.option(word, { nil: undefined }),
  condition,
});
type OpSeed = typeof opSeed extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  fc.record({
    kind: fc.constant('commit' as const),
    stale: fc.nat(5),
    changes: fc.array(fc.record({ at: place, word: fc.option(word) }), { maxLength: 12 }),
  }),
  fc.record({ kind: fc.constant('transact' as const), ops: fc.array(opSeed, { maxLength: 4 }) }),
  fc.record({
    kind: fc.constant('put' as const),
    rows: fc.array(fc.record({ at: place, word }), { maxLength: 5 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), keys: fc.array(place, { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('hold' as const) }),
  fc.record({ kind: fc.constant('handle' as const) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const nameOf = ({ pk, sk }: { pk: string; sk: string }): string => `${pk} ${sk}`;

/** Names of the parts of a condition that do not hold. */
function failing(model: Model, at: string, sought: Condition): string[] {
  const row = model.loose.get(at);
  const names: string[] = [];
  if (sought.row !== undefined && (sought.row === 'present') !== (row !== undefined))
    names.push('row');
  if (sought.nonce !== undefined && row?.nonce !== sought.nonce) names.push('nonce');
  if (sought.version !== undefined && model.chain.get(at)?.version !== sought.version)
    names.push('version');
  if (sought.neverInChain && model.chain.has(at)) names.push('neverInChain');
  if (sought.claim !== undefined && (model.claims.get(at) ?? null) !== sought.claim)
    names.push('claim');
  return names;
}

function toOp(model: Model, seed: OpSeed): Op {
  const at = nameOf(seed.at);
  let sought: Condition | undefined;
  if (seed.condition !== undefined) {
    const { versionBack, neverInChain, ...rest } = seed.condition as ConditionSeed;
    const version = (model.chain.get(at)?.version ?? 1) - (versionBack ?? 0);
    sought = {
      ...rest,
      ...(versionBack !== undefined && version > 0 && { version }),
      // What a deleted row counts as is the adapter's choice.
      ...(neverInChain &&
        (model.chain.has(at) || !model.ever.has(at)) && { neverInChain: true as const }),
    };
  }
  const some = sought !== undefined && Object.keys(sought).length > 0 ? { if: sought } : {};
  if (seed.kind === 'put') {
    return {
      op: 'put',
      ...seed.at,
      value: bytes(seed.word ?? 'w'),
      ...some,
      ...(seed.nonce !== undefined && { nonce: seed.nonce }),
    };
  }
  if (seed.kind === 'claim') return { op: 'claim', ...seed.at, claim: seed.word, ...some };
  if (seed.kind === 'check' && 'if' in some) return { op: 'check', ...seed.at, if: some.if };
  return { op: 'delete', ...seed.at, ...some };
}

function applyOp(model: Model, op: Op): void {
  const at = nameOf(op);
  if (op.op === 'put') {
    model.loose.set(at, {
      value: text(op.value) as string,
      ...(op.nonce !== undefined && { nonce: op.nonce }),
    });
  }
  if (op.op === 'delete') model.loose.delete(at);
  if (op.op === 'claim' && op.claim !== null) model.claims.set(at, op.claim);
  if (op.op === 'claim' && op.claim === null) model.claims.delete(at);
}

async function runTransact(store: Store, model: Model, seeds: readonly OpSeed[]): Promise<void> {
  const distinct = [...new Map(seeds.map((seed) => [nameOf(seed.at), seed])).values()];
  const ops = distinct.map((seed) => toOp(model, seed));
  const failures = ops.map((op) => (op.if === undefined ? [] : failing(model, nameOf(op), op.if)));
  const first = failures.findIndex((names) => names.length > 0);
  const result = await store.transact(ops);
  if (first === -1) {
    expect(result).toEqual({ ok: true });
    for (const op of ops) applyOp(model, op);
    return;
  }
  expect(result).toMatchObject({ ok: false, index: first });
  expect(failures[first]).toContain((result as { condition: string }).condition);
}

async function runCommit(
  store: Store,
  model: Model,
  sought: Extract<Step, { kind: 'commit' }>,
): Promise<void> {
  const stale = sought.stale === 1 ? 1 : 0;
  const changes = sought.changes.map(({ at, word: value }) =>
    value === null ? at : { ...at, value: bytes(value) },
  );
  const result = await store.commit(model.version + stale, commitOf(changes));
  if (stale) {
    expect(result).toEqual({ ok: false, conflict: true });
    return;
  }
  model.version++;
  expect(result).toEqual({ ok: true, version: model.version });
  for (const { at, word: value } of sought.changes) {
    if (value === null) model.chain.delete(nameOf(at));
    else model.chain.set(nameOf(at), { value, version: model.version });
    model.ever.add(nameOf(at));
  }
}

const EVERYWHERE = PARTITIONS.flatMap((pk) => SORT_KEYS.map((sk) => key(pk, sk)));

async function checkStore(store: Store, model: Model): Promise<void> {
  const view = await store.snapshot();
  expect(view.version).toBe(model.version);
  const cells = await view.cells(EVERYWHERE);
  const rows = await view.getMany(EVERYWHERE);
  EVERYWHERE.forEach((at, i) => {
    const known = model.chain.get(nameOf(at));
    expect([text(cells[i]?.value), cells[i]?.claim], nameOf(at)).toEqual([
      known?.value,
      model.claims.get(nameOf(at)),
    ]);
    if (known) expect(cells[i]?.version, nameOf(at)).toBe(known.version);
    const row = rows[i];
    expect(row && { value: text(row.value), version: row.version }, nameOf(at)).toEqual(known);
    if (row) expect(row.claim, nameOf(at)).toBe(model.claims.get(nameOf(at)));
  });
  for (const pk of PARTITIONS) {
    const range = await view.range(pk, { limit: 4 });
    expect(
      range.map((row) => row.sk),
      pk,
    ).toEqual(SORT_KEYS.filter((sk) => model.chain.has(`${pk} ${sk}`)).slice(0, 4));
    const list = await store.list(pk, { reverse: true });
    expect(
      list.map((row) => [row.sk, text(row.value), row.nonce]),
      pk,
    ).toEqual(
      SORT_KEYS.filter((sk) => model.loose.has(`${pk} ${sk}`))
        .reverse()
        .map((sk) => {
          const known = model.loose.get(`${pk} ${sk}`);
          return [sk, known?.value, known?.nonce];
        }),
    );
  }
  view.release();
}

interface Held {
  readonly view: Awaited<ReturnType<Store['snapshot']>>;
  readonly chain: Map<string, { value: string; version: number }>;
}

async function checkHeld({ view, chain }: Held): Promise<void> {
  const shown = await faultOf(async () =>
    (await view.getMany(EVERYWHERE)).map(
      (row) => row && { value: text(row.value), version: row.version },
    ),
  );
  if (shown !== 'snapshot-too-old')
    expect(shown).toEqual(EVERYWHERE.map((at) => chain.get(nameOf(at))));
}

async function runHistory(test: TestStore, steps: readonly Step[]): Promise<void> {
  const model: Model = {
    version: 0,
    chain: new Map(),
    ever: new Set(),
    claims: new Map(),
    loose: new Map(),
  };
  const held: Held[] = [];
  let store = test.store;
  for (const one of steps) {
    if (one.kind === 'commit') await runCommit(store, model, one);
    else if (one.kind === 'transact') await runTransact(store, model, one.ops);
    else if (one.kind === 'put') {
      const rows = [...new Map(one.rows.map((row) => [nameOf(row.at), row])).values()];
      await store.put(rows.map((row) => ({ ...row.at, value: bytes(row.word) })));
      for (const row of rows) model.loose.set(nameOf(row.at), { value: row.word });
    } else if (one.kind === 'remove') {
      await store.remove(one.keys);
      for (const at of one.keys) model.loose.delete(nameOf(at));
    } else if (one.kind === 'hold') {
      held.push({ view: await store.snapshot(), chain: new Map(model.chain) });
    } else store = await test.another();
    await checkStore(store, model);
    for (const one of held) await checkHeld(one);
  }
  await store.sweep(NOW);
  await checkStore(store, model);
  for (const { view } of held) view.release();
}

export function historyCases(open: () => Promise<TestStore>, numRuns: number): void {
  it('random histories are those of plain maps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        const test = await open();
        try {
          await runHistory(test, steps);
        } finally {
          await test.destroy();
        }
      }),
      { numRuns },
    );
  });
}
