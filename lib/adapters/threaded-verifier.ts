/**
 * The Verifier port on all cores, for hosts that stay: many checks are shared out among threads,
 * a few are done in place. Owns the threads; whatever becomes of one, each verdict is given.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Verifier } from '../ports/verifier.ts';
import type { SignatureCheck } from '../types.ts';
import { withSignatureCache } from './caching-verifier.ts';
import { fastestVerifier } from './verifier.ts';
import { packChecks, verdictOf } from './verify-batch.ts';

/** Fewer are done before a thread has woken. */
const SHARED_MIN = 16;
const THREADS_MAX = 16;

export interface ThreadedVerifier extends Verifier {
  /** Starts the threads if nothing has, and answers how many there are once they can work. */
  ready(): Promise<number>;
}

/**
 * As `createVerifier`, with threads (as many as cores, if not said) that start at the first block of
 * many signatures; until they can work, the calling thread does. They do not keep a process alive in
 * which nothing is being checked.
 */
export function createThreadedVerifier(
  options: {
    readonly threads?: number;
    readonly cacheMax?: number;
    /** So many checks are shared out, fewer are not. */
    readonly sharedMin?: number;
    /** The thread's module. */
    readonly module?: URL;
  } = {},
): ThreadedVerifier {
  const { threads = availableParallelism(), sharedMin = SHARED_MIN } = options;
  const { cacheMax, module = besideThis() } = options;
  const local = fastestVerifier();
  // One more thread gains nothing: this one waits meanwhile.
  const pool = new ThreadPool(module, threads < 2 ? 0 : Math.min(threads, THREADS_MAX));
  const { name } = local;
  const shared: Verifier = {
    name,
    firstInvalid: async (checks) =>
      (checks.length < sharedMin ? undefined : await pool.check(checks)) ??
      local.firstInvalid(checks),
  };
  return { ...withSignatureCache(shared, cacheMax), ready: () => pool.ready() };
}

function besideThis(): URL {
  const ending = /[.][a-z]+$/.exec(import.meta.url)?.[0] ?? '.js';
  return new URL(`./verify-worker${ending}`, import.meta.url);
}

/** What a thread makes of its part of a job: false if it was lost on the way. */
type Part = (isDone: boolean) => void;

class ThreadPool {
  readonly #module: URL;
  readonly #threads: number;
  readonly #ready = new Set<Worker>();
  readonly #jobs = new Map<number, Map<Worker, Part>>();
  #lastId = 0;
  #starting: Promise<unknown> | undefined;

  constructor(module: URL, threads: number) {
    this.#module = module;
    this.#threads = threads;
  }

  async ready(): Promise<number> {
    this.#starting ??= Promise.all(Array.from({ length: this.#threads }, () => this.#spawn()));
    await this.#starting;
    return this.#ready.size;
  }

  /** Undefined if it gives no verdict: it is not ready, or a thread was lost on the way. */
  async check(checks: readonly SignatureCheck[]): Promise<number | undefined> {
    void this.ready();
    const shared = this.#ready.size > 1 ? packChecks(checks) : undefined;
    return shared !== undefined && (await this.#share(shared)) ? verdictOf(shared) : undefined;
  }

  /** False if a thread was lost: whether all that it had taken holds is not known. */
  async #share(shared: SharedArrayBuffer): Promise<boolean> {
    const id = ++this.#lastId;
    const parts = new Map<Worker, Part>();
    this.#jobs.set(id, parts);
    const answers = [...this.#ready].map((worker) => {
      worker.ref();
      worker.postMessage({ id, shared });
      return new Promise<boolean>((resolve) => parts.set(worker, resolve));
    });
    const all = await Promise.all(answers);
    this.#jobs.delete(id);
    if (this.#jobs.size === 0) for (const worker of this.#ready) worker.unref();
    return all.every(Boolean);
  }

  /** Resolves when the thread can work, or never will. One that is lost is not replaced. */
  #spawn(): Promise<void> {
    const worker = new Worker(this.#module);
    return new Promise((resolve) => {
      const lose = (): void => {
        this.#ready.delete(worker);
        for (const parts of this.#jobs.values()) parts.get(worker)?.(false);
        resolve();
      };
      worker.on('message', (message: number | 'ready') => {
        if (message !== 'ready') return this.#jobs.get(message)?.get(worker)?.(true);
        this.#ready.add(worker);
        // Not before: a thread that has not begun holds the process all the same.
        worker.unref();
        resolve();
      });
      worker.on('error', lose);
      worker.on('exit', lose);
    });
  }
}
