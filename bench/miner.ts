/**
 * What the miner makes of a machine: (1) each engine against node:crypto, which hashes every header
 * from its first byte, and against minerd (github.com/pooler/cpuminer), if it is there; (2) the whole
 * miner, with threads, shared memory and fresh times, against its engine in a bare loop.
 *
 * Times are of the processor, so rates are per core and a busy machine does not spoil them.
 *
 *   npx node bench/miner.ts [--seconds 3] [--threads 2] [--minerd PATH]
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { loadEngine } from '../lib/adapters/engine.ts';
import { createPlainEngine } from '../lib/adapters/plain-engine.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import type { Template, WorkSource } from '../lib/mining/types.ts';
import type { Engine } from '../lib/ports/engine.ts';
import { silentTelemetry } from '../lib/ports/telemetry.ts';
import { p2pkhScript } from '../lib/script/p2pkh.ts';
import type { BlockHash, Sats } from '../lib/types.ts';
import { createMiner } from '../miner/miner.ts';

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
const CHUNK = 65_536;
const WARM_UP_MS = 1_000;

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

const plain = createPlainEngine();
const loaded = await loadEngine();
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
    clock: systemClock,
    random: systemRandom,
    telemetry: silentTelemetry,
  });
  miner.start();
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const startMs = cpuMs();
  const before = miner.stats().hashes;
  await new Promise((resolve) => setTimeout(resolve, MS));
  const rate = (miner.stats().hashes - before) / (cpuMs() - startMs) / 1000;
  await miner.stop();
  return rate;
}

/** Of one thread, its best by its own clock; undefined: it is not here. */
async function byMinerd(): Promise<number | undefined> {
  const child = spawn(values.minerd, ['--benchmark', '-a', 'sha256d', '-t', '1']);
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  const isThere = await new Promise<boolean>((resolve) => {
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
  });
  if (!isThere) return undefined;
  await new Promise((resolve) => setTimeout(resolve, 4 * MS));
  child.kill();
  const rates = [...said.matchAll(/thread 0: \d+ hashes, ([\d.]+) khash/g)];
  return Math.max(...rates.map(([, rate]) => Number(rate) / 1000));
}

rateOf(byEngine(plain));
rateOf(byEngine(loaded));
const rounds: { plain: number; loaded: number; crypto: number; miner: number }[] = [];
for (let i = 0; i < ROUNDS; i++) {
  rounds.push({
    plain: rateOf(byEngine(plain)),
    loaded: rateOf(byEngine(loaded)),
    crypto: rateOf(byNodeCrypto),
    miner: await byMiner(),
  });
}
const of = (name: 'plain' | 'loaded' | 'crypto' | 'miner'): number =>
  median(rounds.map((one) => one[name]));
const line = (name: string, rate: number, ...ratios: string[]): void =>
  console.log(
    `${name.padEnd(28)} ${rate.toFixed(2).padStart(6)} MH/s a core   ${ratios.join(', ')}`,
  );
const ratio = (rate: number, to: number, name: string): string =>
  `${(rate / to).toFixed(2)} × ${name}`;

const crypto = of('crypto');
const minerd = await byMinerd();
const beside = (rate: number): string[] => [
  ratio(rate, crypto, 'node:crypto'),
  ...(minerd === undefined ? [] : [ratio(rate, minerd, 'minerd')]),
];
line('node:crypto, twice', crypto);
if (minerd === undefined) console.log(`minerd: not measured, ${values.minerd} cannot be run`);
else line('minerd, one thread, its best', minerd);
line(`engine ${plain.name}`, of('plain'), ...beside(of('plain')));
line(`engine ${loaded.name}`, of('loaded'), ...beside(of('loaded')));
line(
  `miner, ${THREADS} threads`,
  of('miner'),
  ratio(of('miner'), of('loaded'), `engine ${loaded.name}`),
);
