/**
 * The miner: template, search on all threads, submit, again. Owns when to turn to other work and what
 * is still worth submitting; needs no state and can be started again anywhere. The way to a node is a
 * WorkSource.
 */
import type { Kernel } from '../lib/adapters/wasm-engine.ts';
import { Fault } from '../lib/faults.ts';
import { assembleBlock, miningJob } from '../lib/mining/assemble.ts';
import type { MiningJob, Template, WorkSource } from '../lib/mining/types.ts';
import { type Clock, nowSeconds } from '../lib/ports/clock.ts';
import type { Random } from '../lib/ports/random.ts';
import type { Telemetry } from '../lib/ports/telemetry.ts';
import { matchOpReturn, matchP2pkh } from '../lib/script/index.ts';
import type { Block, BlockHash } from '../lib/types.ts';
import { EXTRA_NONCE_BYTES, type Found, HashPool } from './hash-pool.ts';
import { createMeter } from './meter.ts';
import { pause } from './pause.ts';

const TICK_MS = 250;
const HASH_RATE_EVERY_MS = 10_000;
/** After the node could not be reached: doubled each time, at most this. */
const BACKOFF_MS_MIN = 250;
const BACKOFF_MS_MAX = 5_000;
/** A source that answers the same work at once does not wait: it is asked this often. */
const POLL_MS = 500;
const TIPS_MAX = 64;
/** A node that refuses a block as wrong would refuse the next as well. */
const AFTER_REJECT_MS = 1_000;
/** Reasons that say: too late. Everything else that is not null says: wrong. */
const STALE = new Set([
  'stale-prevblk',
  'stale-work',
  'inconclusive',
  'inconclusive-not-best-prevblk',
  'duplicate-inconclusive',
  'prev-blk-not-found',
]);

export interface FoundBlock {
  readonly hash: BlockHash;
  readonly height: number;
}

export interface MinerOptions {
  readonly source: WorkSource;
  /** scriptPubKey that the reward goes to: P2PKH, or OP_RETURN, which leaves it unclaimed. */
  readonly payTo: Uint8Array;
  readonly threads: number;
  /** Of a process that prepared it: see lib/adapters/wide-kernel.ts. */
  readonly wide?: Kernel | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Told of each block that the node took. */
  readonly onFound?: (block: FoundBlock) => void;
  /** Told of each block that came too late, or was refused as wrong, with the node's reason. */
  readonly onLost?: (block: FoundBlock, reason: string, isWrong: boolean) => void;
}

export interface MinerStats {
  /** Between start and stop. */
  readonly active: boolean;
  /** Hashes per second, over the last ten seconds of wall time. */
  readonly hashRate: number;
  /** Nonces tried since the miner was made. */
  readonly hashes: number;
  /** Nonces that each thread tried since the start; empty after the stop. */
  readonly threads: readonly number[];
  /** Blocks that the node took. */
  readonly found: number;
  /** Blocks that came too late. */
  readonly stale: number;
  /** Blocks that the node refused as wrong: a fault of this program. */
  readonly rejected: number;
  /** Height that is being mined; 0 before the first template. */
  readonly height: number;
  /** Milliseconds since the node last answered with work. */
  readonly templateAgeMs: number;
  readonly engine: string;
}

export interface Miner {
  /** Does nothing if it runs already. */
  start(): void;
  /** Resolves when all threads have ended; well under a second. */
  stop(): Promise<void>;
  stats(): MinerStats;
}

interface Run {
  readonly pool: HashPool;
  readonly ended: AbortController;
  readonly timer: NodeJS.Timeout;
  /** Ends the wait for other work, to ask anew. */
  poll: AbortController;
  /** The newest work. */
  template: Template | undefined;
  /** The tips of late, oldest first: a block of ours among them was taken. */
  readonly tips: Set<BlockHash>;
  /** Parent of a block that is being submitted: until the node has answered, none is searched beside it. */
  submitting: BlockHash | undefined;
  /** When a template last came, of performance.now(). */
  heardAt: number;
  done: Promise<unknown>;
}

