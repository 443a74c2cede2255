/**
 * Straight-line code on 32-bit words for four nonces at once, in the lanes of a vector, or for eight, in
 * those of two. What does not change from nonce to nonce is not in the code: it is reckoned once a
 * header, and what never changes is reckoned here.
 *
 * Of eight lanes everything is written twice, for one vector and then for the other, and in memory the
 * two lie side by side: so V8 finds the pairs, if it may, and makes one vector of twice the size of each
 * (its revectoriser starts at two adjacent stores and gives up at whatever moves words across lanes).
 */
import { swap } from '../sha256-words.ts';
import { type Bytes, signed, TYPE, unsigned } from './module.ts';

export type Lanes = 4 | 8;
const VECTOR_BYTES = 16;

/** A word, by what it changes with. */
export type Word =
  | { readonly by: 'nothing'; readonly value: number }
  /** `index`: among the values of a header. */
  | { readonly by: 'header'; readonly index: number }
  /** The first of the locals that hold it, one for each four lanes. */
  | { readonly by: 'nonce'; readonly local: number };
type FixedWord = Exclude<Word, { by: 'nonce' }>;
type NonceWord = Extract<Word, { by: 'nonce' }>;

export const known = (value: number): Word => ({ by: 'nothing', value: value | 0 });

type Reckon = (...words: number[]) => number;

const OP = {
  loop: 0x03,
  if: 0x04,
  end: 0x0b,
  branchIf: 0x0d,
  return: 0x0f,
  get: 0x20,
  set: 0x21,
  tee: 0x22,
  const: 0x41,
  isZero: 0x45,
  lessUnsigned: 0x49,
  add: 0x6a,
  and: 0x71,
  or: 0x72,
  rotateLeft: 0x77,
} as const;
/** After the prefix 0xfd: v128 and i32x4. */
const VECTOR_OP = {
  load: 0x00,
  store: 0x0b,
  splat: 0x11,
  and: 0x4e,
  or: 0x50,
  xor: 0x51,
  allTrue: 0xa3,
  shiftLeft: 0xab,
  shiftRight: 0xad,
  add: 0xae,
} as const;

const onVectors = (op: keyof typeof VECTOR_OP, ...more: number[]): number[] => [
  0xfd,
  ...unsigned(VECTOR_OP[op]),
  ...more,
];
const constant = (value: number): number[] => [OP.const, ...signed(value)];
const get = (local: number): number[] => [OP.get, ...unsigned(local)];
const set = (local: number): number[] => [OP.set, ...unsigned(local)];
/** As an operand of `load` and `store`: 2^4 bytes. */
const ALIGNMENT = 4;

/** Parameters of the code: the first nonce, a multiple of the lanes, and how many groups of them are tried. */
const START = 0;
const GROUPS = 1;
const GROUP = 2;
const SWAPPED = 3;
const FIRST_VECTOR = 4;
/** Places in memory: what each lane's nonce is beyond the first's, and what is found. */
const RAMP_SLOT = 0;
const RESULT_SLOT = 1;
const FIRST_SLOT = 2;

export class VectorCode {
  readonly #code: number[] = [];
  /** How each value of a header follows from those before it; inputs follow from none. */
  readonly #values: { readonly reckon: Reckon; readonly from: readonly FixedWord[] }[] = [];
  /** Places in memory of what the code loads: cheaper than constants in it, which V8 makes anew. */
  readonly #slots = new Map<string, { readonly word: FixedWord; readonly slot: number }>();
  readonly lanes: Lanes;
  /** Of a vector's size: the vectors of a word lie side by side. */
  readonly #parts: readonly number[];
  /** Which vector is being written. */
  #part = 0;
  #vectors = 0;

  constructor(lanes: Lanes) {
    this.lanes = lanes;
    this.#parts = lanes === 4 ? [0] : [0, 1];
  }

  /** A word that is given with the header. */
  input(): Word {
    return this.#value(() => 0, []);
  }

  #value(reckon: Reckon, from: readonly FixedWord[]): Word {
    return { by: 'header', index: this.#values.push({ reckon, from }) - 1 };
  }

  /** A word that follows from others: `build` writes it where a nonce changes it, else `reckon` says it. */
  word(from: readonly Word[], reckon: Reckon, build: () => void): Word {
    const fixed = from.filter((word) => word.by !== 'nonce');
    if (fixed.length < from.length) return this.#assign(build);
    const values = fixed.flatMap((word) => (word.by === 'nothing' ? [word.value] : []));
    return values.length < fixed.length ? this.#value(reckon, fixed) : known(reckon(...values));
  }

