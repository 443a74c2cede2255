/**
 * The simulated world: nodes on one virtual clock, a network that loses, delays, doubles and
 * partitions, processes that die, strangers that send rubbish. All of it follows from one seed. Owns
 * the faults and the actors; what must hold is the test's.
 */
import type { Passage } from '../../lib/adapters/in-process-transport.ts';
import { makeTx } from '../../lib/codec/tx.ts';
import { sha256 } from '../../lib/crypto/hash.ts';
import { Fault } from '../../lib/faults.ts';
import { toBase64 } from '../../lib/gossip/envelope.ts';
import type { Envelope } from '../../lib/ports/transport.ts';
import { scriptHash } from '../../lib/script/p2pkh.ts';
import type { Sats } from '../../lib/types.ts';
import { type StoryKey, signInput, storyKey } from '../helpers/chain-builder.ts';
import { type NetNode, NodeNet } from '../helpers/node-net.ts';

export interface SimOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly steps: number;
}

/** Whole numbers from one seed. */
export class Dice {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 .. sides - 1 (xorshift32 on a counter: plain and the same everywhere). */
  roll(sides: number): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
    return ((x ^ (x >>> 16)) >>> 0) % sides;
  }

  chance(percent: number): boolean {
    return this.roll(100) < percent;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.roll(from.length)] as T;
  }
}

interface Late {
  readonly passage: Passage;
  readonly deliver: () => Promise<unknown>;
}

const FEE = 1000;
const KEEPS = 546;
const TYPES = ['version', 'inv', 'headers', 'block', 'tx', 'getdata', 'getheaders', 'addr', 'x'];

export class World {
  readonly dice: Dice;
  readonly net: NodeNet;
  readonly names: string[];
  readonly counts = {
    mined: 0,
    paid: 0,
    lost: 0,
    late: 0,
    doubled: 0,
    cut: 0,
    died: 0,
    rubbish: 0,
  };
  #faulty = true;
  #late: Late[] = [];
  /** Names on the other side of the cut. */
  #apart = new Set<string>();
  readonly #options: SimOptions;

  constructor(options: SimOptions) {
    this.#options = options;
    this.dice = new Dice(options.seed);
    this.names = Array.from({ length: options.nodes }, (_, i) => `n${i}`);
    this.net = new NodeNet({ fault: (passage, deliver) => this.#pass(passage, deliver) });
  }

  async start(): Promise<void> {
    for (const name of this.names) await this.#open(name);
    await this.net.pass(1);
  }

  /** A chain of neighbours with one long way round: news must be passed on. The last can only call. */
  async #open(name: string): Promise<void> {
    const i = this.names.indexOf(name);
    const last = this.names.length - 1;
    const peers = [i - 1, i + 1, i === 0 ? 2 : 0].flatMap((at) => {
      const peer = this.names[at];
      return peer === undefined || at === i ? [] : [peer];
    });
    const before = this.net.nodes.get(name);
    before?.stop();
    await this.net.add(name, {
      peers,
      listens: i !== last,
      ...(before && { store: before.store }),
    });
  }

  async #pass(
    passage: Passage,
    deliver: () => Promise<readonly Envelope[]>,
  ): Promise<readonly Envelope[]> {
    const gone = new Fault('transport', 'lost on the way');
    if (this.#apart.has(passage.from) !== this.#apart.has(passage.to)) {
      this.counts.cut += 1;
      throw gone;
    }
    if (!this.#faulty) return deliver();
    const luck = this.dice.roll(100);
    if (luck < 8) {
      this.counts.lost += 1;
      throw gone;
    }
    if (luck < 18) {
      // It arrives when nobody expects it any more, behind what was sent later.
      this.counts.late += 1;
      this.#late.push({ passage, deliver });
      throw gone;
    }
    const answer = await deliver();
    if (luck < 25) {
      this.counts.doubled += 1;
      await deliver().catch(() => undefined);
    }
    // The answer may be lost although the message was not.
    if (luck < 30) throw gone;
    return answer;
  }

  node(name: string): NetNode {
    const found = this.net.nodes.get(name);
    if (found === undefined) throw new Error(`no node ${name}`);
    return found;
  }

  key(name: string): StoryKey {
    return storyKey(name, this.net.params);
  }

  async step(): Promise<void> {
    this.net.clock.advance(1000 * (1 + this.dice.roll(12)));
    const actors = Array.from({ length: 1 + this.dice.roll(3) }, () => this.#act());
    await Promise.all(actors);
  }

  async #act(): Promise<void> {
    const name = this.dice.pick(this.names);
    const luck = this.dice.roll(100);
    if (luck < 22) await this.#mine(name);
    else if (luck < 45) await this.#pay(name);
    else if (luck < 80) await this.node(name).node.tick();
    else if (luck < 88) await this.#deliverLate();
    else if (luck < 91) this.#cut();
    else if (luck < 94) this.#apart.clear();
    else if (luck < 97) await this.#rubbish(name);
    else await this.#die(name);
  }

  async #mine(name: string): Promise<void> {
    const { node } = this.node(name);
    const block = await this.net.make(node, name);
    const outcome = await node.acceptBlock(block.raw, { asked: true });
    if (outcome.status === 'rejected') throw new Error(`own block: ${outcome.reject.reason}`);
    this.counts.mined += 1;
  }

