/**
 * Stacks side by side in one process, as AWS would run them: queues that wake `inbox`, posts that
 * wake `public`. Owns the counting of what a stack is billed for; mines with the nodes' own templates.
 */
import { createTable } from '../../lib/adapters/dynamodb/table.ts';
import { createDynamoStore } from '../../lib/adapters/dynamodb-store.ts';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { makeTx } from '../../lib/codec/tx.ts';
import { Fault } from '../../lib/faults.ts';
import type { Gossip } from '../../lib/gossip/types.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { Store } from '../../lib/ports/store.ts';
import type { Envelope, Transport } from '../../lib/ports/transport.ts';
import type { Block, Outpoint, Tx } from '../../lib/types.ts';
import { easyNetwork, signInput, storyKey } from './chain-builder.ts';
import { countUnits, storedBytes } from './dynamo-units.ts';
import type { RunningDynamo } from './dynamodb.ts';
import { type NetNode, NodeNet } from './node-net.ts';

/** What a stack used: DynamoDB units, and calls that AWS counts. */
export interface StackUse {
  readonly write: number;
  readonly read: number;
  /** SendMessageBatch calls, and messages in them. */
  readonly sends: number;
  readonly messages: number;
  /** Invocations. A batch that was sent at once is handled at once: the queue's window is 0. */
  readonly inboxCalls: number;
  /** Requests to the HTTP API. */
  readonly publicCalls: number;
}

export const NO_USE: StackUse = {
  write: 0,
  read: 0,
  sends: 0,
  messages: 0,
  inboxCalls: 0,
  publicCalls: 0,
};

const FIELDS = Object.keys(NO_USE) as (keyof StackUse)[];

export const combine = (
  a: StackUse,
  b: StackUse,
  how: (x: number, y: number) => number,
): StackUse => Object.fromEntries(FIELDS.map((field) => [field, how(a[field], b[field])])) as never;

/** What the queue takes in one call. */
const ENTRIES_MAX = 10;

/** A node's store, and what it consumed since it was last asked. */
export interface CountedStore {
  readonly store: Store;
  take(): { readonly write: number; readonly read: number };
  /** What its table holds. */
  bytes(): Promise<number>;
}

export type OpenStore = (name: string, clock: Clock) => Promise<CountedStore>;

/** Without DynamoDB: nothing to count. */
export const openMemory: OpenStore = async (_name, clock) => ({
  store: createMemoryStore({ clock }),
  take: () => ({ write: 0, read: 0 }),
  bytes: async () => 0,
});

let tables = 0;

export const openTables =
  (dynamo: RunningDynamo): OpenStore =>
  async (name, clock) => {
    const table = `stack-${process.pid}-${tables++}-${name}`;
    const client = dynamo.client();
    await createTable(client, table);
    const { take } = countUnits(client);
    const store = createDynamoStore({ client, table, clock });
    return { store, take, bytes: () => storedBytes(client, table) };
  };

interface Stack extends NetNode {
  readonly queue: string;
  readonly url: string;
  readonly counted: CountedStore;
  calls: Omit<StackUse, 'write' | 'read'>;
}

export class StackNet {
  readonly net: NodeNet;
  readonly stacks: Stack[] = [];
  /** Queues and URLs that nothing gets through to. */
  breaks: (address: string) => boolean = () => false;
  readonly #openStore: OpenStore;
  readonly #waiting: (() => Promise<void>)[] = [];

  constructor(openStore: OpenStore) {
    this.#openStore = openStore;
    this.net = new NodeNet({ params: easyNetwork({ maturity: 1, reorgLimit: 0 }) });
  }

  /** `count` stacks that know each other's lines from the start. */
  async open(count: number): Promise<void> {
    const names = Array.from({ length: count }, (_, i) => `node${i}`);
    const { genesisHash: genesis, name: network } = this.net.params;
    const place = (name: string) => ({
      url: `https://${name}.example.com`,
      queue: `arn:aws:sqs:us-east-1:000000000000:${name}`,
    });
    for (const name of names) {
      const counted = await this.#openStore(name, this.net.clock);
      const lines = names
        .filter((other) => other !== name)
        .map((other) =>
          JSON.stringify({ network, genesis, name: other, ...place(other), roles: [] }),
        );
      const made = await this.net.add(name, {
        store: counted.store,
        peers: lines,
        more: {
          transports: [this.#http(name), this.#sqs(name)],
          url: place(name).url,
        },
      });
      this.stacks.push({ ...made, ...place(name), counted, calls: { ...NO_USE } });
    }
  }

  /** Replies come at once; the function then looks whether it is behind, as functions/api.ts. */
  #http(from: string): Transport {
    return {
      kind: 'http',
      send: async (address, envelopes) => {
        const to = this.stacks.find(({ url }) => url === address);
        if (to === undefined || this.breaks(address)) {
          throw new Fault('transport', `nobody listens at ${address}`);
        }
        this.#count(to, { publicCalls: 1 });
        const answer = await this.#receive(to, envelopes, { transport: 'http', key: from });
        await to.node.gossip.progress();
        return answer;
      },
    };
  }

