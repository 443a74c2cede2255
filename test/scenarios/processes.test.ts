/**
 * Several processes of one node on one store, one call of the store at a time, in an order drawn from a
 * seed: blocks, windows, headers, payments, janitors; deaths between any two writes, answers that are
 * lost, writes that land late, clocks half a minute apart. What anybody was told is kept: the best branch of what was taken in is
 * the tip, and what was accepted, or was ever confirmed, is in the mempool or in the chain.
 *
 *   STACKCHAIN_SEED=7 STACKCHAIN_RUNS=200 npx vitest run test/scenarios/processes.test.ts
 */
import { expect, it } from 'vitest';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { createChain } from '../../lib/chain/create-chain.ts';
import type { Chain } from '../../lib/chain/types.ts';
import { Fault } from '../../lib/faults.ts';
import { createMempool } from '../../lib/mempool/create-mempool.ts';
import type { Mempool } from '../../lib/mempool/types.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import { logKey, type Store, withSnapshot } from '../../lib/ports/store.ts';
import { silentTelemetry } from '../../lib/ports/telemetry.ts';
import { blockKey, decodeLog, ORPHANS } from '../../lib/store/layout.ts';
import type { Tx } from '../../lib/types.ts';
import { seeded } from '../faults/weather.ts';
import { easyNetwork, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import {
  coinLines,
  LATE,
  replayLines,
  scriptsOf,
  TestClock,
  tipHash,
  verifier,
} from '../helpers/chain-rig.ts';
import { fuzzSeed } from '../helpers/fuzz.ts';
import { brokenInvariants } from '../helpers/mempool-world.ts';

const RUNS = Number(process.env['STACKCHAIN_RUNS'] ?? 12);
const PROCESSES = 3;
const DEEDS = 14;
const DEATHS_MAX = 4;
/** Their clocks. */
const APART_MS = [0, 30_000, -30_000];
const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

interface Plot {
  readonly trunk: readonly StoryBlock[];
  readonly branches: readonly (readonly StoryBlock[])[];
  /** Parents before children; no two spend the same. */
  readonly txs: readonly Tx[];
  readonly blocks: ReadonlyMap<string, StoryBlock>;
}

/** Each branch confirms some of the payments, so that they leave the chain and enter it again. */
function makePlot(random: () => number): Plot {
  const story = new Story(params);
  const first = story.mineMany(4);
  const outputs = Array.from({ length: 12 }, () => ({ to: 'alice', sats: 1e6 }));
  const fan = story.spend({ name: 'fan', inputs: [`${first[0]?.name}:0`], outputs });
  const trunk = [...first, story.mine({ txs: [fan] })];
  const txs: Tx[] = [];
  for (let i = 0; i < outputs.length; i++) {
    txs.push(story.pay({ name: `p${i}`, from: `fan:${i}`, to: 'bob', sats: 3e5 }));
    if (i % 2 === 0)
      txs.push(story.pay({ name: `c${i}`, from: `p${i}:1`, to: 'carol', sats: 1e5 }));
    if (i % 4 === 0) txs.push(story.pay({ name: `g${i}`, from: `c${i}:1`, to: 'dave', sats: 1e4 }));
  }
  const branches = [3, 4, 5].map((length) => {
    const left = txs.filter(() => random() < 0.6);
    const inBranch = new Set<string>();
    const blocks: StoryBlock[] = [];
    let on = trunk.at(-1) as StoryBlock;
    for (let i = 0; i < length; i++) {
      const chosen: Tx[] = [];
      for (const tx of [...left]) {
        const parent = txs.find(({ txid }) => txid === tx.inputs[0]?.prevout.txid);
        if (parent !== undefined && !inBranch.has(parent.txid)) continue;
        if (chosen.length >= 5 || inBranch.has(tx.txid)) continue;
        chosen.push(tx);
        inBranch.add(tx.txid);
      }
      on = story.mine({ on, txs: chosen, payTo: 'miner' });
      blocks.push(on);
    }
    return blocks;
  });
  const all = [story.genesis, ...trunk, ...branches.flat()];
  return { trunk, branches, txs, blocks: new Map(all.map((block) => [block.entry.hash, block])) };
}

const died = (): Fault => new Fault('store-io', 'the process died');
const lostAnswer = (): Fault => new Fault('store-io', 'the answer was lost');

interface Parked {
  readonly who: number;
  readonly isWrite: boolean;
  readonly task: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Lets calls of the store through one at a time. */
function createStage(random: () => number) {
  const parked: Parked[] = [];
  const late: (() => Promise<unknown>)[] = [];
  const dead = new Set<number>();
  let isCalm = false;
  const pick = <T>(list: T[]): T => list.splice(Math.floor(random() * list.length), 1)[0] as T;
  const gate = (who: number, isWrite: boolean, task: () => Promise<unknown>): Promise<never> =>
    new Promise((resolve, reject) => {
      if (dead.has(who)) reject(died());
      else parked.push({ who, isWrite, task, resolve: resolve as never, reject });
    });
  const settled = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    calm: () => {
      isCalm = true;
    },
    kill(who: number): void {
      dead.add(who);
      for (const call of parked.filter((each) => each.who === who)) {
        parked.splice(parked.indexOf(call), 1);
        if (call.isWrite && random() < 0.5) late.push(call.task);
        call.reject(died());
      }
    },
    async landLate(): Promise<void> {
      while (late.length > 0) await pick(late)().catch(() => undefined);
    },
    async run(each: () => Promise<void>): Promise<void> {
      for (await settled(); parked.length > 0; await settled()) {
        const { task, isWrite, resolve, reject } = pick(parked);
        const isUnlucky = !isCalm && isWrite && random() < 0.02;
        if (isUnlucky && random() < 0.5) reject(lostAnswer());
        else {
          const [end] = await Promise.allSettled([task()]);
          if (isUnlucky) reject(lostAnswer());
          else if (end.status === 'fulfilled') resolve(end.value);
          else reject(end.reason);
        }
        if (late.length > 0 && random() < 0.1) await pick(late)().catch(() => undefined);
        await each();
      }
    },
    /** A handle of one process; rows of one put or removal go one by one, in any order. */
    handle(store: Store, who: number): Store {
      const read = <T>(task: () => Promise<T>): Promise<T> => gate(who, false, task);
      const write = <T>(task: () => Promise<T>): Promise<T> => gate(who, true, task);
      const each = async <T>(
        list: readonly T[],
        task: (item: T) => Promise<void>,
      ): Promise<void> => {
        const ends = await Promise.allSettled(list.map((item) => write(() => task(item))));
        const failed = ends.find((end) => end.status === 'rejected');
        if (failed !== undefined) throw failed.reason;
      };
      return {
        snapshot: () => read(() => store.snapshot()),
        recentHead: () => read(() => store.recentHead()),
        read: (keys) => read(() => store.read(keys)),
        list: (pk, options) => read(() => store.list(pk, options)),
        commit: (version, commit) => write(() => store.commit(version, commit)),
        transact: (ops) => write(() => store.transact(ops)),
        put: (rows) => each(rows, (row) => store.put([row])),
        remove: (keys) => each(keys, (key) => store.remove([key])),
        sweep: (now) => write(() => store.sweep(now)),
        close: async () => undefined,
      };
    },
  };
}

interface Process {
  readonly chain: Chain;
  readonly mempool: Mempool;
}

async function openProcess(store: Store, clock: Clock, random: () => number): Promise<Process> {
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random() * 256);
  const parts = { params, store, clock, verifier, telemetry: silentTelemetry };
  const chain = createChain(parts);
  await chain.init();
  return { chain, mempool: createMempool({ ...parts, chain, random: { bytes } }) };
}

