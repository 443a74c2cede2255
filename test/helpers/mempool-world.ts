/**
 * A chain with a mempool on one store, told by a story, with a clock that only the test moves. Owns
 * no rule: blocks go the chain's own way, transactions the mempool's.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLevelStore } from '../../lib/adapters/leveldb-store.ts';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { createVerifier } from '../../lib/adapters/verifier.ts';
import { createChain } from '../../lib/chain/create-chain.ts';
import type { Chain, ChainChange } from '../../lib/chain/types.ts';
import { sha256 } from '../../lib/crypto/hash.ts';
import { readCells } from '../../lib/mempool/alive.ts';
import { createMempool } from '../../lib/mempool/create-mempool.ts';
import { decodeStored, TX_PARTITIONS } from '../../lib/mempool/rows.ts';
import type { Mempool, MempoolPolicy, TxOutcome } from '../../lib/mempool/types.ts';
import { assembleBlock } from '../../lib/mining/assemble.ts';
import { createTemplateSource, type TemplateSource } from '../../lib/mining/template-source.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import type { Random } from '../../lib/ports/random.ts';
import type { Store } from '../../lib/ports/store.ts';
import { silentTelemetry } from '../../lib/ports/telemetry.ts';
import type { Verifier } from '../../lib/ports/verifier.ts';
import { type Block, type Tx, toOutpointKey } from '../../lib/types.ts';
import {
  type BlockPlan,
  easyNetwork,
  mineHeader,
  Story,
  type StoryBlock,
} from './chain-builder.ts';

export type StoreKind = 'memory' | 'leveldb';
export interface OpenedStore {
  readonly store: Store;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly params?: ChainParams;
  readonly policy?: Partial<MempoolPolicy>;
  readonly store?: StoreKind | (() => Promise<OpenedStore>);
  readonly verifier?: Verifier;
  /** Puts another store in the mempool's way, e.g. one that counts or stalls. */
  readonly wrap?: (store: Store) => Store;
  /** Blocks before the story begins, so that coins are there: `b1` up. */
  readonly blocks?: number;
}

export interface FakeClock {
  nowMs(): number;
  advance(ms: number): void;
}

/** Same bytes in every run. */
export function countingRandom(name: string): Random {
  let count = 0;
  const encoder = new TextEncoder();
  return {
    bytes(wanted) {
      const bytes = new Uint8Array(wanted);
      for (let at = 0; at < wanted; at += 32) {
        bytes.set(sha256(encoder.encode(`${name} ${count++}`)).subarray(0, wanted - at), at);
      }
      return bytes;
    },
  };
}

/** Two blocks to maturity, blocks for two hashes. */
export const mempoolNetwork = (): ChainParams => easyNetwork({ maturity: 2, reorgLimit: 0 });

export class MempoolWorld {
  readonly story: Story;
  readonly clock: FakeClock;
  readonly store: Store;
  readonly chain: Chain;
  readonly mempool: Mempool;
  readonly templates: TemplateSource;
  /** What mempools warned of. */
  readonly warnings: Record<string, string | number | boolean>[] = [];
  readonly #options: WorldOptions;
  readonly #close: () => Promise<void>;
  #mempools = 0;
  #extraNonce = 0;

  private constructor(parts: {
    story: Story;
    clock: FakeClock;
    store: Store;
    chain: Chain;
    options: WorldOptions;
    close: () => Promise<void>;
  }) {
    this.story = parts.story;
    this.clock = parts.clock;
    this.store = parts.store;
    this.chain = parts.chain;
    this.#options = parts.options;
    this.#close = parts.close;
    this.mempool = this.another();
    this.templates = this.templatesOf(this.mempool);
  }

  static async open(options: WorldOptions = {}): Promise<MempoolWorld> {
    const story = new Story(options.params ?? mempoolNetwork());
    let nowMs = (story.genesis.entry.header.time + 86_400) * 1000;
    const clock = {
      nowMs: () => nowMs,
      advance: (ms: number) => {
        nowMs += ms;
      },
    };
    const wanted = options.store ?? 'memory';
    const { store, close } =
      typeof wanted === 'function' ? await wanted() : await openStore(wanted, clock);
    const verifier = options.verifier ?? createVerifier();
    const { params } = story;
    const chain = createChain({ params, store, clock, verifier, telemetry: silentTelemetry });
    await chain.init();
    const world = new MempoolWorld({ story, clock, store, chain, options, close });
    for (let i = 0; i < (options.blocks ?? 0); i++) await world.mine();
    return world;
  }

