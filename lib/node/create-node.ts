/**
 * A node: chain, mempool, templates and gossip on the ports that a host gives. Wires everything,
 * picks nothing, holds nothing in memory that matters. Owns what follows when the tip moves
 * (mempool, listeners, peers) and the order of housekeeping.
 */
import { createChain } from '../chain/create-chain.ts';
import type { BlockOutcome, Chain, ChainChange } from '../chain/types.ts';
import { decodeHeader, HEADER_BYTES } from '../codec/header.ts';
import { checkHeader } from '../consensus/check-header.ts';
import { createGossip } from '../gossip/create-gossip.ts';
import type { Gossip } from '../gossip/types.ts';
import { createMempool } from '../mempool/create-mempool.ts';
import type { Mempool, MempoolEntry, TxOutcome } from '../mempool/types.ts';
import { createTemplateSource } from '../mining/template-source.ts';
import type { ChainParams } from '../params/chain-params.ts';
import { silentTelemetry } from '../ports/telemetry.ts';
import { readStatus } from './status.ts';
import type { Node, NodeEvent, NodeOptions } from './types.ts';

const DEFAULT_NAME = 'stackchain';
/** How often a lone process looks for what a dead one left behind. */
const CHAIN_TICK_MS = 10_000;
const HEAL_MS = 60_000;

/** What a change of the state leads to. */
class Following {
  readonly #chain: Chain;
  readonly #mempool: Mempool;
  readonly #onWaiting: NonNullable<NodeOptions['onWaiting']>;
  readonly #listeners = new Set<(event: NodeEvent) => void>();

  constructor(chain: Chain, mempool: Mempool, onWaiting: NodeOptions['onWaiting']) {
    this.#chain = chain;
    this.#mempool = mempool;
    this.#onWaiting = onWaiting ?? (() => undefined);
  }

  listen(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #emit(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** The tip moved. Listeners hear of it first: a miner must not wait for the mempool. */
  async tipMoved(change: ChainChange): Promise<readonly MempoolEntry[]> {
    const { hash, height } = change.to;
    this.#emit({ type: 'tip', hash, height });
    const { accepted } = await this.#mempool.reconcile(change);
    this.txsEntered(accepted);
    if (accepted.length > 0) this.#onWaiting('peer');
    return accepted;
  }

  txsEntered(entries: readonly MempoolEntry[]): void {
    for (const { txid } of entries) this.#emit({ type: 'tx', txid });
  }

  async admit(raw: Uint8Array, options: { readonly local?: boolean } = {}): Promise<TxOutcome> {
    const outcome = await this.#mempool.accept(raw, options);
    if (outcome.status !== 'accepted') return outcome;
    this.txsEntered([outcome.entry, ...(outcome.also ?? [])]);
    if (outcome.first) this.#onWaiting(options.local === true ? 'user' : 'peer');
    return outcome;
  }

  async window(raws: readonly Uint8Array[]): Promise<readonly BlockOutcome[]> {
    const outcomes = await this.#chain.acceptBlocks(raws);
    const changes = new Map<number, ChainChange>();
    for (const outcome of outcomes) {
      if (outcome.status === 'tip') changes.set(outcome.change.version, outcome.change);
    }
    for (const change of changes.values()) await this.tipMoved(change);
    return outcomes;
  }
}

/** Runs all of them, whatever fails, and then throws the first fault: one must not starve the rest. */
async function runAll(steps: readonly (() => Promise<void>)[]): Promise<void> {
  const faults: unknown[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      faults.push(error);
    }
  }
  if (faults.length > 0) throw faults[0];
}

/** Waits for both, whatever fails, and then throws the first fault: nothing runs on unwatched. */
async function allDone<A, B>(tasks: readonly [Promise<A>, Promise<B>]): Promise<[A, B]> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}

/** What costs its sender nothing costs us no reading either. */
function hasWork(raw: Uint8Array, params: ChainParams): boolean {
  const header = decodeHeader(raw.subarray(0, HEADER_BYTES));
  return header.ok && checkHeader(header.value, params).ok;
}