/** What anybody was told. */
interface Told {
  readonly blocks: Set<string>;
  readonly txs: Set<string>;
}

const MAY_FAIL = new Set(['store-io', 'commit-contention']);

async function live(
  plot: Plot,
  random: () => number,
  open: () => Promise<Process>,
  told: Told,
): Promise<void> {
  let process: Process | undefined;
  const places = plot.branches.map(() => 0);
  const follow = async ({ mempool }: Process, change: Parameters<Mempool['reconcile']>[0]) => {
    if (random() < 0.7) await mempool.reconcile(change);
  };
  for (let deed = 0; deed < DEEDS; deed++) {
    try {
      process ??= await open();
      const { chain, mempool } = process;
      const draw = random();
      const which = Math.floor(random() * plot.branches.length);
      const branch = plot.branches[which] as readonly StoryBlock[];
      const place = places[which] ?? 0;
      if (draw < 0.08) {
        // Ahead of its parents, as messages that overtake each other come.
        const ahead = branch[place + 1 + Math.floor(random() * branch.length)];
        if (ahead === undefined) continue;
        const outcome = await chain.acceptBlock(ahead.block.raw, { asked: random() < 0.5 });
        if (outcome.status === 'rejected') throw new Error(`refused: ${outcome.reject.reason}`);
        if (outcome.status === 'tip') await follow(process, outcome.change);
      } else if (draw < 0.35) {
        const next = branch[place];
        if (next === undefined) continue;
        const outcome = await chain.acceptBlock(next.block.raw, { asked: true });
        if (outcome.status === 'rejected') throw new Error(`refused: ${outcome.reject.reason}`);
        if (outcome.status !== 'orphan') told.blocks.add(next.entry.hash);
        places[which] = place + 1;
        if (outcome.status === 'tip') await follow(process, outcome.change);
      } else if (draw < 0.45) {
        const rest = branch.slice(place);
        if (rest.length === 0) continue;
        await chain.acceptHeaders(rest.map(({ block }) => block.header));
        if (random() < 0.3) continue;
        const outcomes = await chain.acceptBlocks(rest.map(({ block }) => block.raw));
        places[which] = branch.length;
        for (const [i, outcome] of outcomes.entries()) {
          if (outcome.status === 'rejected') throw new Error(`refused: ${outcome.reject.reason}`);
          if (outcome.status !== 'orphan') told.blocks.add(rest[i]?.entry.hash as string);
        }
        const changes = new Set(
          outcomes.flatMap((outcome) => (outcome.status === 'tip' ? [outcome.change] : [])),
        );
        for (const change of changes) await follow(process, change);
      } else if (draw < 0.8) {
        const tx = plot.txs[Math.floor(random() * plot.txs.length)] as Tx;
        const { status } = await mempool.accept(tx.raw);
        if (status === 'accepted' || status === 'known') told.txs.add(tx.txid);
      } else if (draw < 0.9) await mempool.tick();
      else if (draw < 0.95) await chain.tick();
      else {
        const change = await chain.activateBest();
        if (change !== undefined) await follow(process, change);
      }
    } catch (error) {
      if (!(error instanceof Fault && MAY_FAIL.has(error.code))) throw error;
      if (error.message.includes('died')) return;
    }
  }
}