  /** A further Mempool on the same store, as another process would hold it. */
  another(wrap: (store: Store) => Store = this.#options.wrap ?? ((store) => store)): Mempool {
    const { params } = this.story;
    return createMempool({
      params,
      store: wrap(this.store),
      chain: this.chain,
      clock: this.clock,
      random: countingRandom(`mempool ${this.#mempools++}`),
      verifier: this.#options.verifier ?? createVerifier(),
      ...(this.#options.policy && { policy: this.#options.policy }),
      telemetry: {
        metric: () => undefined,
        log: (level, message, fields) => {
          if (level === 'warn') this.warnings.push({ message, ...fields });
        },
      },
    });
  }

  templatesOf(mempool: Mempool): TemplateSource {
    const { chain, clock } = this;
    return createTemplateSource({ params: this.story.params, chain, mempool, clock });
  }

  /** Mines the story's next block and has the mempool follow, if it is not stalled. */
  async mine(plan: BlockPlan = {}, options: { stalled?: boolean } = {}): Promise<StoryBlock> {
    const mined = this.story.mine(plan);
    await this.give(mined.block, options);
    return mined;
  }

  /** Gives a block to the chain; answers how the tip moved. */
  async give(block: Block, options: { stalled?: boolean } = {}): Promise<ChainChange | undefined> {
    const ahead = block.header.time - Math.floor(this.clock.nowMs() / 1000);
    if (ahead > 0) this.clock.advance(ahead * 1000);
    const outcome = await this.chain.acceptBlock(block.raw, { asked: true });
    if (outcome.status === 'rejected') throw new Error(`block refused: ${outcome.reject.reason}`);
    if (outcome.status !== 'tip') return undefined;
    if (options.stalled !== true) await this.mempool.reconcile(outcome.change);
    return outcome.change;
  }

  /** The block that a miner would make now, mined; not given to the chain. */
  async template(source: TemplateSource = this.templates, payTo = 'miner'): Promise<Block> {
    const template = await source.template();
    if (!template.ok) throw new Error(template.reject.reason);
    const extraNonce = Uint8Array.of(
      0,
      0,
      0,
      0,
      0,
      0,
      this.#extraNonce >> 8,
      this.#extraNonce++ % 256,
    );
    const block = assembleBlock(template.value, { payTo: this.story.script(payTo), extraNonce });
    const header = mineHeader(block.header);
    return assembleBlock(template.value, {
      payTo: this.story.script(payTo),
      extraNonce,
      nonce: header.nonce,
    });
  }

  async accept(tx: Tx, options?: { local?: boolean }): Promise<TxOutcome> {
    return this.mempool.accept(tx.raw, options);
  }

  /** Accepts and answers in a word: the status, or the reject reason. */
  async try(tx: Tx, options?: { local?: boolean }): Promise<string> {
    return inAWord(await this.accept(tx, options));
  }

  /** Ids of all living transactions. */
  async txids(mempool: Mempool = this.mempool): Promise<string[]> {
    return (await mempool.list()).map(({ txid }) => txid);
  }

  close(): Promise<void> {
    return this.#close();
  }
}

export const inAWord = (outcome: TxOutcome): string =>
  outcome.status === 'rejected' ? outcome.reject.reason : outcome.status;

async function openStore(kind: StoreKind, clock: FakeClock): Promise<OpenedStore> {
  if (kind === 'memory') {
    const store = createMemoryStore({ clock });
    return { store, close: () => store.close() };
  }
  const dir = await mkdtemp(join(tmpdir(), 'mempool-'));
  const store = await openLevelStore(join(dir, 'chain'), { clock });
  const close = async (): Promise<void> => {
    await store.close();
    await rm(dir, { recursive: true, force: true });
  };
  return { store, close };
}

/**
 * Store-protocol section 7, I7: whatever row is there holds the claims of all its inputs. Hence no
 * two of them spend the same. Answers what it found wrong.
 */
export async function brokenInvariants(world: MempoolWorld): Promise<string[]> {
  const broken: string[] = [];
  const rows = (
    await Promise.all(TX_PARTITIONS.map((pk) => world.store.list(pk, { limit: 10_000 })))
  )
    .flat()
    .map(decodeStored)
    .filter(({ pendingUntil }) => pendingUntil === undefined);
  const spenders = new Map<string, string>();
  await world.chain.view(async (view) => {
    const cells = await readCells(
      view,
      rows.map(({ tx }) => tx),
    );
    rows.forEach(({ tx, txid }, i) => {
      tx.inputs.forEach(({ prevout }, vin) => {
        const outpoint = toOutpointKey(prevout.txid, prevout.vout);
        const rival = spenders.get(outpoint);
        if (rival !== undefined) broken.push(`${outpoint} has two spenders: ${rival}, ${txid}`);
        spenders.set(outpoint, txid);
        const claim = cells[i]?.[vin]?.cell.claim;
        if (claim !== txid) broken.push(`${outpoint} is claimed by ${claim}, not by ${txid}`);
      });
    });
  });
  return broken;
}
