/**
 * What connecting a block costs: (1) on top of 1,000 and of 100,000 coins, which must not matter;
 * (2) full blocks of transactions that nobody has seen before, on LevelDB, one core, against the
 * signature checks alone (the limit), and again with the signatures in the cache.
 *
 * Times are of the processor, so rates are per core.
 *
 *   node bench/connect.ts [--blocks 3]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { withSignatureCache } from '../lib/adapters/caching-verifier.ts';
import { openLevelStore } from '../lib/adapters/leveldb-store.ts';
import { createNativeVerifier } from '../lib/adapters/native-verifier.ts';
import { createNobleVerifier } from '../lib/adapters/noble-verifier.ts';
import { createChain } from '../lib/chain/create-chain.ts';
import type { Chain } from '../lib/chain/types.ts';
import { childEntry } from '../lib/consensus/context.ts';
import type { Verifier } from '../lib/ports/verifier.ts';
import { inputSignatureCheck } from '../lib/script/verify-input.ts';
import type { SignatureCheck, Tx } from '../lib/types.ts';
import { easyNetwork, Story, type StoryBlock } from '../test/helpers/chain-builder.ts';

const params = easyNetwork({ maxFutureSeconds: 7200 });
const clock = { nowMs: () => 1_900_000_000_000 };
const { values } = parseArgs({ options: { blocks: { type: 'string', default: '3' } } });
const FULL_BLOCKS = Number(values.blocks);
const FULL_TXS = 4_000;
const SMALL_BLOCKS = 30;
const SMALL_TXS = 100;
const FAN_MAX = 9_000;

const median = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;

/** A block that the rules will accept: not checked here, the chain does it. */
function mineUnchecked(story: Story, on: StoryBlock, txs: readonly Tx[]): StoryBlock {
  const block = story.build({ on, txs, reward: 1_000_000 });
  const entry = childEntry(block.header, on.entry, story.params);
  const effects = { created: [], spent: [], fees: 0 as never, signatureChecks: [] };
  return { name: entry.hash, block, entry, effects, parent: on };
}

interface Laid {
  readonly blocks: StoryBlock[];
  /** Names of coins that can be spent. */
  readonly coins: string[];
}

/** Blocks that leave `count` coins, 10,000 at most a block. */
function layCoins(story: Story, on: StoryBlock, count: number, owner: string): Laid {
  const blocks: StoryBlock[] = [];
  const coins: string[] = [];
  let at = on;
  while (coins.length < count) {
    const source = story.mine({ on: at });
    const outputs = Math.min(FAN_MAX, count - coins.length);
    const fan = story.spend({
      inputs: [`${source.name}:0`],
      outputs: Array.from({ length: outputs }, () => ({ to: owner, sats: 100_000 })),
    });
    at = mineUnchecked(story, source, [fan]);
    blocks.push(source, at);
    for (let i = 0; i < outputs; i++) coins.push(`${fan.txid}:${i}`);
  }
  return { blocks, coins };
}

/** Blocks of 1-in-2-out payments, each to an address of its own. */
function layPayments(story: Story, laid: Laid, blocks: number, txs: number): StoryBlock[] {
  const payments: StoryBlock[] = [];
  let at = laid.blocks.at(-1) as StoryBlock;
  let next = 0;
  for (let b = 0; b < blocks; b++) {
    const list = Array.from({ length: txs }, () => {
      const to = new Uint8Array(25);
      to.set([0x76, 0xa9, 0x14]);
      to.set([0x88, 0xac], 23);
      crypto.getRandomValues(to.subarray(3, 23));
      const from = laid.coins[next++] as string;
      return story.spend({
        inputs: [from],
        outputs: [
          { to, sats: 60_000 },
          { to: 'change', sats: 39_000 },
        ],
      });
    });
    at = mineUnchecked(story, at, list);
    payments.push(at);
  }
  return payments;
}