/** Blocks that were ever on the best chain, by the log. */
async function everConnected(store: Store, plot: Plot): Promise<Set<string>> {
  const found = new Set<string>();
  await withSnapshot(store, async (view) => {
    const keys = Array.from({ length: view.version }, (_, i) => logKey(i + 1));
    for (const row of await view.getMany(keys)) {
      if (row === undefined) throw new Error('a hole in the log');
      const { to, forkHeight } = decodeLog(row.value);
      let at = plot.blocks.get(to);
      for (; at !== undefined && at.entry.height > forkHeight; at = at.parent)
        found.add(at.entry.hash);
    }
  });
  return found;
}

const txidsOf = (block: StoryBlock): string[] => block.block.txs.map(({ txid }) => txid);

async function checkEnd(
  store: Store,
  plot: Plot,
  told: Told,
  { chain, mempool }: Process,
  run: string,
) {
  const tip = plot.blocks.get(await tipHash(chain)) as StoryBlock;
  // No branch of which all was taken in is better.
  for (const branch of plot.branches) {
    const taken = branch.findIndex(({ entry }) => !told.blocks.has(entry.hash));
    const top = branch[(taken < 0 ? branch.length : taken) - 1];
    if (top === undefined) continue;
    expect(tip.entry.chainwork >= top.entry.chainwork, `${run}: ${top.name} is the tip`).toBe(true);
  }
  const scripts = scriptsOf([...plot.blocks.values()]);
  expect(await coinLines(store, scripts), run).toEqual(replayLines(tip));
  const confirmed = new Set<string>();
  for (let at: StoryBlock | undefined = tip; at !== undefined; at = at.parent) {
    expect(await chain.block(at.entry.hash), `${run}: ${at.name}`).toBeDefined();
    for (const txid of txidsOf(at)) confirmed.add(txid);
  }
  const connected = await everConnected(store, plot);
  const were = [...connected].flatMap((hash) => txidsOf(plot.blocks.get(hash) as StoryBlock));
  const known = new Set([...told.txs, ...were]);
  const there = new Set<string>((await mempool.list()).map(({ txid }) => txid));
  const stands = new Set(confirmed);
  for (const [i, { txid, inputs }] of plot.txs.entries()) {
    if (!known.has(txid) || !stands.has(inputs[0]?.prevout.txid as string)) continue;
    stands.add(txid);
    expect(confirmed.has(txid) || there.has(txid), `${run}: transaction ${i}`).toBe(true);
  }
  expect(await brokenInvariants({ store, chain } as never), run).toEqual([]);
  await checkWaiting(store, plot, run);
}

