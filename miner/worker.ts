/**
 * A thread that searches. It stands still between searches; in one, it looks at the shared memory
 * after every chunk of nonces, so that it is on new work within some forty milliseconds.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadEngine } from '../lib/adapters/engine.ts';
import { workUnit } from '../lib/mining/assemble.ts';
import type { Engine } from '../lib/ports/engine.ts';
import { CONTROL, type SearchMessage, type WorkerMessage, type WorkerSetup } from './protocol.ts';

const NONCES = 2 ** 32;
const TIME_AT = 68;
/** The engine's bound. */
const CHUNK_MAX = 65_536;
const CHUNK_MIN = 1024;
/** How long a thread may be deaf. */
const CHUNK_MS = 40;

const { control, index, wide } = workerData as WorkerSetup;
const say = (message: WorkerMessage): void => parentPort?.postMessage(message);
let chunk = CHUNK_MIN;

const isWanted = (generation: number): boolean =>
  Atomics.load(control, CONTROL.generation) === generation;

function search(engine: Engine, { generation, job, extraNonce }: SearchMessage): void {
  const own = new Uint8Array(extraNonce);
  while (isWanted(generation)) {
    const { header, target } = workUnit(job, own);
    const view = new DataView(header.buffer, header.byteOffset);
    for (let start = 0; start < NONCES && isWanted(generation); ) {
      const time = Math.max(job.curTime, Atomics.load(control, CONTROL.time) >>> 0);
      view.setUint32(TIME_AT, time, true);
      const count = Math.min(chunk, NONCES - start);
      const nonce = searchChunk(engine, header, target, start, count);
      if (nonce >= 0) {
        say({ kind: 'found', generation, extraNonce: own, time, nonce });
        return;
      }
      start += count;
    }
    countUp(own);
  }
}

/** One chunk, counted; the next one is as large as CHUNK_MS allows on this machine. */
function searchChunk(
  engine: Engine,
  header: Uint8Array,
  target: bigint,
  start: number,
  count: number,
): number {
  const before = performance.now();
  const nonce = engine.search(header, target, start, count);
  const tried = nonce < 0 ? count : nonce - start + 1;
  Atomics.add(control, CONTROL.counts + index, tried);
  const ms = Math.max(performance.now() - before, 0.001);
  const fitting = Math.floor((tried * CHUNK_MS) / ms);
  chunk = Math.max(CHUNK_MIN, Math.min(CHUNK_MAX, fitting, 2 * chunk));
  return nonce;
}

/** The next extra nonce: the last two bytes, which no other thread of this search has. */
function countUp(extraNonce: Uint8Array): void {
  const last = extraNonce.length - 1;
  extraNonce[last] = (extraNonce[last] as number) + 1;
  if (extraNonce[last] === 0) extraNonce[last - 1] = (extraNonce[last - 1] as number) + 1;
}

const engine = await loadEngine(wide);
parentPort?.on('message', (message: SearchMessage) => search(engine, message));
say({ kind: 'ready', engine: engine.name });
