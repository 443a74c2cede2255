/**
 * Full sync over HTTP: a node with an empty LevelDB store catches up with a peer in another process,
 * for a chain of 20,000 payments and for one of empty blocks. Beside it, as the limit: the same
 * blocks connected from memory, without a peer. Memory is that of the syncing process at its end.
 *
 *   npx node bench/sync.ts [--txs 20000] [--per-block 100] [--empty 3000] [--threads N]
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { createHttpTransport } from '../lib/adapters/http-transport.ts';
import { openLevelStore } from '../lib/adapters/leveldb-store.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import { createThreadedVerifier } from '../lib/adapters/threaded-verifier.ts';
import { createVerifier } from '../lib/adapters/verifier.ts';
import { makeTx } from '../lib/codec/tx.ts';
import { childEntry } from '../lib/consensus/context.ts';
import { createNode } from '../lib/node/create-node.ts';
import type { Node } from '../lib/node/types.ts';
import type { Tx } from '../lib/types.ts';
import {
  easyNetwork,
  Story,
  type StoryBlock,
  type StoryKey,
  signInput,
} from '../test/helpers/chain-builder.ts';
import { openHttpNode } from '../test/helpers/http-nodes.ts';

const params = easyNetwork({ maturity: 1, maxFutureSeconds: 7200, reorgLimit: 0 });
const clock = { nowMs: () => 1_900_000_000_000 };
const FAN = 2000;
const SATS = 100_000;
const WINDOW = 200;

const { values } = parseArgs({
  options: {
    txs: { type: 'string', default: '20000' },
    'per-block': { type: 'string', default: '100' },
    empty: { type: 'string', default: '3000' },
    /** That check signatures; as many as cores, if not said. */
    threads: { type: 'string' },
    serve: { type: 'string' },
    from: { type: 'string' },
  },
});

const THREADS = Number(values.threads ?? availableParallelism());

interface Coin {
  readonly tx: Tx;
  readonly vout: number;
}

/** A block that the rules will accept; the chain checks it, not this. */
function mine(story: Story, on: StoryBlock, txs: readonly Tx[]): StoryBlock {
  const block = story.build({ on, txs, reward: 1_000_000 });
  const entry = childEntry(block.header, on.entry, params);
  const effects = { created: [], spent: [], fees: 0 as never, signatureChecks: [] };
  return { name: entry.hash, block, entry, effects, parent: on };
}

/** One input, two outputs, all to one key: every tenth coin is spent again at once. */
function pay({ tx, vout }: Coin, key: StoryKey): Tx {
  const value = tx.outputs[vout]?.value ?? 0n;
  const half = (value - 500n) / 2n;
  const input = {
    prevout: { txid: tx.txid, vout },
    scriptSig: new Uint8Array(0),
    sequence: 0xffffffff,
  };
  const outputs = [half, value - 500n - half].map((sats) => ({
    value: sats,
    scriptPubKey: key.script,
  }));
  const bare = makeTx({ version: 2, inputs: [input], outputs, lockTime: 0 });
  const scriptSig = signInput(bare, 0, key.script, key);
  return makeTx({ version: 2, inputs: [{ ...input, scriptSig }], outputs, lockTime: 0 });
}

function busy(txs: number, perBlock: number): Uint8Array[] {
  const story = new Story(params);
  const key = story.key('payer');
  const raws: Uint8Array[] = [];
  let coins: Coin[] = [];
  let at: StoryBlock = story.genesis;
  for (let left = Math.ceil(txs / 2); left > 0; left -= FAN) {
    const source = story.mine({ on: at });
    const outputs = Array.from({ length: FAN }, () => ({ to: 'payer', sats: SATS }));
    const fan = story.spend({ inputs: [`${source.name}:0`], outputs });
    at = mine(story, source, [fan]);
    raws.push(source.block.raw, at.block.raw);
    coins.push(...fan.outputs.map((_, vout) => ({ tx: fan, vout })));
  }
  for (let done = 0; done < txs; done += perBlock) {
    const spent = coins.slice(0, perBlock);
    const paid = spent.map((coin) => pay(coin, key));
    coins = [...coins.slice(perBlock), ...paid.map((tx) => ({ tx, vout: 0 }))];
    at = mine(story, at, paid);
    raws.push(at.block.raw);
  }
  return raws;
}

function idle(count: number): Uint8Array[] {
  const story = new Story(params);
  const raws: Uint8Array[] = [];
  let at: StoryBlock = story.genesis;
  for (let i = 0; i < count; i++) {
    at = mine(story, at, []);
    raws.push(at.block.raw);
  }
  return raws;
}

async function readBlocks(file: string): Promise<Uint8Array[]> {
  const bytes = await readFile(file);
  const raws: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    raws.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return raws;
}

