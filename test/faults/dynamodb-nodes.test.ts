/**
 * Nodes that share one table, their requests in an order drawn from a seed: two branches compete, coins
 * are spent twice, processes die, answers are lost, requests come twice. The coins are those of a replay
 * from genesis at any time, no coin has two spenders, and what was accepted is not lost.
 *
 *   STACKCHAIN_SEED=7 npx vitest run test/faults/dynamodb-nodes.test.ts
 */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { expect, it } from 'vitest';
import { createChain } from '../../lib/chain/create-chain.ts';
import type { Chain } from '../../lib/chain/types.ts';
import { Fault } from '../../lib/faults.ts';
import { createMempool } from '../../lib/mempool/create-mempool.ts';
import type { Mempool } from '../../lib/mempool/types.ts';
import type { Store } from '../../lib/ports/store.ts';
import { silentTelemetry } from '../../lib/ports/telemetry.ts';
import { decodeHead } from '../../lib/store/layout.ts';
import type { Tx } from '../../lib/types.ts';
import { look } from '../conformance/store/harness.ts';
import { easyNetwork, Story, type StoryBlock } from '../helpers/chain-builder.ts';
import {
  acceptAll,
  busyChain,
  coinLines,
  LATE,
  replayLines,
  scriptsOf,
  TestClock,
  tipHash,
  verifier,
} from '../helpers/chain-rig.ts';
import { fuzzSeed } from '../helpers/fuzz.ts';
import { brokenInvariants, inAWord } from '../helpers/mempool-world.ts';
import { describeOnDynoxide } from '../helpers/on-dynoxide.ts';
import { createDirector, type Director } from './schedules.ts';
import { checkItems, openEmptyWorld } from './store-world.ts';
import { seeded } from './weather.ts';

const RUNS = 5;
const NODES = 3;
const DEEDS = 10;
/** A look at all coins after so many requests. */
const LOOK_EVERY = 25;
const params = easyNetwork({ reorgLimit: 0, maxFutureSeconds: 7200 });

interface Plot {
  readonly story: Story;
  readonly trunk: readonly StoryBlock[];
  readonly a: readonly StoryBlock[];
  readonly b: readonly StoryBlock[];
  /** Each list spends one coin. */
  readonly rivals: readonly (readonly Tx[])[];
  readonly blocks: ReadonlyMap<string, StoryBlock>;
  readonly scripts: readonly Uint8Array[];
}

function makePlot(): Plot {
  const story = new Story(params);
  const trunk = story.mineMany(8);
  const top = trunk[7] as StoryBlock;
  const spend = (i: number, to: string): Tx =>
    story.pay({ from: `${trunk[i]?.name}:0`, to, sats: 1000 + i });
  const rivals = [0, 1, 2, 3].map((i) => ['bob', 'eve'].map((to) => spend(i, to)));
  const a = busyChain(story, { on: top, length: 3, tag: 'a' });
  // The better branch spends one of the coins itself.
  const first = story.mine({ on: top, txs: [spend(0, 'carol')], payTo: 'b-miner' });
  const b = [first, ...busyChain(story, { on: first, length: 4, tag: 'b' })];
  const all = [story.genesis, ...trunk, ...a, ...b];
  const blocks = new Map(all.map((block) => [block.entry.hash as string, block]));
  return { story, trunk, a, b, rivals, blocks, scripts: scriptsOf(all) };
}

interface Node {
  readonly chain: Chain;
  readonly mempool: Mempool;
}

async function openNode(store: Store, clock: TestClock, random: () => number): Promise<Node> {
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => random() * 256);
  const parts = { params, store, clock, verifier, telemetry: silentTelemetry };
  const chain = createChain(parts);
  await chain.init();
  return { chain, mempool: createMempool({ ...parts, chain, random: { bytes } }) };
}

const MAY_FAIL = new Set(['store-io', 'commit-unknown', 'commit-contention', 'snapshot-too-old']);

/** What one process does; `accepted`: ids that somebody was told are in. */
async function live(
  plot: Plot,
  director: Director,
  open: () => Promise<Node>,
  accepted: Set<string>,
): Promise<void> {
  const { random } = director;
  const rest = { a: [...plot.a], b: [...plot.b] };
  let node: Node | undefined;
  for (let deed = 0; deed < DEEDS; deed++) {
    try {
      node ??= await open();
      const draw = random();
      if (draw < 0.5) {
        const branch = rest[random() < 0.4 ? 'a' : 'b'];
        const next = branch.shift();
        if (next === undefined) continue;
        const outcome = await node.chain.acceptBlock(next.block.raw, { asked: true });
        if (outcome.status === 'tip' && random() < 0.8)
          await node.mempool.reconcile(outcome.change);
      } else if (draw < 0.85) {
        const pair = plot.rivals[Math.floor(random() * plot.rivals.length)] as readonly Tx[];
        const tx = pair[Math.floor(random() * 2)] as Tx;
        if (inAWord(await node.mempool.accept(tx.raw)) === 'accepted') accepted.add(tx.txid);
      } else if (draw < 0.95) await node.mempool.tick();
      else await node.chain.tick();
    } catch (error) {
      if (!(error instanceof Fault && MAY_FAIL.has(error.code))) throw error;
      if (error.message.includes('died') || String(error.cause).includes('died')) return;
    }
  }
}

