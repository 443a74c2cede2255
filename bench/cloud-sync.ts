/**
 * A new stack's sync: what functions/sync.ts does, on a new table of dynoxide (an emulator, whose
 * units are DynamoDB's own rules), from a peer over HTTP in this process: a chain of payments, ten a
 * block, each to addresses of its own, and one of empty blocks. From both, units a block and a
 * payment, and what 100,000 blocks with a million of them would take; signatures by WebAssembly, as in
 * Lambda. Times are this machine's with the emulator on the same cores, not AWS's.
 *
 *   npx node bench/cloud-sync.ts [--blocks 2000] [--per-block 10] [--empty 500] [--json]
 *
 * About two minutes on two cores.
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createTable } from '../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../lib/adapters/dynamodb-store.ts';
import { createHttpTransport } from '../lib/adapters/http-transport.ts';
import { createNobleVerifier } from '../lib/adapters/noble-verifier.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import { createWasmVerifier } from '../lib/adapters/wasm-verifier.ts';
import { childEntry } from '../lib/consensus/context.ts';
import { createNode } from '../lib/node/create-node.ts';
import type { Tx } from '../lib/types.ts';
import { easyNetwork, Story, type StoryBlock } from '../test/helpers/chain-builder.ts';
import { countUnits } from '../test/helpers/dynamo-units.ts';
import { dynoxidePath, startDynoxide } from '../test/helpers/dynamodb.ts';
import { openHttpNode } from '../test/helpers/http-nodes.ts';
import { note } from './cloud/open.ts';
import { loadText, printTable, type Row, round } from './figures.ts';

const { values } = parseArgs({
  options: {
    blocks: { type: 'string', default: '2000' },
    'per-block': { type: 'string', default: '10' },
    empty: { type: 'string', default: '500' },
    json: { type: 'boolean', default: false },
  },
});
const params = easyNetwork({ maturity: 1, maxFutureSeconds: 7200, reorgLimit: 0 });
const clock = { nowMs: () => 1_900_000_000_000 };
const OWNERS = 200;
const SATS = 100_000;
const FAN_MAX = 2_000;
const SERVE_WINDOW = 200;
/** What a call of the function spends: infra gives it five minutes. */
const CALL_MS = 200_000;
/** The design's aim, and the table's maximum of a new stack. */
const AIM = { blocks: 100_000, txs: 1_000_000, hours: 3, dollars: 10 };
const TABLE_UNITS_PER_SECOND = 1_000;
const MILLION = 1e6;
const WORKER_GB = 1.769;

/** A block that the rules will accept; the chain checks it, not this. */
function mine(story: Story, on: StoryBlock, txs: readonly Tx[], name: number): StoryBlock {
  const block = story.build({ on, txs, reward: 1_000_000, payTo: `m${name % OWNERS}` });
  const entry = childEntry(block.header, on.entry, params);
  const effects = { created: [], spent: [], fees: 0 as never, signatureChecks: [] };
  return { name: entry.hash, block, entry, effects, parent: on };
}

/** `blocks` blocks of `perBlock` payments each, and before them those that make the coins. */
function lay(blocks: number, perBlock: number): { coins: Uint8Array[]; paid: Uint8Array[] } {
  const story = new Story(params);
  const coins: Uint8Array[] = [];
  const names: { coin: string; owner: number }[] = [];
  let at: StoryBlock = story.genesis;
  for (let left = blocks * perBlock; left > 0; left -= FAN_MAX) {
    const source = story.mine({ on: at, payTo: 'founder' });
    const count = Math.min(left, FAN_MAX);
    const outputs = Array.from({ length: count }, (_, i) => ({ to: `k${i % OWNERS}`, sats: SATS }));
    const fan = story.spend({ inputs: [`${source.name}:0`], outputs });
    story.name(fan, `fan${left}`);
    at = mine(story, source, [fan], 0);
    coins.push(source.block.raw, at.block.raw);
    for (let i = 0; i < count; i++) names.push({ coin: `fan${left}:${i}`, owner: i % OWNERS });
  }
  const paid: Uint8Array[] = [];
  for (let b = 0; b < blocks; b++) {
    const txs = names.slice(b * perBlock, (b + 1) * perBlock).map(({ coin, owner }, i) =>
      story.spend({
        inputs: [coin],
        outputs: [
          { to: `k${(owner + i + b + 1) % OWNERS}`, sats: SATS / 2 },
          { to: `k${(owner + 2 * i + b + 3) % OWNERS}`, sats: SATS / 2 - 500 },
        ],
      }),
    );
    at = mine(story, at, txs, b);
    paid.push(at.block.raw);
  }
  return { coins, paid };
}

interface Synced {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly write: number;
  readonly read: number;
  readonly requests: number;
}

const trusting = { name: 'none', firstInvalid: async () => -1 };

