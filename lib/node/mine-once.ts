/**
 * One call of a miner that sleeps between calls: at most one block, in a bounded time, then it ends.
 * Owns when such a call begins to search, what it turns to when the tip moves, and whether there is
 * more to do; what calls it is the host's affair. The search runs in place, so a host gives it a
 * process of its own.
 */
import { assembleBlock, miningJob, workUnit } from '../mining/assemble.ts';
import { EXTRA_NONCE_BYTES } from '../mining/coinbase.ts';
import type { Template } from '../mining/types.ts';
import { nowSeconds } from '../ports/clock.ts';
import type { Engine } from '../ports/engine.ts';
import type { Telemetry } from '../ports/telemetry.ts';
import { scriptAddress } from '../script/p2pkh.ts';
import type { BlockHash } from '../types.ts';
import { takeMiningLease } from './mining-lease.ts';
import type { Node } from './types.ts';

/**
 * Why a miner is called: a transaction of a user of ours, or of a peer, entered an empty mempool; some
 * were left over by the block before; housekeeping found some waiting; an hour has passed.
 */
export type MineCause = 'user' | 'peer' | 'left' | 'tick' | 'hourly';

export interface MineOnceOptions {
  readonly node: Pick<
    Node,
    'template' | 'acceptBlock' | 'chain' | 'clock' | 'random' | 'store' | 'name' | 'params'
  >;
  readonly engine: Engine;
  /** scriptPubKey of the reward: P2PKH, or OP_RETURN, which leaves it unclaimed. */
  readonly payTo: Uint8Array;
  readonly telemetry: Telemetry;
  readonly sleep: (ms: number) => Promise<void>;
}

export interface MineOutcome {
  /**
   * `busy`: another call is at it. `nothing`: no work, or no longer. `time`: not found in time.
   * `early`: our clock is behind the chain's times. `refused`: the node took our own block for wrong.
   */
  readonly end: 'found' | 'busy' | 'nothing' | 'time' | 'early' | 'refused';
  readonly hash?: BlockHash;
  readonly hashes: number;
  /** Transactions wait that another block would hold: to be called again at once. */
  readonly more: boolean;
}

type Ended = Pick<MineOutcome, 'end' | 'hash'>;

const SEARCH_MS = 10_000;
/** How often tip and mempool are looked at: what others found ends a search within this. */
const LOOK_MS = 500;
/** Nonces of one turn of the engine: its bound. */
const CHUNK = 65_536;
/** Longer than a call may live: its wait, its search, its commit and sends. */
export const MINING_LEASE_SECONDS = 60;

/**
 * How long a call waits before it searches, a random part of it. A user's transaction: for what comes
 * in the same breath. A peer's: its own node, called first, has found and told by then; if not, one
 * of the others begins before the rest. Calls by the clock: all nodes are called at once.
 */
const WAITS: Record<MineCause, { readonly leastMs: number; readonly spreadMs: number }> = {
  user: { leastMs: 1000, spreadMs: 0 },
  peer: { leastMs: 5000, spreadMs: 10_000 },
  left: { leastMs: 0, spreadMs: 0 },
  tick: { leastMs: 0, spreadMs: 8000 },
  hourly: { leastMs: 0, spreadMs: 8000 },
};

/** Throws what the store throws; then the lease is given up, and nothing was left half done. */
export async function mineOnce(options: MineOnceOptions, cause: MineCause): Promise<MineOutcome> {
  const { store, random, clock } = options.node;
  const tools = { store, random, now: () => nowSeconds(clock) };
  const lease = await takeMiningLease(tools, MINING_LEASE_SECONDS);
  if (lease === undefined) return { end: 'busy', hashes: 0, more: false };
  const run = new Run(options, cause);
  let ended: Ended;
  let isLeft: boolean;
  try {
    ended = await run.go();
    // What is too hard for one call is left to the next by the clock: no call follows at once.
    isLeft = ended.end === 'found' && (await run.isWaiting());
  } catch (error) {
    await lease.release();
    throw error;
  }
  const wasCalled = await lease.release(run.word);
  const mayGoOn = ended.end === 'found' || ended.end === 'nothing';
  // Who left word did so before the lease was given up, and its transaction came before that.
  const more = isLeft || (wasCalled && mayGoOn && (await run.isWaiting()));
  return { ...ended, hashes: run.hashes, more };
}

class Run {
  hashes = 0;
  /** Of its search, once it has made one. */
  word: { readonly hashRate: number; readonly address: string | null } | undefined;
  readonly #options: MineOnceOptions;
  readonly #cause: MineCause;
  /** Where the chain stood when it was called. */
  #firstTip: BlockHash | undefined;

  constructor(options: MineOnceOptions, cause: MineCause) {
    this.#options = options;
    this.#cause = cause;
  }