  /** Each batch wakes the inbox once, which ends by looking whether it is behind. */
  #sqs(from: string): Transport {
    return {
      kind: 'sqs',
      send: async (address, envelopes) => {
        const to = this.stacks.find(({ queue }) => queue === address);
        const own = this.stacks.find(({ name }) => name === from);
        if (to === undefined || own === undefined || this.breaks(address)) {
          throw new Fault('transport', 'no such queue');
        }
        for (let at = 0; at < envelopes.length; at += ENTRIES_MAX) {
          const batch = envelopes.slice(at, at + ENTRIES_MAX);
          this.#count(own, { sends: 1, messages: batch.length });
          this.#waiting.push(async () => {
            this.#count(to, { inboxCalls: 1 });
            for (const envelope of batch) {
              await this.#receive(to, [envelope], { transport: 'sqs', key: own.queue });
            }
            await to.node.gossip.progress();
          });
        }
        return [];
      },
    };
  }

  async #receive(
    to: Stack,
    envelopes: readonly Envelope[],
    sender: Parameters<Gossip['receive']>[1],
  ): Promise<readonly Envelope[]> {
    const copies = JSON.parse(JSON.stringify(envelopes)) as unknown[];
    const answer = await to.node.gossip.receive(copies, sender);
    if (!answer.ok) throw new Fault('transport', `refused: ${answer.detail}`);
    return answer.replies;
  }

  #count(stack: Stack, more: Partial<Stack['calls']>): void {
    const { calls } = stack;
    stack.calls = combine({ ...NO_USE, ...calls }, { ...NO_USE, ...more }, (a, b) => a + b);
  }

  /** Delivers what lies in the queues, and what follows from it, until they are empty. */
  async drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await next();
    }
  }

  /** The mean of all stacks since it was last taken. */
  take(): StackUse {
    let sum = NO_USE;
    for (const stack of this.stacks) {
      const { write, read } = stack.counted.take();
      sum = combine(sum, { ...stack.calls, write, read }, (a, b) => a + b);
      stack.calls = { ...NO_USE };
    }
    return combine(sum, sum, (a) => a / this.stacks.length);
  }

  /** Of the first stack's table. */
  bytes(): Promise<number> {
    return this.stack(0).counted.bytes();
  }

  stack(i: number): Stack {
    return this.stacks[i % this.stacks.length] as Stack;
  }

  /** `tick` is called on every stack, so many seconds later. */
  async tick(seconds: number): Promise<void> {
    this.net.clock.advance(seconds * 1000);
    for (const { node } of this.stacks) {
      await node.tick();
      await node.gossip.progress();
    }
    await this.drain();
  }

  async mine(i: number, seconds: number, payTo: string): Promise<Block> {
    this.net.clock.advance(seconds * 1000);
    const { node } = this.stack(i);
    const block = await this.net.make(node, payTo);
    const outcome = await node.acceptBlock(block.raw, { asked: true });
    if (outcome.status !== 'tip') throw new Error(`a block that is ${outcome.status}`);
    await this.drain();
    return block;
  }

  /** Somebody posts it to a stack's API. */
  async post(i: number, tx: Tx): Promise<void> {
    const stack = this.stack(i);
    this.#count(stack, { publicCalls: 1 });
    const outcome = await stack.node.acceptTx(tx.raw);
    if (outcome.status !== 'accepted') throw new Error(`a transaction that is ${outcome.status}`);
    await stack.node.gossip.progress();
    await this.drain();
  }

  /** A signed payment of one name's coin to others'. */
  pay(
    coin: Outpoint,
    from: string,
    outputs: readonly { readonly to: string; readonly sats: number }[],
  ): Tx {
    const key = storyKey(from, this.net.params);
    const input = { prevout: coin, scriptSig: new Uint8Array(0), sequence: 0xffff_fffe };
    const fields = {
      version: 2,
      outputs: outputs.map(({ to, sats }) => ({
        value: BigInt(sats),
        scriptPubKey: storyKey(to, this.net.params).script,
      })),
      lockTime: 0,
    };
    const bare = makeTx({ ...fields, inputs: [input] });
    const scriptSig = signInput(bare, 0, key.script, key);
    return makeTx({ ...fields, inputs: [{ ...input, scriptSig }] });
  }

  async close(): Promise<void> {
    for (const { store } of this.stacks) await store.close();
  }
}
