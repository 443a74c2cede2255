/**
 * What the miner makes of a machine: (1) each engine against node:crypto, which hashes every header
 * from its first byte; (2) the whole miner, with threads, shared memory and fresh times, against its
 * engine in a bare loop, which is the limit.
 *
 * Times are of the processor, so rates are per core and a busy machine does not spoil them.
 *
 *   npx node bench/miner.ts [--seconds 3] [--threads 2]
 */
import { createHash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { createPlainEngine } from '../lib/adapters/plain-engine.ts';
import { systemClock } from '../lib/adapters/system-clock.ts';
import { systemRandom } from '../lib/adapters/system-random.ts';
import type { Template, WorkSource } from '../lib/mining/types.ts';
import { silentTelemetry } from '../lib/ports/telemetry.ts';
import { p2pkhScript } from '../lib/script/p2pkh.ts';
import type { BlockHash, Sats } from '../lib/types.ts';
import { createMiner } from '../miner/miner.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    threads: { type: 'string', default: '2' },
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

const engine = createPlainEngine();
const header = new Uint8Array(80).fill(1);

function byEngine(start: number): number {
  engine.search(header, 0n, start, CHUNK);
  return CHUNK;
}

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

rateOf(byEngine);
const rounds: { engine: number; crypto: number; miner: number }[] = [];
for (let i = 0; i < ROUNDS; i++) {
  rounds.push({ engine: rateOf(byEngine), crypto: rateOf(byNodeCrypto), miner: await byMiner() });
}
const of = (name: 'engine' | 'crypto' | 'miner'): number => median(rounds.map((one) => one[name]));
const line = (name: string, rate: number, ratio: string): void =>
  console.log(`${name.padEnd(28)} ${rate.toFixed(2).padStart(6)} MH/s a core   ${ratio}`);

line('node:crypto, twice', of('crypto'), '');
line(
  `engine ${engine.name}`,
  of('engine'),
  `${(of('engine') / of('crypto')).toFixed(2)} × node:crypto`,
);
line(
  `miner, ${THREADS} threads`,
  of('miner'),
  `${(of('miner') / of('engine')).toFixed(3)} × its engine`,
);