async function onLevel<T>(verifier: Verifier, task: (chain: Chain) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'stackchain-bench-'));
  const store = await openLevelStore(dir);
  try {
    const chain = createChain({ params, store, clock, verifier });
    await chain.init();
    return await task(chain);
  } finally {
    await store.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** Milliseconds of processor time of this process, all threads: other load on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of processor time of each block. */
async function connectAll(chain: Chain, blocks: readonly StoryBlock[]): Promise<number[]> {
  const times: number[] = [];
  for (const { block } of blocks) {
    const from = cpuMs();
    const outcome = await chain.acceptBlock(block.raw, { asked: true });
    times.push(cpuMs() - from);
    if (outcome.status !== 'tip') throw new Error(JSON.stringify(outcome));
  }
  return times;
}

const native = createNativeVerifier() ?? createNobleVerifier();
const trusting: Verifier = { name: 'none', firstInvalid: async () => -1 };

async function coinsDoNotMatter(): Promise<void> {
  const results = new Map<number, number[]>();
  for (const count of [1_000, 100_000]) {
    const story = new Story(params);
    const spendable = layCoins(story, story.genesis, SMALL_BLOCKS * SMALL_TXS, 'payer');
    const rest = count - SMALL_BLOCKS * SMALL_TXS;
    const more =
      rest > 0 ? layCoins(story, spendable.blocks.at(-1) as StoryBlock, rest, 'rich') : undefined;
    const base = { blocks: [...spendable.blocks, ...(more?.blocks ?? [])], coins: spendable.coins };
    const payments = layPayments(story, base, SMALL_BLOCKS, SMALL_TXS);
    // A thousand coins is fewer than the payments spend: those are laid in any case.
    const times = await onLevel(trusting, async (chain) => {
      await connectAll(chain, base.blocks);
      return connectAll(chain, payments);
    });
    results.set(Math.max(count, SMALL_BLOCKS * SMALL_TXS), times);
  }
  const [few, many] = [...results.keys()] as [number, number];
  const [a, b] = [median(results.get(few) ?? []), median(results.get(many) ?? [])];
  console.log(
    `block of ${SMALL_TXS} tx on ${few} coins: ${a.toFixed(2)} ms (median of ${SMALL_BLOCKS})`,
  );
  console.log(`block of ${SMALL_TXS} tx on ${many} coins: ${b.toFixed(2)} ms`);
  console.log(`ratio ${(b / a).toFixed(2)}`);
}

async function fullBlocks(): Promise<void> {
  const story = new Story(params);
  const laid = layCoins(story, story.genesis, (FULL_BLOCKS + 1) * FULL_TXS, 'payer');
  const payments = layPayments(story, laid, FULL_BLOCKS + 1, FULL_TXS);
  const script = story.key('payer').script;
  const checks: SignatureCheck[] = [];
  for (const { block } of payments.slice(1)) {
    for (const tx of block.txs.slice(1)) {
      const check = inputSignatureCheck(tx, 0, script);
      if (check.ok) checks.push(check.value);
    }
  }
  const from = cpuMs();
  if ((await native.firstInvalid(checks)) !== -1) throw new Error('a signature fails');
  const limit = (checks.length / (cpuMs() - from)) * 1000;
  const rate = async (verifier: Verifier): Promise<number> =>
    onLevel(verifier, async (chain) => {
      await connectAll(chain, laid.blocks);
      const [, ...times] = await connectAll(chain, payments);
      return (FULL_TXS / median(times)) * 1000;
    });
  const cold = await rate(native);
  const cached = withSignatureCache(native);
  await cached.firstInvalid(checks);
  const warm = await rate(cached);
  const none = await rate(trusting);
  console.log(`verifier ${native.name}: ${limit.toFixed(0)} checks/s, the limit`);
  console.log(
    `full blocks of ${FULL_TXS} tx not seen before: ${cold.toFixed(0)} tx/s, ${(cold / limit).toFixed(2)} of the limit`,
  );
  console.log(
    `the same with signatures cached: ${warm.toFixed(0)} tx/s, ${(warm / cold).toFixed(1)} x`,
  );
  console.log(`the same without any check: ${none.toFixed(0)} tx/s`);
}

await coinsDoNotMatter();
await fullBlocks();