const chunksOf = (store: Store, hash: string) => store.list(`${ORPHANS}#${hash}`);

/** No whole orphan waits for what is here. */
async function checkWaiting(store: Store, plot: Plot, run: string): Promise<void> {
  for (const { sk: hash } of await store.list(ORPHANS)) {
    const { name, parent, block } = plot.blocks.get(hash) as StoryBlock;
    const chunks = await chunksOf(store, hash);
    const bytes = chunks.reduce((sum, { value }) => sum + value.length, 0);
    if (bytes !== block.raw.length || parent === undefined) continue;
    const found = await store.read([blockKey(parent.entry.hash)]);
    expect(found, `${run}: ${name} waits for its parent`).toEqual([undefined]);
  }
}

/** Nothing is left of an orphan when its time is up. */
async function checkNoOrphans(store: Store, plot: Plot, run: string): Promise<void> {
  expect(await store.list(ORPHANS), run).toEqual([]);
  for (const [hash, { name }] of plot.blocks) {
    expect(await chunksOf(store, hash), `${run}: ${name} was an orphan`).toEqual([]);
  }
}

async function runProcesses(seed: number): Promise<void> {
  const random = seeded(seed);
  const plot = makePlot(random);
  const clock = new TestClock(LATE);
  const store = createMemoryStore({ clock });
  const stage = createStage(random);
  const founder = await openProcess(store, clock, random);
  await founder.chain.acceptBlocks(plot.trunk.map(({ block }) => block.raw));
  const told: Told = { blocks: new Set(), txs: new Set() };
  const runs: Promise<void>[] = [];
  const alive: number[] = [];
  const begin = (who: number): void => {
    alive.push(who);
    const own = { nowMs: () => clock.nowMs() + (APART_MS[who % APART_MS.length] ?? 0) };
    const open = () => openProcess(stage.handle(store, who), own, random);
    runs.push(live(plot, random, open, told));
  };
  for (let who = 0; who < PROCESSES; who++) begin(who);
  let deaths = 0;
  await stage.run(async () => {
    const draw = random();
    if (draw < 0.02) clock.seconds += 1;
    else if (draw < 0.022) clock.seconds += 61;
    else if (draw < 0.028 && deaths < DEATHS_MAX) {
      stage.kill(alive.splice(Math.floor(random() * alive.length), 1)[0] as number);
      begin(PROCESSES + deaths++);
    }
  });
  await Promise.all(runs);
  await stage.landLate();
  clock.seconds += 400;
  const last = await openProcess(store, clock, random);
  const change = await last.chain.activateBest();
  if (change !== undefined) await last.mempool.reconcile(change);
  const adopted = await last.chain.tick();
  if (adopted !== undefined) await last.mempool.reconcile(adopted);
  await last.mempool.tick();
  await checkEnd(store, plot, told, last, `seed ${seed}`);
  clock.seconds += 2 * 3600 + 60;
  await last.chain.tick();
  await checkNoOrphans(store, plot, `seed ${seed}`);
}

it('processes on one store, in any order, dying anywhere: what was taken is kept', async () => {
  const first = fuzzSeed('processes on one store');
  for (let run = 0; run < RUNS; run++) await runProcesses(first + run);
});
