/**
 * The threads that hash. Owns their life, their disjoint extra nonces and the count of nonces tried;
 * knows nothing of templates' sources or of submitting.
 */
import { Worker } from 'node:worker_threads';
import type { Kernel } from '../lib/adapters/wasm-engine.ts';
import { equalBytes } from '../lib/codec/hex.ts';
import { Fault } from '../lib/faults.ts';
import type { MiningJob } from '../lib/mining/types.ts';
import type { Random } from '../lib/ports/random.ts';
import type { Telemetry } from '../lib/ports/telemetry.ts';
import { CONTROL, type SearchMessage, type WorkerMessage, type WorkerSetup } from './protocol.ts';

/** Random, so that two miners of one address never search the same; thread; the thread's counter. */
const RANDOM_BYTES = 4;
export const EXTRA_NONCE_BYTES = RANDOM_BYTES + 4;
/** A thread is never further behind than one chunk, but fees may rise in bursts. */
const JOBS_MAX = 16;
/** A thread that died is started again after this. */
const RESTART_MS = 1000;

export interface Found {
  readonly job: MiningJob;
  readonly extraNonce: Uint8Array;
  readonly time: number;
  readonly nonce: number;
}

export interface HashPoolOptions {
  readonly threads: number;
  /** Of a process that prepared it: see lib/adapters/wide-kernel.ts. */
  readonly wide?: Kernel | undefined;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Once until the next search: what other threads find meanwhile are siblings, and dropped. */
  readonly onFound: (found: Found) => void;
}

export class HashPool {
  readonly #options: HashPoolOptions;
  readonly #control: Int32Array;
  readonly #seen: Uint32Array;
  readonly #hashes: number[];
  readonly #workers: (Worker | undefined)[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  #job: MiningJob | undefined;
  #seed: Uint8Array = new Uint8Array(RANDOM_BYTES);
  /** What threads may still answer to, by generation: this search, and earlier ones on its parent. */
  readonly #jobs = new Map<number, MiningJob>();
  #closed = false;
  #engine = '';

  constructor(options: HashPoolOptions) {
    this.#options = options;
    const words = CONTROL.counts + options.threads;
    this.#control = new Int32Array(new SharedArrayBuffer(4 * words));
    this.#seen = new Uint32Array(options.threads);
    this.#hashes = new Array<number>(options.threads).fill(0);
    for (let index = 0; index < options.threads; index++) this.#spawn(index);
  }

  /** The engine that the threads took; empty until one is ready. */
  get engine(): string {
    return this.#engine;
  }

  /**
   * All threads turn to this job. What they were about to find for an earlier one still counts while
   * its parent is the same: only its fees were lower.
   */
  search(job: MiningJob): void {
    if (this.#job === undefined || !equalBytes(this.#job.prevHash, job.prevHash))
      this.#jobs.clear();
    this.#job = job;
    this.#seed = this.#options.random.bytes(RANDOM_BYTES);
    this.#jobs.set(Atomics.add(this.#control, CONTROL.generation, 1) + 1, job);
    this.#jobs.delete(this.#generation() - JOBS_MAX);
    for (let index = 0; index < this.#workers.length; index++) this.#send(index);
  }

  /** All threads stand still until the next search. */
  pause(): void {
    this.#job = undefined;
    this.#jobs.clear();
    Atomics.add(this.#control, CONTROL.generation, 1);
  }

  get isSearching(): boolean {
    return this.#job !== undefined;
  }

  /** Unix seconds that headers bear from now on. */
  setTime(seconds: number): void {
    Atomics.store(this.#control, CONTROL.time, seconds | 0);
  }

  /** Nonces that each thread tried since the pool began. To be asked at least once in 2^32 of them. */
  hashes(): readonly number[] {
    for (const [index, seen] of this.#seen.entries()) {
      const count = Atomics.load(this.#control, CONTROL.counts + index) >>> 0;
      this.#hashes[index] = (this.#hashes[index] as number) + ((count - seen) >>> 0);
      this.#seen[index] = count;
    }
    return this.#hashes;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.pause();
    for (const timer of this.#restarts) clearTimeout(timer);
    await Promise.all(this.#workers.map((worker) => worker?.terminate()));
  }

  #spawn(index: number): void {
    // Beside this file lies the thread's source, or what was built or bundled of it.
    const ending = /[.][a-z]+$/.exec(import.meta.url)?.[0] ?? '.js';
    const { wide } = this.#options;
    const setup: WorkerSetup = { control: this.#control, index, ...(wide && { wide }) };
    const worker = new Worker(new URL(`./worker${ending}`, import.meta.url), { workerData: setup });
    this.#workers[index] = worker;
    worker.on('message', (message: WorkerMessage) => this.#hear(message, index));
    worker.on('error', (cause) => this.#report(cause));
    worker.on('exit', () => this.#ended(index));
  }

  #hear(message: WorkerMessage, index: number): void {
    if (message.kind === 'ready') {
      this.#engine = message.engine;
      this.#send(index);
      return;
    }
    const job = this.#jobs.get(message.generation);
    if (job === undefined) return;
    const { extraNonce, time, nonce } = message;
    this.pause();
    this.#options.onFound({ job, extraNonce, time, nonce });
  }

  #send(index: number): void {
    if (this.#job === undefined) return;
    const extraNonce = new Uint8Array(EXTRA_NONCE_BYTES);
    extraNonce.set(this.#seed);
    new DataView(extraNonce.buffer).setUint16(RANDOM_BYTES, index);
    const message: SearchMessage = { generation: this.#generation(), job: this.#job, extraNonce };
    this.#workers[index]?.postMessage(message);
  }

  #generation(): number {
    return Atomics.load(this.#control, CONTROL.generation);
  }

  #report(cause: unknown): void {
    if (this.#closed) return;
    const fault = new Fault('worker', 'a hashing thread failed', { cause });
    this.#options.telemetry.log('error', `${fault.message}: ${String(cause)}`);
  }

  #ended(index: number): void {
    this.#workers[index] = undefined;
    if (this.#closed) return;
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#spawn(index);
    }, RESTART_MS);
    this.#restarts.add(timer);
  }
}
