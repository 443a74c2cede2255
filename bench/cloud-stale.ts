/**
 * The stale rate with real miners (`miner/main.ts --store`, one thread each) on stacks in an emulated
 * cloud: what they found against what the chain grew by. Blocks come every few seconds, far faster
 * than the network's spacing, so that some are lost at all; the miners run at the lowest priority, so
 * that they take from the emulator only what is left of the cores. The figures are the emulator's.
 *
 *   npx node bench/cloud-stale.ts [--stacks 3] [--seconds 120] [--spacing 3] [--json]
 *
 * Needs Python 3.10 with venv, or AWS_ENDPOINT_URL. About four minutes.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type CloudNode, type LocalCloud, minerEnvironment } from '../cli/cloud/local-cloud.ts';
import { loadEngine } from '../lib/adapters/engine.ts';
import { encodeCompact } from '../lib/consensus/pow.ts';
import { easyNetwork } from '../test/helpers/chain-builder.ts';
import { endChild, note, sleep, withCloud } from './cloud/open.ts';
import { loadText, printTable, round } from './figures.ts';

const { values } = parseArgs({
  options: {
    stacks: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '120' },
    spacing: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
});
const MINER = fileURLToPath(new URL('../miner/main.ts', import.meta.url));
const NETWORK_SPACING = 15;
const CALIBRATE_MS = 1_000;
const CHUNK = 65_536;
/** What niced miners get of two cores beside an emulator, about. */
const CORES = 1.5;
/** For those that found last to be heard of. */
const SETTLE_MS = 8_000;

/** Bits at which this machine finds a block every so many seconds. */
async function bitsFor(spacing: number): Promise<number> {
  const engine = await loadEngine();
  const header = new Uint8Array(80);
  let hashes = 0;
  const fromMs = performance.now();
  while (performance.now() - fromMs < CALIBRATE_MS) {
    engine.search(header, 0n, hashes % 2 ** 31, CHUNK);
    hashes += CHUNK;
  }
  const perSecond = (hashes * 1000) / (performance.now() - fromMs);
  return encodeCompact(2n ** 256n / BigInt(Math.round(perSecond * CORES * spacing)));
}

interface Mined {
  /** Of the first block: before it the miners were starting. */
  firstAt: number;
  found: number;
  lost: number;
}

/** Counts by the miner's own lines. */
async function startMiner(cloud: LocalCloud, node: CloudNode, mined: Mined): Promise<ChildProcess> {
  const args = ['--disable-warning=ExperimentalWarning', MINER, '--store'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: {
      ...cloud.env,
      ...(await minerEnvironment(node, cloud.env)),
      STACKCHAIN_FUNCTION: 'miner',
      STACKCHAIN_THREADS: '1',
      STACKCHAIN_MINING_ADDRESS: node.address,
    },
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  createInterface(child.stdout).on('line', (line) => {
    if (/"message":"found \d+ /.test(line) && mined.found++ === 0) {
      mined.firstAt = performance.now();
    }
    if (/"message":"lost \d+ /.test(line)) mined.lost++;
  });
  return child;
}

const heightOf = async ({ url }: CloudNode): Promise<number> =>
  ((await (await fetch(`${url}/v1/node`)).json()) as { height: number }).height;

async function run(cloud: LocalCloud): Promise<void> {
  const mined: Mined = { firstAt: Number.NaN, found: 0, lost: 0 };
  const miners: ChildProcess[] = [];
  const seconds = Number(values.seconds);
  try {
    for (const node of cloud.nodes) miners.push(await startMiner(cloud, node, mined));
    for (let passed = 0; passed < seconds; passed += 10) {
      await sleep(10_000);
      note(`${passed + 10} s: ${mined.found} found, ${mined.lost} too late`);
    }
  } finally {
    await Promise.all(miners.map(endChild));
  }
  const minedSeconds = (performance.now() - mined.firstAt) / 1000;
  await sleep(SETTLE_MS);
  const heights = await Promise.all(cloud.nodes.map(heightOf));
  const height = Math.max(...heights);
  const made = mined.found + mined.lost;
  const spacing = minedSeconds / Math.max(1, height - 1);
  const stale = (made - height) / Math.max(1, made);
  // A block is lost if another comes within the delay; how often is what the spacing decides.
  const delay = -Math.log(1 - Math.min(stale, 0.99)) * spacing;
  const row = {
    stacks: cloud.nodes.length,
    'blocks made': made,
    'on the chain': height,
    'stale, %': round(100 * stale, 1),
    'spacing, s': round(spacing, 2),
    'delay that explains it, s': round(delay, 2),
    [`stale at ${NETWORK_SPACING} s, %`]: round(100 * (1 - Math.exp(-delay / NETWORK_SPACING)), 2),
    'all on one height': heights.every((each) => each === height) ? 'yes' : heights.join(' '),
  };
  if (values.json) console.log(JSON.stringify({ bench: 'cloud-stale', load: loadText(), row }));
  else {
    console.log(`emulator's figures, ${loadText()}`);
    printTable([row]);
  }
}

const bits = await bitsFor(Number(values.spacing));
const time = Math.floor(Date.now() / 1000) - 100;
const params = easyNetwork({ powLimitBits: bits, time });
await withCloud({ nodes: Number(values.stacks), params }, run);