  async go(): Promise<Ended> {
    const { node } = this.#options;
    const first = await node.template();
    if (!first.ok) return { end: 'early' };
    this.#firstTip = first.value.prevHash;
    const template = await this.#wait(first.value);
    if (template === undefined) return { end: 'nothing' };
    const startMs = node.clock.nowMs();
    const ended = await this.#search(template, startMs + SEARCH_MS);
    const seconds = Math.max(node.clock.nowMs() - startMs, 1) / 1000;
    const hashRate = Math.round(this.hashes / seconds);
    this.#options.telemetry.metric('HashRate', hashRate);
    // Nobody: the reward is left unclaimed.
    const address = scriptAddress(this.#options.payTo, node.params.addressVersion) ?? null;
    if (hashRate > 0) this.word = { hashRate, address };
    return ended;
  }

  /** Whether another block would hold a transaction. */
  async isWaiting(): Promise<boolean> {
    const template = await this.#options.node.template();
    return template.ok && template.value.txs.length > 0;
  }

  /** Every hour brings a block, even an empty one, unless somebody else brings it. */
  #isWorth({ txs, prevHash }: Template): boolean {
    return txs.length > 0 || (this.#cause === 'hourly' && prevHash === this.#firstTip);
  }

  /** The work to do now, if there is any. */
  async #look(): Promise<Template | undefined> {
    const template = await this.#options.node.template();
    return template.ok && this.#isWorth(template.value) ? template.value : undefined;
  }

  /**
   * Ends early when somebody else's block left nothing to do. A transaction that just came in may
   * not be seen yet: for that, nothing to do is no reason before its time is over.
   */
  async #wait(first: Template): Promise<Template | undefined> {
    const { node, sleep } = this.#options;
    const { leastMs, spreadMs } = WAITS[this.#cause];
    const [high = 0, low = 0] = node.random.bytes(2);
    const share = (256 * high + low) / 65_536;
    const untilMs = node.clock.nowMs() + leastMs + Math.floor(spreadMs * share);
    for (let template = first; ; ) {
      const leftMs = untilMs - node.clock.nowMs();
      if (leftMs <= 0) return this.#isWorth(template) ? template : undefined;
      const mayCome = leastMs > 0 && template.prevHash === first.prevHash;
      if (!mayCome && !this.#isWorth(template)) return undefined;
      await sleep(Math.min(LOOK_MS, leftMs));
      const next = await node.template();
      if (!next.ok) return undefined;
      template = next.value;
    }
  }

  async #search(first: Template, untilMs: number): Promise<Ended> {
    const { clock } = this.#options.node;
    for (let template = first; ; ) {
      const ended = await this.#stretch(template, Math.min(untilMs, clock.nowMs() + LOOK_MS));
      if (ended !== undefined) return ended;
      if (clock.nowMs() >= untilMs) return { end: 'time' };
      const next = await this.#look();
      if (next === undefined) return { end: 'nothing' };
      template = next;
    }
  }

  /** Searches without looking up; undefined: not found, or found too late. */
  async #stretch(template: Template, untilMs: number): Promise<Ended | undefined> {
    const { node, engine, payTo } = this.#options;
    // Random, so that two miners of one address never search the same.
    const extraNonce = node.random.bytes(EXTRA_NONCE_BYTES);
    const time = Math.max(template.curTime, nowSeconds(node.clock));
    const job = miningJob(template, { payTo, extraNonceBytes: EXTRA_NONCE_BYTES });
    const { header, target } = workUnit(job, extraNonce, time);
    for (let start = 0; node.clock.nowMs() < untilMs; start += CHUNK) {
      const nonce = engine.search(header, target, start, CHUNK);
      this.hashes += nonce < 0 ? CHUNK : nonce - start + 1;
      if (nonce < 0) continue;
      return this.#submit(
        template,
        assembleBlock(template, { payTo, extraNonce, time, nonce }).raw,
      );
    }
    return undefined;
  }

  async #submit(template: Template, raw: Uint8Array): Promise<Ended | undefined> {
    const { node, telemetry } = this.#options;
    // A block on an old tip would only be stored for nothing.
    const { entry } = await node.chain.tip();
    const outcome =
      entry.hash === template.prevHash
        ? await node.acceptBlock(raw, { asked: true })
        : ({ status: 'late' } as const);
    if (outcome.status === 'tip') {
      telemetry.metric('BlocksFound', 1);
      return { end: 'found', hash: outcome.hash };
    }
    if (outcome.status === 'rejected') {
      telemetry.log('error', `the node refused a block: ${outcome.reject.reason}`);
      return { end: 'refused' };
    }
    telemetry.metric('BlocksStale', 1);
    return undefined;
  }
}
