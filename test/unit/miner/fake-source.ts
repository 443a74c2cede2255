/**
 * A WorkSource that is a chain of its own: it judges what is submitted as a node would, moves its tip
 * when a test says so, waits as a long poll does, for as long as nothing is new, and writes down what
 * happened.
 */
import { decodeBlock } from '../../../lib/codec/block.ts';
import { merkleRoot } from '../../../lib/crypto/merkle.ts';
import { Fault } from '../../../lib/faults.ts';
import type { Template, WorkSource } from '../../../lib/mining/types.ts';
import { p2pkhScript } from '../../../lib/script/p2pkh.ts';
import type { Block, BlockHash, Sats } from '../../../lib/types.ts';
import { must } from '../../helpers/vectors.ts';

export const PAY_TO = p2pkhScript(new Uint8Array(20).fill(7));
export interface Submission {
  readonly block: Block;
  readonly reason: string | null;
  /** The miner had work on another tip, and offered this all the same. */
  readonly isKnownOld: boolean;
}

export class FakeSource implements WorkSource {
  readonly submissions: Submission[] = [];
  /** Tips that were given out as work, in order. */
  readonly givenOut = new Set<BlockHash>();
  /** Tips of which the miner knows that they are old. */
  readonly #knownOld = new Set<BlockHash>();
  target: bigint;
  tip = '00'.repeat(32) as BlockHash;
  height = 0;
  sequence = 0;
  /** Set by a test: what the next calls do instead. */
  templateFaults = 0;
  submitFaults = 0;
  /** The submission counts, its answer gets lost. */
  lostAnswers = 0;
  submitMs = 0;
  templatesAsked = 0;
  #waiting = new Set<() => void>();
  /** The easiest target that was given out on a parent: a test may change it in the midst of a search. */
  readonly #targets = new Map<BlockHash, bigint>();

  /** `hashes`: expected per block. */
  constructor(hashes: number) {
    this.target = 2n ** 256n / BigInt(hashes) - 1n;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  moveTip(hash: BlockHash): void {
    this.tip = hash;
    this.height++;
    this.#wake();
  }

  moveFees(): void {
    this.sequence++;
    this.#wake();
  }

  get id(): string {
    return `${this.tip}${this.sequence}`;
  }

  get accepted(): Block[] {
    return this.submissions.filter(({ reason }) => reason === null).map(({ block }) => block);
  }

  async template({ knownId, signal }: { knownId?: string; signal?: AbortSignal } = {}) {
    this.templatesAsked++;
    if (this.templateFaults > 0) {
      this.templateFaults--;
      throw new Fault('transport', 'away');
    }
    if (knownId === this.id) await this.#wait(signal);
    return this.#template();
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      signal?.addEventListener('abort', () => reject(new Fault('transport', 'aborted')));
    });
  }

  #template(): Template {
    const before = this.#targets.get(this.tip) ?? 0n;
    this.#targets.set(this.tip, before > this.target ? before : this.target);
    this.#giveOut();
    return {
      id: this.id,
      version: 0x2000_0000,
      prevHash: this.tip,
      height: this.height + 1,
      bits: 0x207f_ffff,
      target: this.target,
      curTime: Math.floor(Date.now() / 1000),
      minTime: 1,
      coinbaseValue: (5e9 + this.sequence) as Sats,
      coinbaseFlags: '0011223344556677',
      txs: [],
    };
  }

  /** Known a turn of the event loop later, when the miner has certainly taken it up. */
  #giveOut(): void {
    const older = [...this.givenOut].filter((tip) => tip !== this.tip);
    this.givenOut.add(this.tip);
    setImmediate(() => {
      for (const tip of older) this.#knownOld.add(tip);
    });
  }

  async submit(raw: Uint8Array): Promise<string | null> {
    if (this.submitFaults > 0) {
      this.submitFaults--;
      throw new Fault('transport', 'away');
    }
    const block = must(decodeBlock(raw));
    const reason = this.#judge(block);
    const isKnownOld = this.#knownOld.has(block.header.prevHash);
    this.submissions.push({ block, reason, isKnownOld });
    if (reason === null) this.moveTip(block.header.hash);
    if (this.submitMs > 0) await new Promise((resolve) => setTimeout(resolve, this.submitMs));
    if (this.lostAnswers > 0) {
      this.lostAnswers--;
      throw new Fault('transport', 'connection reset');
    }
    return reason;
  }

  #judge({ header, txs }: Block): string | null {
    const target = this.#targets.get(header.prevHash) ?? 0n;
    if (BigInt(`0x${header.hash}`) > target) return 'high-hash';
    if (merkleRoot(txs.map(({ txid }) => txid)).root !== header.merkleRoot)
      return 'bad-txnmrklroot';
    if (this.accepted.some((known) => known.header.hash === header.hash)) return 'duplicate';
    return header.prevHash === this.tip ? null : 'stale-prevblk';
  }
}

/** Resolves once the condition holds; fails after `ms`. */
export async function until(condition: () => boolean, ms = 120_000): Promise<void> {
  const endMs = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error('it did not come to pass');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
