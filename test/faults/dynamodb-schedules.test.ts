/**
 * Random schedules against a model: writers, readers, admissions, a sweeper, deaths, lost answers,
 * requests that come twice or hours late, and days that pass, one request at a time. What each reader
 * saw must be what the log says of that version; what each writer was told must be what happened.
 *
 *   STACKCHAIN_SEED=7 npx vitest run test/faults/dynamodb-schedules.test.ts
 */
import { DeleteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { Fault } from '../../lib/faults.ts';
import { type Change, logKey, type Op, type Store, withSnapshot } from '../../lib/ports/store.ts';
import { bytes, commitOf, key, look, text } from '../conformance/store/harness.ts';
import { fuzzSeed } from '../helpers/fuzz.ts';
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import { createDirector, type Director } from './schedules.ts';
import { checkItems, type Item, openEmptyWorld, type World } from './store-world.ts';
import { seeded } from './weather.ts';

const RUNS = 20;
const WRITERS = 3;
const DEEDS = 7;
const LATER_MS = 120_000;
const AGED_MS = 15 * 60_000;
const DAY_MS = 25 * 3_600_000;
const KEYS = Array.from({ length: 30 }, (_, i) => key(`P${i % 2}`, `row${i}`));
const nameOf = ({ pk, sk }: { pk: string; sk: string }): string => `${pk} ${sk}`;

type State = ReadonlyMap<string, string>;

/** What the run has promised, and what was seen. */
interface Notes {
  /** Of each commit that was tried: its changes. */
  readonly tried: Map<string, readonly Change[]>;
  readonly told: { readonly mark: string; readonly ok: boolean; readonly version: number }[];
  readonly seen: { readonly version: number; readonly rows: State; readonly who: string }[];
  /** Coins of each admission that was tried. */
  readonly inputs: Map<string, readonly string[]>;
  /** Nonces of those that were told that they are not in. */
  readonly refused: Set<string>;
  readonly admitted: { readonly txid: string; readonly nonce: string }[];
}

interface Scene {
  readonly world: World;
  readonly director: Director;
  readonly notes: Notes;
}

const pickSome = <T>(random: () => number, list: readonly T[], count: number): T[] =>
  list
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .slice(0, count)
    .map(([, item]) => item);

const rowsIn = async (view: Parameters<Parameters<typeof look>[1]>[0]): Promise<State> => {
  const [byKey, ...ranges] = await Promise.all([
    view.getMany(KEYS),
    view.range('P0'),
    view.range('P1'),
  ]);
  const rows = new Map<string, string>();
  for (const row of byKey) if (row) rows.set(nameOf(row), text(row.value) as string);
  const ranged = ranges.flat().map((row) => [nameOf(row), text(row.value) as string] as const);
  expect(new Map(ranged.sort()), 'ranges and keys').toEqual(new Map([...rows].sort()));
  return rows;
};

/** A view grows too old only when the chain went on, or after a quarter of an hour. */
async function read({ notes, world }: Scene, store: Store, who: string): Promise<void> {
  const startMs = world.clock.nowMs();
  const view = await store.snapshot();
  const { version } = view;
  try {
    notes.seen.push({ version, rows: await rowsIn(view), who });
  } catch (error) {
    if ((error as Fault).code !== 'snapshot-too-old') throw error;
    const isAged = world.clock.nowMs() - startMs > AGED_MS;
    const head = (await world.scan()).find((item) => item['pk']?.S === ' head');
    if (!isAged)
      expect(Number(head?.['ver']?.N), `${who} was too old at ${version}`).not.toBe(version);
  } finally {
    view.release();
  }
}

/** Few changes make a commit small, many large, with several batches. */
async function commit({ director, notes }: Scene, store: Store, mark: string): Promise<void> {
  const { random } = director;
  const count = random() < 0.5 ? 1 + Math.floor(random() * 4) : 26 + Math.floor(random() * 5);
  const changes = pickSome(random, KEYS, count).map((at) =>
    random() < 0.3 ? at : { ...at, value: bytes(mark) },
  );
  const version = await look(store, async (view) => view.version);
  notes.tried.set(mark, changes);
  const result = await store.commit(version, commitOf(changes, mark));
  notes.told.push({ mark, ok: result.ok, version: version + 1 });
}

/** An admission as the mempool makes it: claims on coins as seen, and the transaction's own row. */
async function admit({ director, notes }: Scene, store: Store, txid: string): Promise<void> {
  const wanted = pickSome(director.random, KEYS.slice(0, 8), 2);
  const cells = await look(store, (view) => view.cells(wanted));
  const claims = cells.flatMap(({ claim }) => claim ?? []);
  const rivals = await store.read(claims.map((claim) => key('M', claim)));
  if (rivals.some((row) => row !== undefined)) return;
  if (cells.some(({ value }) => value === undefined)) return;
  const nonce = `n${txid}`;
  const ops: Op[] = [
    { op: 'put', ...key('M', txid), value: bytes(txid), nonce, if: { row: 'absent' } },
    ...wanted.map((at, i): Op => {
      const { version = 0, claim = null } = cells[i] ?? {};
      return { op: 'claim', ...at, claim: txid, if: { version, claim } };
    }),
    ...[...new Set(claims)].map(
      (claim): Op => ({ op: 'check', ...key('M', claim), if: { row: 'absent' } }),
    ),
  ];
  notes.inputs.set(txid, wanted.map(nameOf));
  if ((await store.transact(ops)).ok) notes.admitted.push({ txid, nonce });
  else notes.refused.add(nonce);
}

async function evict({ director, notes }: Scene, store: Store): Promise<void> {
  const [one] = pickSome(director.random, notes.admitted, 1);
  if (one === undefined) return;
  await store.transact([{ op: 'delete', ...key('M', one.txid), if: { nonce: one.nonce } }]);
}

const MAY_FAIL = new Set(['store-io', 'commit-unknown', 'snapshot-too-old']);

async function live(scene: Scene, store: Store, writer: string): Promise<void> {
  for (let deed = 0; deed < DEEDS; deed++) {
    const draw = scene.director.random();
    const mark = `${writer}.${deed}`;
    try {
      if (draw < 0.45) await commit(scene, store, mark);
      else if (draw < 0.65) await admit(scene, store, mark);
      else if (draw < 0.75) await evict(scene, store);
      else if (draw < 0.95) await read(scene, store, mark);
      else await store.sweep(Math.floor(scene.world.clock.nowMs() / 1000));
    } catch (error) {
      if (!(error instanceof Fault && MAY_FAIL.has(error.code))) throw error;
      if (error.message.includes('died')) return;
    }
  }
}

/** I7: whoever stands in the mempool has the claim on each of its coins. */
function checkClaims(items: readonly Item[], { inputs, refused }: Notes): void {
  const byName = new Map(items.map((item) => [`${item['pk']?.S} ${item['sk']?.S}`, item]));
  for (const item of items) {
    if (item['pk']?.S !== 'M' || item['l'] === undefined) continue;
    const txid = item['sk']?.S as string;
    expect(refused.has(item['n']?.S ?? ''), `${txid} is in, and was told that it is not`).toBe(
      false,
    );
    for (const coin of inputs.get(txid) ?? []) {
      expect(byName.get(coin)?.['c']?.S ?? txid, `claim of ${txid} on ${coin}`).toBe(txid);
    }
  }
}

/** Deleted rows whose time has come vanish, as TTL does it. */
async function reap(client: DynamoDBClient, world: World, seen: Map<string, number>) {
  const now = world.clock.nowMs() / 1000;
  for (const item of await world.scan()) {
    if (item['x'] === undefined || Number(item['x'].N) >= now) continue;
    const Key = { pk: item['pk'], sk: item['sk'] } as Item;
    await client.send(new DeleteItemCommand({ TableName: world.table, Key }));
    seen.delete(`${item['pk']?.S} ${item['sk']?.S}`);
  }
}

/** The states by version, made of the log and of what was tried. */
async function replay(store: Store, { tried }: Notes): Promise<State[]> {
  const log = await withSnapshot(store, async (view) => {
    const keys = Array.from({ length: view.version }, (_, i) => logKey(i + 1));
    return (await view.getMany(keys)).map((row) => (text(row?.value) ?? '').replace('log ', ''));
  });
  const states: State[] = [new Map()];
  for (const mark of log) {
    const next = new Map(states.at(-1));
    for (const { value, ...at } of tried.get(mark) ?? []) {
      if (value === undefined) next.delete(nameOf(at));
      else next.set(nameOf(at), text(value) as string);
    }
    states.push(next);
  }
  expect(new Set(log).size, 'each commit is in the log once').toBe(log.length);
  return states;
}

async function checkEnd({ world, notes }: Scene, told: string): Promise<void> {
  const store = await world.store();
  await look(store, async () => undefined);
  const log = await withSnapshot(store, async (view) => {
    const keys = Array.from({ length: view.version }, (_, i) => logKey(i + 1));
    return (await view.getMany(keys)).map((row) => text(row?.value));
  });
  const states = await replay(store, notes);
  for (const { mark, ok, version } of notes.told) {
    if (ok) expect(log[version - 1], `${told}: ${mark} was told that it won`).toBe(`log ${mark}`);
    else expect(log, `${told}: ${mark} was told that it lost`).not.toContain(`log ${mark}`);
  }
  for (const { version, rows, who } of notes.seen) {
    const expected = states[version] ?? new Map();
    expect(new Map([...rows].sort()), `${told}: ${who} at version ${version}`).toEqual(
      new Map([...expected].sort()),
    );
  }
  const last = await look(store, rowsIn);
  expect(new Map([...last].sort()), `${told}: the last state`).toEqual(
    new Map([...(states.at(-1) as State)].sort()),
  );
  const items = await world.scan();
  checkItems(items, new Map(), told);
  checkClaims(items, notes);
  expect(
    items.find((item) => item['pk']?.S === ' head')?.['in'],
    `${told}: an open intent`,
  ).toBeUndefined();
}

async function runSchedule(
  connect: () => Promise<DynamoDBClient>,
  seed: number,
  counts: Record<string, number>,
): Promise<void> {
  const random = seeded(seed);
  const director = createDirector(random);
  const world = await openEmptyWorld(connect, { random });
  const notes: Notes = {
    tried: new Map(),
    told: [],
    seen: [],
    inputs: new Map(),
    refused: new Set(),
    admitted: [],
  };
  const scene: Scene = { world, director, notes };
  const reaper = await connect();
  const runs: Promise<void>[] = [];
  const alive: number[] = [];
  const begin = async (writer: number): Promise<void> => {
    alive.push(writer);
    const store = await world.store(director.fate(writer));
    runs.push(live(scene, store, `w${writer}`));
  };
  for (let writer = 0; writer < WRITERS; writer++) await begin(writer);
  const seen = new Map<string, number>();
  let deaths = 0;
  await director.run(async () => {
    const items = await world.scan();
    checkItems(items, seen, `seed ${seed}`);
    checkClaims(items, notes);
    const draw = random();
    if (draw < 0.04) world.clock.advance(1500);
    else if (draw < 0.047) world.clock.advance(LATER_MS);
    else if (draw < 0.05) {
      world.clock.advance(DAY_MS);
      director.dropLate();
      await reap(reaper, world, seen);
    } else if (draw < 0.06 && deaths < 3) {
      director.kill(alive.splice(Math.floor(random() * alive.length), 1)[0] as number);
      await begin(WRITERS + deaths++);
    }
  });
  await Promise.all(runs);
  director.calm();
  world.clock.advance(LATER_MS);
  await checkEnd(scene, `seed ${seed}`);
  await director.deliverLate();
  await checkEnd(scene, `seed ${seed}, after what came late`);
  for (const [what, count] of Object.entries(director.counts)) {
    counts[what] = (counts[what] ?? 0) + count;
  }
  counts['won'] = (counts['won'] ?? 0) + notes.told.filter(({ ok }) => ok).length;
  counts['lost'] = (counts['lost'] ?? 0) + notes.told.filter(({ ok }) => !ok).length;
  counts['admitted'] = (counts['admitted'] ?? 0) + notes.admitted.length;
  await world.close();
  reaper.destroy();
}

describeOnDynoxide('schedules on dynoxide', (connect) => {
  it('whoever goes first, whatever is lost or late: one history', async () => {
    const first = fuzzSeed('store schedules');
    const runs = Number(process.env['STACKCHAIN_RUNS'] ?? RUNS);
    const counts: Record<string, number> = {};
    for (let run = 0; run < runs; run++) await runSchedule(connect, first + run, counts);
    // A check that nothing of it can have been missed.
    for (const what of ['won', 'lost', 'admitted', 'deaths']) {
      expect(counts[what] ?? 0, what).toBeGreaterThan(0);
    }
    for (let kind = 0; kind < 7; kind++) expect(counts[`mishap ${kind}`]).toBeGreaterThan(0);
  });
});
