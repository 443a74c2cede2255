/**
 * A thread that hashes for the host: finds a new network's genesis, or counts how many hashes this
 * machine makes. The running miner has threads of its own (miner/).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { loadEngine } from '../../lib/adapters/engine.ts';
import { foundNetwork, toNetworkFile } from '../../lib/params/index.ts';
import type { PowAnswer, PowTask } from './pow-threads.ts';

const CHUNK = 0x1_0000;
const CHUNKS_OF_A_HEADER = 0x1_0000;

async function run(task: PowTask): Promise<PowAnswer> {
  const engine = await loadEngine();
  if (task.kind === 'found') {
    const { time, bits, payTo } = task;
    const input = { time, bits, ...(payTo !== undefined && { payTo }) };
    return { kind: 'found', file: toNetworkFile(foundNetwork(input, { engine })) };
  }
  const header = new Uint8Array(80);
  const startedAt = performance.now();
  let hashes = 0;
  for (let i = 0; i < CHUNKS_OF_A_HEADER && performance.now() - startedAt < task.ms; i++) {
    // No hash is zero: the engine looks at the whole chunk.
    engine.search(header, 0n, i * CHUNK, CHUNK);
    hashes += CHUNK;
  }
  return { kind: 'measured', rate: (hashes / (performance.now() - startedAt)) * 1000 };
}

parentPort?.postMessage(await run(workerData as PowTask));