/** The coins as of the version that is visible, against a replay of the chain that it names. */
async function checkCoins(store: Store, plot: Plot, told: string): Promise<void> {
  for (let tries = 0; tries < 5; tries++) {
    const tip = await look(store, async ({ head }) => head && decodeHead(head).hash);
    const lines = await coinLines(store, plot.scripts);
    const after = await look(store, async ({ head }) => head && decodeHead(head).hash);
    if (tip !== after) continue;
    expect(lines, told).toEqual(replayLines(plot.blocks.get(tip as string) as StoryBlock));
    return;
  }
  throw new Error(`${told}: the tip moved at each look, though nobody else was let through`);
}

async function checkEnd(plot: Plot, node: Node, store: Store, accepted: Set<string>, told: string) {
  const best = plot.b.at(-1) as StoryBlock;
  await acceptAll(node.chain, plot.b);
  await node.chain.activateBest();
  await node.chain.tick();
  await node.mempool.tick();
  expect(await tipHash(node.chain), told).toBe(best.entry.hash);
  expect(await coinLines(store, plot.scripts), told).toEqual(replayLines(best));
  const there = new Set((await node.mempool.list()).map(({ txid }) => txid));
  for (const [i, pair] of plot.rivals.entries()) {
    const standing = pair.filter(({ txid }) => there.has(txid));
    const told2 = `${told}: spenders of coin ${i}`;
    const isIn = pair.some(({ txid }) => accepted.has(txid));
    // The chain spends the first coin. Who died before it was told may have been accepted too.
    if (i === 0) expect(standing.length, told2).toBe(0);
    else expect(standing.length, told2).toBeGreaterThanOrEqual(isIn ? 1 : 0);
    expect(standing.length, told2).toBeLessThanOrEqual(1);
    if (i > 0) for (const { txid } of pair) if (accepted.has(txid)) expect(there).toContain(txid);
  }
  for (const block of [...plot.trunk, ...plot.b]) {
    expect(await node.chain.block(block.entry.hash), told).toBeDefined();
  }
  expect(await brokenInvariants({ store, chain: node.chain } as never), told).toEqual([]);
}

/** Answers what took place. */
async function runNodes(
  connect: () => Promise<DynamoDBClient>,
  seed: number,
): Promise<{ readonly accepted: number; readonly looks: number; readonly deaths: number }> {
  const random = seeded(seed);
  const director = createDirector(random);
  const plot = makePlot();
  const world = await openEmptyWorld(connect, { random });
  const clock = new TestClock(LATE);
  const plain = await world.store();
  const founder = await openNode(plain, clock, random);
  await acceptAll(founder.chain, plot.trunk);
  const accepted = new Set<string>();
  const runs: Promise<void>[] = [];
  const alive: number[] = [];
  const begin = async (writer: number): Promise<void> => {
    alive.push(writer);
    const store = await world.store(director.fate(writer));
    runs.push(live(plot, director, () => openNode(store, clock, random), accepted));
  };
  for (let writer = 0; writer < NODES; writer++) await begin(writer);
  const seen = new Map<string, number>();
  let requests = 0;
  let deaths = 0;
  let looks = 0;
  await director.run(async () => {
    requests++;
    const draw = random();
    if (draw < 0.05) world.clock.advance(1500);
    else if (draw < 0.053) world.clock.advance(120_000);
    else if (draw < 0.056 && deaths < 3) {
      director.kill(alive.splice(Math.floor(random() * alive.length), 1)[0] as number);
      await begin(NODES + deaths++);
    }
    if (requests % LOOK_EVERY !== 0) return;
    looks++;
    checkItems(await world.scan(), seen, `seed ${seed}`);
    await checkCoins(plain, plot, `seed ${seed}, request ${requests}`);
  });
  await Promise.all(runs);
  director.calm();
  world.clock.advance(120_000);
  const last = await openNode(await world.store(), clock, random);
  await last.mempool.tick();
  await checkEnd(plot, last, plain, accepted, `seed ${seed}`);
  await director.deliverLate();
  await checkEnd(plot, last, plain, accepted, `seed ${seed}, after what came late`);
  await world.close();
  return { accepted: accepted.size, looks, deaths };
}

describeOnDynoxide('nodes on dynoxide', (connect) => {
  it('competing blocks and spenders, deaths and late requests: one chain, nothing lost', async () => {
    const first = fuzzSeed('nodes on one table');
    const runs = Number(process.env['STACKCHAIN_RUNS'] ?? RUNS);
    const sum = { accepted: 0, looks: 0, deaths: 0 };
    for (let run = 0; run < runs; run++) {
      const { accepted, looks, deaths } = await runNodes(connect, first + run);
      sum.accepted += accepted;
      sum.looks += looks;
      sum.deaths += deaths;
    }
    console.info(JSON.stringify(sum));
    // Else what was accepted would be nothing, and the coins be looked at by nobody.
    expect(sum.accepted).toBeGreaterThan(0);
    expect(sum.looks).toBeGreaterThan(0);
  });
});
