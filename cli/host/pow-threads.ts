/**
 * Proof of work that a host does before its node runs: the genesis of a new network, on all threads
 * at once, and the measure by which its difficulty is set. The main thread stays free for Ctrl-C.
 */
import { Worker } from 'node:worker_threads';
import { encodeCompact } from '../../lib/consensus/pow.ts';
import { Fault } from '../../lib/faults.ts';
import type { ChainParams, NetworkFile } from '../../lib/params/chain-params.ts';
import { parseNetworkFile, stacknetBase } from '../../lib/params/index.ts';

export type PowTask =
  | {
      readonly kind: 'found';
      readonly time: number;
      readonly bits: number;
      readonly payTo?: Uint8Array;
    }
  | { readonly kind: 'measure'; readonly ms: number };

export type PowAnswer =
  | { readonly kind: 'found'; readonly file: NetworkFile }
  /** Hashes per second. */
  | { readonly kind: 'measured'; readonly rate: number };

const MEASURE_MS = 2_000;

function runTask(task: PowTask): { answer: Promise<PowAnswer>; end: () => Promise<unknown> } {
  // Beside this file lies the source or what was built from it, with the same ending.
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./pow-worker.${ending}`, import.meta.url), {
    workerData: task,
  });
  const answer = new Promise<PowAnswer>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (cause) =>
      reject(new Fault('worker', 'A hashing thread failed.', { cause })),
    );
    worker.once('exit', () => reject(new Fault('worker', 'A hashing thread ended early.')));
  });
  // Whoever ends it does not wait for its answer.
  answer.catch(() => undefined);
  return { answer, end: () => worker.terminate() };
}

/**
 * Founds a network of stacknet's parameters. Each thread tries another second of the header's time,
 * so that they search different hashes; the first one wins. Throws Fault `worker`.
 */
export async function foundOnThreads(input: {
  readonly time: number;
  readonly bits: number;
  readonly payTo?: Uint8Array;
  readonly threads: number;
  readonly signal?: AbortSignal;
}): Promise<ChainParams> {
  const { time, bits, payTo, threads, signal } = input;
  const tasks = Array.from({ length: threads }, (_, i) =>
    runTask({ kind: 'found', time: time - i, bits, ...(payTo !== undefined && { payTo }) }),
  );
  const end = (): void => {
    for (const task of tasks) void task.end();
  };
  signal?.addEventListener('abort', end);
  if (signal?.aborted === true) end();
  try {
    const answer = await Promise.any(tasks.map((task) => task.answer)).catch(() => undefined);
    if (answer === undefined) throw new Fault('worker', 'The hashing threads ended early.');
    const parsed = answer.kind === 'found' ? parseNetworkFile(answer.file) : undefined;
    if (!parsed?.ok) throw new Fault('worker', 'A hashing thread gave a wrong answer.');
    return parsed.value;
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}

/** Hashes per second of so many threads at once, measured for two seconds. Throws Fault `worker`. */
export async function measureHashRate(threads: number, signal?: AbortSignal): Promise<number> {
  const tasks = Array.from({ length: threads }, () => runTask({ kind: 'measure', ms: MEASURE_MS }));
  const end = (): void => {
    for (const task of tasks) void task.end();
  };
  signal?.addEventListener('abort', end);
  if (signal?.aborted === true) end();
  try {
    const answers = await Promise.all(tasks.map((task) => task.answer));
    return answers.reduce((sum, answer) => sum + (answer.kind === 'measured' ? answer.rate : 0), 0);
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}

/** The bits at which so many hashes a second find a block in `seconds` on average. */
export function bitsForRate(hashesPerSecond: number, seconds: number): number {
  const hashes = BigInt(Math.max(1, Math.round(hashesPerSecond * seconds)));
  const target = (1n << 256n) / hashes;
  const { powLimit } = stacknetBase;
  return encodeCompact(target > powLimit ? powLimit : target);
}