  /**
   * Terms in the order in which they are ready, the last last: what is added to it waits for nothing
   * else. What no nonce changes comes first, summed up before.
   */
  sum(...terms: readonly Word[]): Word {
    const varying = terms.filter(({ by }) => by === 'nonce');
    const fixed = this.word(
      terms.filter(({ by }) => by !== 'nonce'),
      (...words) => words.reduce((a, b) => (a + b) | 0, 0),
      () => undefined,
    );
    const isZero = fixed.by === 'nothing' && fixed.value === 0;
    const [first, ...others] = isZero && varying.length > 0 ? varying : [fixed, ...varying];
    if (first === undefined || others.length === 0) return first ?? fixed;
    return this.#assign(() => {
      this.push(first);
      for (const term of others) this.push(term).add();
    });
  }

  /** Fresh locals a value: V8 finds their registers itself. */
  #assign(build: () => void): Word {
    const word: NonceWord = { by: 'nonce', local: FIRST_VECTOR + this.#vectors };
    this.#vectors += this.#parts.length;
    this.#eachPart((part) => {
      build();
      this.#emit(set(word.local + part));
    });
    return word;
  }

  #eachPart(build: (part: number) => void): void {
    for (const part of this.#parts) {
      this.#part = part;
      build(part);
    }
  }

  #emit(...parts: readonly Bytes[]): this {
    for (const part of parts) this.#code.push(...part);
    return this;
  }

  #slotOf(word: FixedWord): number {
    const key = word.by === 'header' ? `header ${word.index}` : `${word.value}`;
    const { slot } = this.#slots.get(key) ?? { slot: FIRST_SLOT + this.#slots.size };
    this.#slots.set(key, { word, slot });
    return slot;
  }

  push(word: Word): this {
    if (word.by === 'nonce') return this.#emit(get(word.local + this.#part));
    return this.#load(this.#slotOf(word));
  }

  #load(slot: number): this {
    return this.#emit(constant(0), onVectors('load', ALIGNMENT, ...this.#offset(slot)));
  }

  #store(slot: number, word: Word): void {
    this.#eachPart(() => {
      this.#emit(constant(0)).push(word);
      this.#emit(onVectors('store', ALIGNMENT, ...this.#offset(slot)));
    });
  }

  #offset(slot: number): number[] {
    return unsigned(VECTOR_BYTES * (this.#parts.length * slot + this.#part));
  }

  add = (): this => this.#emit(onVectors('add'));
  and = (): this => this.#emit(onVectors('and'));
  xor = (): this => this.#emit(onVectors('xor'));

  shiftRight(word: Word, bits: number): this {
    return this.push(word).#emit(constant(bits), onVectors('shiftRight'));
  }

  rotateRight(word: Word, bits: number): this {
    this.shiftRight(word, bits).push(word);
    return this.#emit(constant(32 - bits), onVectors('shiftLeft'), onVectors('or'));
  }

  /**
   * Tries group after group of nonces; answers the number of the first in which a word that `body`
   * makes of a nonce, its bytes back to front, has none of the bits of `mask`, or -1.
   */
  search(body: (nonce: Word) => Word, mask: Word): void {
    this.#emit([OP.loop, TYPE.empty]);
    this.#swapStart();
    const nonce = this.#assign(() => {
      this.#emit(get(SWAPPED), onVectors('splat')).#load(RAMP_SLOT).add();
    });
    const word = body(nonce);
    const masked = this.#assign(() => this.push(word).push(mask).and());
    this.#store(RESULT_SLOT, masked);
    this.#eachPart((part) => {
      this.#load(RESULT_SLOT).#emit(onVectors('allTrue'), part > 0 ? [OP.and] : []);
    });
    this.#emit([OP.isZero, OP.if, TYPE.empty], get(GROUP), [OP.return, OP.end]);
    this.#emit(get(START), constant(this.lanes), [OP.add], set(START));
    this.#emit(get(GROUP), constant(1), [OP.add, OP.tee, GROUP], get(GROUPS));
    this.#emit([OP.lessUnsigned, OP.branchIf, 0, OP.end], constant(-1));
  }

  /** A header has its nonce in little-endian order, SHA-256 reads big-endian words. */
  #swapStart(): void {
    const turned = (bits: number, mask: number): Bytes => [
      ...[...get(START), ...constant(bits), OP.rotateLeft, ...constant(mask), OP.and],
    ];
    this.#emit(turned(8, 0x00ff_00ff), turned(24, 0xff00_ff00), [OP.or], set(SWAPPED));
  }

  /** The function, for `makeModule`. */
  parts() {
    return {
      params: [TYPE.i32, TYPE.i32],
      results: [TYPE.i32],
      locals: [[2, TYPE.i32] as const, [this.#vectors, TYPE.v128] as const],
      code: this.#code,
    };
  }

  /** Writes what never changes; answers how a header's inputs are written, in the order of `input`. */
  writer(memory: Int32Array): (inputs: ArrayLike<number>) => void {
    const write = (slot: number, value: number): void => {
      memory.fill(value, this.lanes * slot, this.lanes * (slot + 1));
    };
    for (let lane = 0; lane < this.lanes; lane++) {
      memory[this.lanes * RAMP_SLOT + lane] = swap(lane);
    }
    const values = new Int32Array(this.#values.length);
    const read = (word: FixedWord): number =>
      word.by === 'header' ? (values[word.index] as number) : word.value;
    const loaded = [...this.#slots.values()];
    for (const { word, slot } of loaded) if (word.by === 'nothing') write(slot, word.value);
    const ofHeader = loaded.filter(({ word }) => word.by === 'header');
    return (inputs) => {
      let next = 0;
      for (const [i, { reckon, from }] of this.#values.entries()) {
        values[i] = from.length === 0 ? (inputs[next++] as number) : reckon(...from.map(read));
      }
      for (const { word, slot } of ofHeader) write(slot, read(word));
    };
  }
}