/** The peer, in a process of its own: serves the blocks of a file until it is ended. */
async function servePeer(file: string): Promise<void> {
  const raws = await readBlocks(file);
  const { node, url } = await openHttpNode({ params, clock, verifier: createVerifier() });
  await connectAll(node, raws);
  console.log(url);
}

async function connectAll(node: Node, raws: readonly Uint8Array[]): Promise<void> {
  for (let at = 0; at < raws.length; at += WINDOW) {
    const outcomes = await node.chain.acceptBlocks(raws.slice(at, at + WINDOW));
    const bad = outcomes.find(({ status }) => status !== 'tip');
    if (bad !== undefined) throw new Error(JSON.stringify(bad));
  }
}

async function withNode<T>(peers: string[], task: (node: Node) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'stackchain-sync-'));
  const store = await openLevelStore(dir);
  const transport = createHttpTransport();
  const verifier = createThreadedVerifier({ threads: THREADS });
  const transports = [transport];
  try {
    const node = await createNode({
      ...{ params, store, clock, random: systemRandom, verifier, transports, peers },
    });
    return await task(node);
  } finally {
    transport.close();
    await store.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** A run in a process of its own, so that its memory is that of a node and of nothing else. */
interface Run {
  readonly seconds: number;
  /** Of the processor, all threads: what a busy machine does not change. */
  readonly cpuSeconds: number;
  readonly height: number;
  readonly megabytes: number;
}

async function timed(peers: string[], task: (node: Node) => Promise<void>): Promise<Run> {
  return withNode(peers, async (node) => {
    const startMs = performance.now();
    const before = process.cpuUsage();
    await task(node);
    const seconds = (performance.now() - startMs) / 1000;
    const { user, system } = process.cpuUsage(before);
    const cpuSeconds = (user + system) / 1e6;
    const { height } = (await node.chain.tip()).entry;
    const megabytes = Math.round(process.memoryUsage.rss() / 2 ** 20);
    return { seconds, cpuSeconds, height, megabytes };
  });
}

/** Starts this file again and answers the process and its first line. */
async function again(args: string[]): Promise<{ line: string; end: () => void }> {
  const child = spawn(process.execPath, [import.meta.filename, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once('line', resolve);
    child.once('exit', () => reject(new Error(`${args[0]} ended early`)));
  });
  return { line, end: () => child.kill() };
}

async function measure(name: string, raws: readonly Uint8Array[], txs: number): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'stackchain-blocks-'));
  const file = join(dir, 'blocks');
  const sizes = raws.map((raw) => {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(raw.length);
    return size;
  });
  await writeFile(file, Buffer.concat(raws.flatMap((raw, i) => [sizes[i] as Buffer, raw])));
  const peer = await again(['--serve', file]);
  try {
    const runs: Run[] = [];
    for (const from of [file, peer.line]) {
      const run = JSON.parse(
        (await again(['--from', from, '--threads', `${THREADS}`])).line,
      ) as Run;
      if (run.height !== raws.length) throw new Error(`ended at ${run.height} of ${raws.length}`);
      runs.push(run);
    }
    const [alone, synced] = runs as [Run, Run];
    const per = (count: number, { seconds }: Run): string => (count / seconds).toFixed(0);
    const line = (run: Run): string =>
      `${run.seconds.toFixed(2)} s, ${per(raws.length, run)} blocks/s, ${per(txs, run)} tx/s, ` +
      `${run.cpuSeconds.toFixed(2)} s of processor, ${run.megabytes} MB at the end`;
    console.log(`${name}: ${raws.length} blocks, ${txs} payments`);
    console.log(`  sync over HTTP ${line(synced)}`);
    console.log(`  from memory    ${line(alone)}`);
    console.log(`  ratio          ${(alone.seconds / synced.seconds).toFixed(2)}`);
  } finally {
    peer.end();
    await rm(dir, { recursive: true, force: true });
  }
}

if (values.serve !== undefined) await servePeer(values.serve);
else if (values.from?.startsWith('http')) {
  const run = await timed([values.from], async (node) => {
    while (await node.gossip.sync(clock.nowMs() + 3_600_000));
  });
  console.log(JSON.stringify(run));
} else if (values.from !== undefined) {
  const raws = await readBlocks(values.from);
  console.log(JSON.stringify(await timed([], (node) => connectAll(node, raws))));
} else {
  const txs = Number(values.txs);
  console.log(`verifier ${createVerifier().name}, ${THREADS} threads, Node ${process.version}`);
  await measure('payments', busy(txs, Number(values['per-block'])), txs);
  const empty = Number(values.empty);
  if (empty > 0) await measure('empty', idle(empty), 0);
}
