/**
 * What connecting a block costs: (1) on top of 1,000 and of 100,000 coins, which must not matter;
 * (2) full blocks of transactions that nobody has seen before, on LevelDB, one core, against the
 * signature checks alone (the limit), and again with the signatures in the cache.
 *
 * Times are of the processor, so rates are per core.
 *
 *   npx node bench/connect.ts [--blocks 3]
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
const SMALL_BLOCKS = 20;
const SMALL_TXS = 50;
const FAN_MAX = 9_000;
const FEW_COINS = 1_000;
const MANY_COINS = 100_000;
const WARM_UP = 3;

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

interface Opened {
  readonly chain: Chain;
  close(): Promise<void>;
}

async function openLevel(verifier: Verifier): Promise<Opened> {
  const dir = await mkdtemp(join(tmpdir(), 'stackchain-bench-'));
  const store = await openLevelStore(dir);
  const chain = createChain({ params, store, clock, verifier });
  await chain.init();
  return {
    chain,
    close: async () => {
      await store.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Milliseconds of processor time of this process, all threads: other load on the machine does not count. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** Milliseconds of processor time of one block. */
async function connect(chain: Chain, { block }: StoryBlock): Promise<number> {
  const from = cpuMs();
  const outcome = await chain.acceptBlock(block.raw, { asked: true });
  const took = cpuMs() - from;
  if (outcome.status !== 'tip') throw new Error(JSON.stringify(outcome));
  return took;
}

async function connectAll(chain: Chain, blocks: readonly StoryBlock[]): Promise<void> {
  for (const block of blocks) await connect(chain, block);
}

const native = createNativeVerifier() ?? createNobleVerifier();
const trusting: Verifier = { name: 'none', firstInvalid: async () => -1 };

/** A chain with `count` coins, and blocks to connect on it. */
async function furnish(count: number): Promise<Opened & { payments: StoryBlock[] }> {
  const story = new Story(params);
  const spendable = layCoins(story, story.genesis, SMALL_BLOCKS * SMALL_TXS, 'payer');
  const rest = count - SMALL_BLOCKS * SMALL_TXS;
  const top = spendable.blocks.at(-1) as StoryBlock;
  const more = rest > 0 ? layCoins(story, top, rest, 'rich').blocks : [];
  const base = { blocks: [...spendable.blocks, ...more], coins: spendable.coins };
  const payments = layPayments(story, base, SMALL_BLOCKS, SMALL_TXS);
  const opened = await openLevel(trusting);
  await connectAll(opened.chain, base.blocks);
  return { ...opened, payments };
}

async function coinsDoNotMatter(): Promise<void> {
  const few = await furnish(FEW_COINS);
  const many = await furnish(MANY_COINS);
  const times = { few: [] as number[], many: [] as number[] };
  for (let i = 0; i < SMALL_BLOCKS; i++) {
    // In turn, so that both meet the same machine; the first ones warm it up.
    const onFew = await connect(few.chain, few.payments[i] as StoryBlock);
    const onMany = await connect(many.chain, many.payments[i] as StoryBlock);
    if (i < WARM_UP) continue;
    times.few.push(onFew);
    times.many.push(onMany);
  }
  await few.close();
  await many.close();
  const [a, b] = [median(times.few), median(times.many)];
  console.log(`block of ${SMALL_TXS} tx on ${FEW_COINS} coins: ${a.toFixed(2)} ms`);
  console.log(`block of ${SMALL_TXS} tx on ${MANY_COINS} coins: ${b.toFixed(2)} ms`);
  console.log(`ratio ${(b / a).toFixed(2)}`);
}

function checksOf({ block }: StoryBlock, script: Uint8Array): SignatureCheck[] {
  return block.txs.slice(1).flatMap((tx) => {
    const check = inputSignatureCheck(tx, 0, script);
    return check.ok ? [check.value] : [];
  });
}

async function fullBlocks(): Promise<void> {
  const story = new Story(params);
  const laid = layCoins(story, story.genesis, (FULL_BLOCKS + 1) * FULL_TXS, 'payer');
  const payments = layPayments(story, laid, FULL_BLOCKS + 1, FULL_TXS);
  const script = story.key('payer').script;
  const cached = withSignatureCache(native);
  const chains = await Promise.all([native, cached, trusting].map(openLevel));
  for (const { chain } of chains) await connectAll(chain, laid.blocks);
  const times: number[][] = [];
  for (const [i, block] of payments.entries()) {
    const checks = checksOf(block, script);
    const from = cpuMs();
    if ((await native.firstInvalid(checks)) !== -1) throw new Error('a signature fails');
    const row = [cpuMs() - from];
    await cached.firstInvalid(checks);
    for (const { chain } of chains) row.push(await connect(chain, block));
    if (i > 0) times.push(row);
  }
  for (const { close } of chains) await close();
  const rate = (column: number): number =>
    (FULL_TXS / median(times.map((row) => row[column] ?? 0))) * 1000;
  const [limit, cold, warm, none] = [rate(0), rate(1), rate(2), rate(3)];
  const ratio = median(times.map(([bare = 0, whole = 1]) => bare / whole));
  console.log(`verifier ${native.name}: ${limit.toFixed(0)} checks/s, the limit`);
  console.log(`full blocks of ${FULL_TXS} tx not seen before: ${cold.toFixed(0)} tx/s`);
  console.log(`  of the limit: ${ratio.toFixed(2)}`);
  console.log(`with signatures cached: ${warm.toFixed(0)} tx/s, ${(warm / cold).toFixed(1)} x`);
  console.log(`without any check: ${none.toFixed(0)} tx/s`);
}

await coinsDoNotMatter();
await fullBlocks();
