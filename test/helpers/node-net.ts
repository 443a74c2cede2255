/**
 * Several nodes in one process on one clock, joined by the in-process transport: for tests of gossip
 * and for the simulation. Owns no rule; mines with the nodes' own templates.
 */
import { createInProcessHub, type HubOptions } from '../../lib/adapters/in-process-transport.ts';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { assembleBlock } from '../../lib/mining/assemble.ts';
import { createNode } from '../../lib/node/create-node.ts';
import type { Node, NodeOptions } from '../../lib/node/types.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import type { Store } from '../../lib/ports/store.ts';
import type { Envelope } from '../../lib/ports/transport.ts';
import type { Block, BlockHash } from '../../lib/types.ts';
import { easyNetwork, mineHeader, storyKey } from './chain-builder.ts';
import { verifier } from './chain-rig.ts';
import { countingRandom, type FakeClock } from './mempool-world.ts';

/** A clock that is moved by hand. */
export function handClock(startSeconds: number): FakeClock {
  let nowMs = startSeconds * 1000;
  return {
    nowMs: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

export interface NetNode {
  readonly name: string;
  readonly node: Node;
  readonly store: Store;
  /** Takes it off the net, as a crash would: the store stays. */
  stop(): void;
}

export class NodeNet {
  readonly params: ChainParams;
  readonly clock: FakeClock;
  readonly hub: ReturnType<typeof createInProcessHub>;
  readonly nodes = new Map<string, NetNode>();
  #extra = 0;

  constructor(
    options: {
      readonly params?: ChainParams;
      readonly clock?: FakeClock;
      readonly fault?: HubOptions['fault'];
    } = {},
  ) {
    this.params = options.params ?? easyNetwork({ maturity: 2, reorgLimit: 0 });
    this.clock = options.clock ?? handClock(1_700_000_000 + 86_400);
    this.hub = createInProcessHub(options.fault === undefined ? {} : { fault: options.fault });
  }

  /** `listens`: false for one that nobody can reach. */
  async add(
    name: string,
    options: {
      readonly peers?: readonly string[];
      readonly listens?: boolean;
      readonly store?: Store;
      readonly more?: Partial<NodeOptions>;
    } = {},
  ): Promise<NetNode> {
    const store = options.store ?? createMemoryStore({ clock: this.clock });
    const node = await createNode({
      params: this.params,
      store,
      clock: this.clock,
      random: countingRandom(`node ${name} ${this.#extra++}`),
      verifier,
      transports: [this.hub.transport(name)],
      name,
      peers: options.peers ?? [],
      ...options.more,
    });
    const deaf = (): void => undefined;
    const stop = options.listens === false ? deaf : this.hub.listen(name, node.gossip.receive);
    const made = { name, node, store, stop };
    this.nodes.set(name, made);
    return made;
  }

  /** The block that this node would make now. */
  async make(node: Node, payTo = 'miner'): Promise<Block> {
    const template = await node.template();
    if (!template.ok) throw new Error(template.reject.reason);
    const extraNonce = new Uint8Array(8);
    new DataView(extraNonce.buffer).setUint32(4, this.#extra++);
    const script = storyKey(payTo, this.params).script;
    const draft = assembleBlock(template.value, { payTo: script, extraNonce });
    const { nonce } = mineHeader(draft.header);
    return assembleBlock(template.value, { payTo: script, extraNonce, nonce });
  }

  /** Mines on the node's tip; everything that follows from it is done when this resolves. */
  async mine({ node }: NetNode, count = 1, payTo = 'miner'): Promise<BlockHash[]> {
    const hashes: BlockHash[] = [];
    for (let i = 0; i < count; i++) {
      const block = await this.make(node, payTo);
      const outcome = await node.acceptBlock(block.raw, { asked: true });
      if (outcome.status !== 'tip') throw new Error(`mined a block that is ${outcome.status}`);
      hashes.push(outcome.hash);
    }
    return hashes;
  }

  /** Lets time pass and everybody do their housekeeping. */
  async pass(seconds: number, rounds = 1): Promise<void> {
    for (let i = 0; i < rounds; i++) {
      this.clock.advance(seconds * 1000);
      for (const { node } of this.nodes.values()) await node.tick();
    }
  }

  envelope(type: string, payload: unknown, from = 'tester'): Envelope {
    return { v: 1, network: this.params.genesisHash, from, type, payload };
  }
}

export const tipOf = async ({ node }: NetNode): Promise<BlockHash> =>
  (await node.chain.tip()).entry.hash;
export const heightOf = async ({ node }: NetNode): Promise<number> =>
  (await node.chain.tip()).entry.height;