const sum = (counts: readonly number[]): number => counts.reduce((all, one) => all + one, 0);

export function createMiner(options: MinerOptions): Miner {
  return new ThreadedMiner(options);
}

class ThreadedMiner implements Miner {
  readonly #options: MinerOptions;
  #meter = createMeter();
  #run: Run | undefined;
  #hashesBefore = 0;
  readonly #templates = new WeakMap<MiningJob, Template>();
  #found = 0;
  #stale = 0;
  #rejected = 0;
  #rateSaidAt = Number.NEGATIVE_INFINITY;

  constructor(options: MinerOptions) {
    if (!Number.isInteger(options.threads) || options.threads < 1) {
      throw new RangeError('a miner has at least one thread');
    }
    if (matchP2pkh(options.payTo) === undefined && !matchOpReturn(options.payTo)) {
      throw new RangeError('a miner pays to P2PKH or OP_RETURN');
    }
    this.#options = options;
  }

  start(): void {
    if (this.#run !== undefined) return;
    const { threads, wide, random, telemetry } = this.#options;
    this.#meter = createMeter();
    const run: Run = {
      pool: new HashPool({
        threads,
        wide,
        random,
        telemetry,
        onFound: (found) => {
          this.#submit(run, found).catch((error: unknown) => {
            // Of a listener, say: the search goes on with fresh work.
            telemetry.log('error', `a block found was lost: ${String(error)}`);
            run.submitting = undefined;
            run.poll.abort();
          });
        },
      }),
      ended: new AbortController(),
      poll: new AbortController(),
      timer: setInterval(() => this.#tick(run), TICK_MS),
      template: undefined,
      tips: new Set(),
      submitting: undefined,
      heardAt: performance.now(),
      done: Promise.resolve(),
    };
    this.#run = run;
    this.#tick(run);
    run.done = this.#follow(run);
  }

  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    this.#run = undefined;
    this.#hashesBefore += sum(run.pool.hashes());
    run.ended.abort();
    run.poll.abort();
    clearInterval(run.timer);
    await Promise.all([run.pool.close(), run.done]);
  }

  stats(): MinerStats {
    const run = this.#run;
    const threads = run?.pool.hashes() ?? [];
    const hashes = sum(threads);
    // Up to this very moment, however long ago the last tick was.
    if (run !== undefined) this.#meter.note(performance.now(), hashes);
    return {
      active: run !== undefined,
      hashRate: run === undefined ? 0 : this.#meter.rate(),
      hashes: this.#hashesBefore + hashes,
      threads: [...threads],
      found: this.#found,
      stale: this.#stale,
      rejected: this.#rejected,
      height: run?.template?.height ?? 0,
      templateAgeMs: run === undefined ? 0 : performance.now() - run.heardAt,
      engine: run?.pool.engine ?? '',
    };
  }

  /** Fresh time for the headers, and the hash rate. */
  #tick(run: Run): void {
    run.pool.setTime(nowSeconds(this.#options.clock));
    const nowMs = performance.now();
    this.#meter.note(nowMs, sum(run.pool.hashes()));
    if (nowMs - this.#rateSaidAt < HASH_RATE_EVERY_MS) return;
    const rate = this.#meter.rate();
    if (rate === 0) return;
    this.#rateSaidAt = nowMs;
    this.#options.telemetry.metric('HashRate', Math.round(rate));
  }

  /** Asks for work as long as the miner runs, and turns to what comes. */
  async #follow(run: Run): Promise<void> {
    const { source, telemetry } = this.#options;
    let backoffMs = BACKOFF_MS_MIN;
    let knownId: string | undefined;
    let lastFault = '';
    while (!run.ended.signal.aborted) {
      const { signal } = run.poll;
      const askedAt = performance.now();
      try {
        const known = knownId === undefined ? {} : { knownId };
        const template = await source.template({ ...known, signal });
        if (signal.aborted) throw new Fault('transport', 'not waited for any more');
        backoffMs = BACKOFF_MS_MIN;
        lastFault = '';
        run.heardAt = performance.now();
        const isSame = template.id === knownId;
        knownId = template.id;
        this.#take(run, template);
        if (isSame && performance.now() - askedAt < POLL_MS) await pause(POLL_MS, signal);
      } catch (error) {
        if (signal.aborted) {
          run.poll = new AbortController();
          knownId = undefined;
          continue;
        }
        const fault = `no work from the node: ${(error as Error).message}`;
        if (fault !== lastFault) telemetry.log('warn', fault);
        lastFault = fault;
        await pause(backoffMs, run.ended.signal);
        backoffMs = Math.min(2 * backoffMs, BACKOFF_MS_MAX);
      }
    }
  }

  #take(run: Run, template: Template): void {
    if (run.ended.signal.aborted) return;
    if (run.pool.isSearching && run.template?.id === template.id) return;
    run.template = template;
    run.tips.add(template.prevHash);
    if (run.tips.size > TIPS_MAX) run.tips.delete([...run.tips][0] as BlockHash);
    if (run.submitting === template.prevHash) return;
    const { payTo } = this.#options;
    const job = miningJob(template, { payTo, extraNonceBytes: EXTRA_NONCE_BYTES });
    this.#templates.set(job, template);
    run.pool.search(job);
  }

  /** The threads stand still since they found; other work is asked for once the node has answered. */
  async #submit(run: Run, { job, extraNonce, time, nonce }: Found): Promise<void> {
    const template = this.#templates.get(job);
    if (template === undefined) return;
    run.submitting = template.prevHash;
    const { payTo, telemetry } = this.#options;
    const block = assembleBlock(template, { payTo, extraNonce, time, nonce });
    const { hash } = block.header;
    if (BigInt(`0x${hash}`) > template.target) {
      this.#rejected++;
      telemetry.log('error', 'the engine reported a hash above the target', { hash });
    } else {
      const reason = await this.#send(run, template, block);
      if (reason === 'duplicate' || reason === null) this.#won(block, template);
      else await this.#lost(run, block, template, reason);
    }
    run.submitting = undefined;
    // Where another tip came meanwhile, the threads are at work again.
    if (!run.pool.isSearching) run.poll.abort();
  }

  /** null, or the reason against it. Tries again while the node is away and its tip is not known to have moved. */
  async #send(run: Run, template: Template, block: Block): Promise<string | null> {
    for (let backoffMs = BACKOFF_MS_MIN; ; backoffMs = Math.min(2 * backoffMs, BACKOFF_MS_MAX)) {
      // The node had taken it, and only its answer was lost.
      if (run.tips.has(block.header.hash)) return null;
      if (run.template?.prevHash !== template.prevHash || run.ended.signal.aborted)
        return 'stale-prevblk';
      try {
        return await this.#options.source.submit(block.raw);
      } catch (error) {
        const message = `a block could not be submitted: ${(error as Error).message}`;
        this.#options.telemetry.log('warn', message);
        // Whether the tip has moved must be heard, or an old block would be offered for ever.
        run.poll.abort();
        await pause(backoffMs, run.ended.signal);
      }
    }
  }

  #won({ header }: Block, { height }: Template): void {
    this.#found++;
    this.#options.telemetry.metric('BlocksFound', 1);
    this.#options.onFound?.({ hash: header.hash, height });
  }

  async #lost(run: Run, { header }: Block, template: Template, reason: string): Promise<void> {
    const { telemetry, onLost } = this.#options;
    const { height } = template;
    const isStale = STALE.has(reason);
    if (isStale) this.#stale++;
    else this.#rejected++;
    onLost?.({ hash: header.hash, height }, reason, !isStale);
    if (isStale) {
      telemetry.metric('BlocksStale', 1);
      return;
    }
    telemetry.log('error', `the node refused a block: ${reason}`, { hash: header.hash, height });
    await pause(AFTER_REJECT_MS, run.ended.signal);
  }
}