/** Housekeeping, never twice at a time in one process. */
function createTick(
  options: NodeOptions,
  parts: {
    readonly chain: Chain;
    readonly mempool: Mempool;
    readonly gossip: Gossip;
    readonly following: Following;
  },
): () => Promise<void> {
  const { chain, mempool, gossip, following } = parts;
  let healedMs = 0;
  let chainMs = 0;
  let running: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    const nowMs = options.clock.nowMs();
    const steps: (() => Promise<void>)[] = [];
    const follow = async (moving: Promise<ChainChange | undefined>): Promise<void> => {
      const change = await moving;
      if (change !== undefined) await following.tipMoved(change);
    };
    if (nowMs - healedMs >= HEAL_MS) {
      healedMs = nowMs;
      // A death between storing and connecting.
      steps.push(() => follow(chain.activateBest()));
    }
    if (nowMs - chainMs >= CHAIN_TICK_MS) {
      chainMs = nowMs;
      steps.push(() => follow(chain.tick()));
    }
    await runAll([...steps, () => mempool.tick(), () => gossip.tick()]);
  };

  return () => {
    running ??= run().finally(() => {
      running = undefined;
    });
    return running;
  };
}

/**
 * Opens the chain in the store (block 0 is put into an empty one) and makes the node. Throws Fault
 * `store-foreign` if the store holds another network's chain.
 *
 * @example
 * const node = await createNode({
 *   params: regtest, store: createMemoryStore(), clock: systemClock, random: systemRandom,
 *   verifier: createVerifier(),
 * });
 */
export async function createNode(options: NodeOptions): Promise<Node> {
  const { params, store, clock, random, verifier, policy } = options;
  const { transports = [], telemetry = silentTelemetry, name = DEFAULT_NAME } = options;
  const startedAt = Math.floor(clock.nowMs() / 1000);
  const chain = createChain({ params, store, clock, verifier, telemetry });
  await chain.init();
  const ports = { params, store, chain, clock, random, telemetry };
  const mempool = createMempool({ ...ports, verifier, ...(policy && { policy }) });
  const templates = createTemplateSource({ params, chain, mempool, clock });
  const following = new Following(chain, mempool, options.onWaiting);

  const acceptBlock: Node['acceptBlock'] = async (raw, { asked, from = '' }) => {
    // Peers are told as soon as the block is the tip: whom, is read while it is being connected, and
    // our own mempool follows meanwhile. What a block costs on its way is such rounds of reading.
    const peers = hasWork(raw, params) ? gossip.listeners(from) : undefined;
    peers?.catch(() => undefined);
    const outcome = await chain.acceptBlock(raw, { asked });
    if (outcome.status !== 'tip') return outcome;
    const entry = outcome.change.to;
    const known = { entry, ...(peers && { peers }), ...(entry.hash === outcome.hash && { raw }) };
    const [returned] = await allDone([
      following.tipMoved(outcome.change),
      gossip.announceBlock(entry.hash, from, known),
    ]);
    if (returned.length > 0) await gossip.announceTxs(returned.map(({ txid }) => txid));
    return outcome;
  };

  const gossip: Gossip = await createGossip({
    ...ports,
    mempool,
    transports,
    name,
    url: options.url ?? '',
    peers: [...(options.peers ?? []), ...params.peers],
    acceptBlock,
    acceptBlocks: (raws) => following.window(raws),
    admitTx: (raw) => following.admit(raw),
  });
  const tick = createTick(options, { chain, mempool, gossip, following });
  let isClosed = false;

  return {
    params,
    name,
    clock,
    random,
    store,
    chain,
    mempool,
    gossip,
    acceptBlock,
    async acceptTx(raw, { local = false, from = '' } = {}) {
      const outcome = await following.admit(raw, { local });
      if (outcome.status === 'accepted') {
        const txids = [outcome.entry, ...(outcome.also ?? [])].map(({ txid }) => txid);
        await gossip.announceTxs(txids, from);
      }
      return outcome;
    },
    template: () => templates.template(),
    templateId: (options) => templates.id(options),
    status: () => readStatus({ params, name, chain, mempool, gossip, startedAt }),
    async tick() {
      if (isClosed) return;
      try {
        await tick();
      } catch (error) {
        // A closing node does not wait for a peer that takes its time.
        if (!isClosed) throw error;
      }
    },
    on: (listener) => following.listen(listener),
    async close() {
      if (isClosed) return;
      isClosed = true;
      await store.close();
    },
  };
}
