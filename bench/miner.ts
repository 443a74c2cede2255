/**
 * What the miner makes of a machine: (1) each engine against node:crypto, which hashes every header
 * from its first byte, and against minerd (github.com/pooler/cpuminer), if it is there; (2) the whole
 * miner, with threads, shared memory and fresh times, against its engine in a bare loop: the wide one,
 * where this machine takes it.
 *
 * Times are of the processor, so rates are per core and a busy machine does not spoil them.
 *
 *   npx node bench/miner.ts [--seconds 3] [--threads 2] [--minerd PATH]
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { firstRight } from '../lib/adapters/engine.ts';
import { createPlainEngine } from '../lib/adapters/plain-engine.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import { createKernel } from '../lib/adapters/wasm-engine.ts';
import { prepareWide } from '../lib/adapters/wide-kernel.ts';
import type { Template, WorkSource } from '../lib/mining/types.ts';
import type { Engine } from '../lib/ports/engine.ts';
import { silentTelemetry } from '../lib/ports/telemetry.ts';
import { p2pkhScript } from '../lib/script/p2pkh.ts';
import type { BlockHash, Sats } from '../lib/types.ts';
import { createMiner } from '../miner/miner.ts';
import { pause } from '../miner/pause.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
    minerd: { type: 'string', default: 'minerd' },
  },
});
const MS = Number(values.seconds) * 1000;
const THREADS = Number(values.threads);
const ROUNDS = 3;
const MINERD_ROUNDS = 8;
const CHUNK = 65_536;
/** Until then threads start, and V8 optimises. */
const WARM_UP_HASHES = 2 ** 23 * THREADS;
const LOOK_MS = 50;

const median = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 0;
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/** Hashes per second of processor time, in millions. */
function rateOf(hashChunk: (start: number) => number): number {
  const startMs = cpuMs();
  let hashes = 0;
  while (cpuMs() - startMs < MS) hashes += hashChunk(hashes % 2 ** 31);
  return hashes / (cpuMs() - startMs) / 1000;
}

const wide = prepareWide();
const engines = [
  createPlainEngine(),
  firstRight([createKernel(4)]),
  ...(wide === undefined ? [] : [firstRight([wide])]),
];
const fastest = engines.at(-1) as Engine;
const header = new Uint8Array(80).fill(1);

const byEngine = (engine: Engine) => (start: number) => {
  engine.search(header, 0n, start, CHUNK);
  return CHUNK;
};

function byNodeCrypto(start: number): number {
  const candidate = Buffer.from(header);
  const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();
  const count = 4_096;
  for (let i = 0; i < count; i++) {
    candidate.writeUInt32LE(start + i, 76);
    sha256(sha256(candidate));
  }
  return count;
}

/** Work that nobody finishes. */
const template: Template = {
  id: '1',
  version: 0x2000_0000,
  prevHash: '00'.repeat(32) as BlockHash,
  height: 1,
  bits: 0x1d00_ffff,
  target: 0n,
  curTime: 1,
  minTime: 1,
  coinbaseValue: 50e8 as Sats,
  coinbaseFlags: '0011223344556677',
  txs: [],
};
const source: WorkSource = {
  template: async ({ knownId, signal } = {}) => {
    if (knownId !== undefined) {
      await new Promise((resolve) => signal?.addEventListener('abort', resolve));
    }
    return template;
  },
  submit: async () => 'high-hash',
};

async function byMiner(): Promise<number> {
  const miner = createMiner({
    source,
    payTo: p2pkhScript(new Uint8Array(20)),
    threads: THREADS,
    wide,
    clock: systemClock,
    random: systemRandom,
    telemetry: silentTelemetry,
  });
  miner.start();
  while (miner.stats().hashes < WARM_UP_HASHES) await pause(LOOK_MS);
  const startMs = cpuMs();
  const before = miner.stats().hashes;
  while (cpuMs() - startMs < MS) await pause(LOOK_MS);
  const rate = (miner.stats().hashes - before) / (cpuMs() - startMs) / 1000;
  await miner.stop();
  return rate;
}

/** Of one thread; undefined: it is not here. */
async function byMinerd(): Promise<number | undefined> {
  const child = spawn(values.minerd, ['--benchmark', '-a', 'sha256d', '-t', '1']);
  const isThere = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
  });
  if (!isThere) return undefined;
  const reports: { hashes: number; cpuMs: number }[] = [];
  createInterface(child.stderr).on('line', (line) => {
    const hashes = / thread 0: (\d+) hashes/.exec(line)?.[1];
    if (hashes !== undefined) reports.push({ hashes: Number(hashes), cpuMs: cpuMsOf(child.pid) });
  });
  await new Promise((resolve) => setTimeout(resolve, MINERD_ROUNDS * MS));
  child.kill();
  // It reports every five seconds, and once soon after its start.
  const [first, ...others] = reports;
  const last = others.at(-1);
  if (first === undefined || last === undefined) throw new Error('minerd had too little time');
  return others.reduce((sum, { hashes }) => sum + hashes, 0) / (last.cpuMs - first.cpuMs) / 1000;
}

/** Of another process, on Linux: its 14th and 15th field, in hundredths of a second (proc(5)). */
function cpuMsOf(pid: number | undefined): number {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1) ?? '';
  const fields = afterName.split(' ').map(Number);
  return 10 * ((fields[11] ?? 0) + (fields[12] ?? 0));
}

for (const engine of engines) rateOf(byEngine(engine));
const rounds: { engines: number[]; crypto: number; miner: number }[] = [];
for (let i = 0; i < ROUNDS; i++) {
  rounds.push({
    engines: engines.map((engine) => rateOf(byEngine(engine))),
    crypto: rateOf(byNodeCrypto),
    miner: await byMiner(),
  });
}
const rateOfEngine = (i: number): number => median(rounds.map((one) => one.engines[i] as number));
const line = (name: string, rate: number, ...ratios: string[]): void =>
  console.log(
    `${name.padEnd(28)} ${rate.toFixed(2).padStart(6)} MH/s a core   ${ratios.join(', ')}`,
  );
const ratio = (rate: number, to: number, name: string): string =>
  `${(rate / to).toFixed(2)} × ${name}`;

const crypto = median(rounds.map((one) => one.crypto));
const minerd = await byMinerd();
const beside = (rate: number): string[] => [
  ratio(rate, crypto, 'node:crypto'),
  ...(minerd === undefined ? [] : [ratio(rate, minerd, 'minerd')]),
];
line('node:crypto, twice', crypto);
if (minerd === undefined) console.log(`minerd: not measured, ${values.minerd} cannot be run`);
else line('minerd, one thread', minerd);
for (const [i, { name }] of engines.entries()) {
  line(`engine ${name}`, rateOfEngine(i), ...beside(rateOfEngine(i)));
}
const miner = median(rounds.map((one) => one.miner));
line(
  `miner, ${THREADS} threads`,
  miner,
  ratio(miner, rateOfEngine(engines.length - 1), `engine ${fastest.name}`),
);