  /** Half of a ripe coin of this node's key goes to another's. */
  async #pay(name: string): Promise<void> {
    const { node } = this.node(name);
    const key = this.key(name);
    const found = await node.chain.view(async (view) => {
      const { height } = view.tip.entry;
      const coins = await view.addressCoins(scriptHash(key.script), { limit: 50 });
      return coins.find(
        ({ coin, claim }) =>
          claim === undefined &&
          coin.value > 4 * FEE &&
          (!coin.coinbase || height + 1 - coin.height >= this.net.params.maturity),
      );
    });
    if (found === undefined) return;
    const half = BigInt(Math.floor(found.coin.value / 2));
    if (half < KEEPS) return;
    const to = this.key(this.dice.pick(this.names)).script;
    const outputs = [
      { value: half, scriptPubKey: to },
      { value: BigInt(found.coin.value) - half - BigInt(FEE), scriptPubKey: key.script },
    ];
    const input = { prevout: found.outpoint, scriptSig: new Uint8Array(0), sequence: 0xffffffff };
    const bare = makeTx({ version: 2, inputs: [input], outputs, lockTime: 0 });
    const scriptSig = signInput(bare, 0, key.script, key);
    const tx = makeTx({ version: 2, inputs: [{ ...input, scriptSig }], outputs, lockTime: 0 });
    const outcome = await node.acceptTx(tx.raw, { local: true });
    if (outcome.status === 'accepted') this.counts.paid += 1;
  }

  async #deliverLate(): Promise<void> {
    const at = this.dice.roll(Math.max(1, this.#late.length));
    for (const { deliver } of this.#late.splice(at, 3)) await deliver().catch(() => undefined);
  }

  #cut(): void {
    this.#apart = new Set(this.names.filter(() => this.dice.chance(40)));
  }

  /** The process ends, the store stays; another process takes it up. */
  async #die(name: string): Promise<void> {
    this.counts.died += 1;
    await this.#open(name);
  }

  async #rubbish(name: string): Promise<void> {
    this.counts.rubbish += 1;
    const bytes = sha256(Uint8Array.of(this.dice.roll(256), this.dice.roll(256)));
    const payload = this.dice.chance(50) ? toBase64(bytes) : { urls: [1], height: 'x' };
    const envelope = this.net.envelope(this.dice.pick(TYPES), payload, 'stranger');
    const key = `203.0.113.${this.dice.roll(250)}`;
    await this.node(name).node.gossip.receive([envelope], { transport: 'http', key });
  }

  /** From now on all works. What was late arrives now. */
  async heal(): Promise<void> {
    this.#faulty = false;
    this.#apart.clear();
    for (const { deliver } of this.#late.splice(0)) await deliver().catch(() => undefined);
  }

  async run(): Promise<void> {
    for (let i = 0; i < this.#options.steps; i++) await this.step();
  }

  /** Value of all coins, and the coins themselves as text. */
  async coins({ node }: NetNode): Promise<{ total: Sats; lines: string[] }> {
    const lines: string[] = [];
    let total = 0;
    await node.chain.view(async (view) => {
      for (const name of this.names) {
        const found = await view.addressCoins(scriptHash(this.key(name).script), { limit: 10_000 });
        for (const { outpoint, coin } of found) {
          total += coin.value;
          lines.push(`${outpoint.txid}:${outpoint.vout} ${coin.value} ${name}`);
        }
      }
    });
    return { total: total as Sats, lines: lines.sort() };
  }
}