/** Syncs a new table with all of the chain; counts from when it stands at the end of `before`. */
async function sync(
  client: DynamoDBClient,
  table: string,
  before: readonly Uint8Array[],
  raws: readonly Uint8Array[],
): Promise<Synced> {
  const all = [...before, ...raws];
  const peer = await openHttpNode({ params, clock, verifier: trusting });
  for (let at = 0; at < all.length; at += SERVE_WINDOW) {
    await peer.node.chain.acceptBlocks(all.slice(at, at + SERVE_WINDOW));
  }
  await createTable(client, table);
  const store = createDynamoStore({ client, table, clock });
  const transport = createHttpTransport();
  const node = await createNode({
    params,
    store,
    clock,
    random: systemRandom,
    verifier: createWasmVerifier() ?? createNobleVerifier(),
    transports: [transport],
    peers: [peer.url],
  });
  for (let at = 0; at < before.length; at += SERVE_WINDOW) {
    await node.chain.acceptBlocks(before.slice(at, at + SERVE_WINDOW));
  }
  const units = countUnits(client);
  const fromMs = performance.now();
  const fromCpu = process.cpuUsage();
  await node.gossip.tick();
  while (await node.gossip.sync(clock.nowMs() + CALL_MS));
  const seconds = (performance.now() - fromMs) / 1000;
  const { user, system } = process.cpuUsage(fromCpu);
  const { height } = (await node.chain.tip()).entry;
  if (height !== all.length) throw new Error(`ended at ${height} of ${all.length}`);
  transport.close();
  await peer.close();
  return { seconds, cpuSeconds: (user + system) / MILLION, ...units.take() };
}

const usd = (name: string): number => {
  const file = new URL('../docs/prices.json', import.meta.url);
  const { prices } = JSON.parse(readFileSync(file, 'utf8')) as {
    prices: Record<string, { usd: number; per: number }>;
  };
  const price = prices[name];
  if (price === undefined) throw new Error(`no price of ${name}`);
  return price.usd / price.per;
};

function syncRow(name: string, synced: Synced, blocks: number, txs: number): Row {
  const { seconds, write, read, cpuSeconds } = synced;
  return {
    chain: name,
    blocks,
    payments: txs,
    seconds: round(seconds, 1),
    'cpu s': round(cpuSeconds, 1),
    'blocks/s': round(blocks / seconds),
    'tx/s': round(txs / seconds),
    'write units/s': round(write / seconds),
    'write units/block': round(write / blocks, 2),
    'read units/block': round(read / blocks, 2),
  };
}

/** What the aim's chain would take, from the share of a block and of a payment. */
function project(empty: Synced, emptyBlocks: number, full: Synced, blocks: number, txs: number) {
  const of = (what: keyof Synced): { block: number; tx: number; all: number } => {
    const block = empty[what] / emptyBlocks;
    const tx = (full[what] - block * blocks) / txs;
    return { block, tx, all: block * AIM.blocks + tx * AIM.txs };
  };
  const [write, read, seconds] = [of('write'), of('read'), of('seconds')];
  const hours = Math.max(seconds.all, write.all / TABLE_UNITS_PER_SECOND) / 3600;
  const dollars =
    write.all * usd('dynamodb-write') +
    read.all * usd('dynamodb-read') +
    hours * 3600 * WORKER_GB * usd('lambda-arm-gb-second');
  return [
    { what: 'write units of a block', value: round(write.block, 2), aim: '' },
    { what: 'write units of a payment', value: round(write.tx, 2), aim: '' },
    { what: 'read units of a payment', value: round(read.tx, 2), aim: '' },
    { what: 'hours at this machine’s speed', value: round(seconds.all / 3600, 2), aim: AIM.hours },
    {
      what: `hours at the table's ${TABLE_UNITS_PER_SECOND} write units/s`,
      value: round(write.all / TABLE_UNITS_PER_SECOND / 3600, 2),
      aim: AIM.hours,
    },
    { what: 'dollars, list price', value: round(dollars, 2), aim: AIM.dollars },
  ];
}

async function run(client: () => DynamoDBClient): Promise<void> {
  const [blocks, perBlock] = [Number(values.blocks), Number(values['per-block'])];
  const emptyBlocks = Number(values.empty);
  note(`signing ${blocks * perBlock} payments`);
  const { coins, paid } = lay(blocks, perBlock);
  const idle = lay(emptyBlocks, 0);
  note('syncing empty blocks');
  const empty = await sync(client(), 'empty', idle.coins, idle.paid);
  note('syncing payments');
  const full = await sync(client(), 'full', coins, paid);
  const txs = blocks * perBlock;
  const rows = [
    syncRow('empty', empty, emptyBlocks, 0),
    syncRow(`${perBlock} a block`, full, blocks, txs),
  ];
  const projected = project(empty, emptyBlocks, full, blocks, txs);
  if (values.json) {
    console.log(JSON.stringify({ bench: 'cloud-sync', load: loadText(), rows, projected }));
    return;
  }
  console.log(`emulator's figures, ${loadText()}`);
  printTable(rows);
  console.log(`\n${AIM.blocks} blocks with ${AIM.txs} payments, projected`);
  printTable(projected);
}

const binary = dynoxidePath();
if (binary === undefined) {
  console.error('npm has no build of dynoxide for this platform');
  process.exit(3);
}
const running = await startDynoxide(binary);
try {
  await run(() => running.client());
} finally {
  running.stop();
}
process.exit(0);
