/**
 * Straight-line code on 32-bit words for four nonces at once, in the lanes of a vector. What does not
 * change from nonce to nonce is not in the code: it is reckoned once a header, and what never changes
 * is reckoned here.
 */
import { type Bytes, signed, TYPE, unsigned } from './module.ts';

export const LANES = 4;
const VECTOR_BYTES = 16;

/** A word, by what it changes with. */
export type Word =
  | { readonly by: 'nothing'; readonly value: number }
  /** `index`: among the values of a header. */
  | { readonly by: 'header'; readonly index: number }
  /** The local that holds it for all lanes. */
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
  lessUnsigned: 0x49,
  add: 0x6a,
} as const;
/** After the prefix 0xfd: v128, i8x16 (shuffle) and i32x4. */
const VECTOR_OP = {
  load: 0x00,
  const: 0x0c,
  shuffle: 0x0d,
  splat: 0x11,
  atMostUnsigned: 0x3e,
  and: 0x4e,
  or: 0x50,
  xor: 0x51,
  anyTrue: 0x53,
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
/** The bytes of each word back to front. */
const SWAP_BYTES = [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12];
/** What the lanes' nonces are beyond the first. */
const RAMP = [0, 1, 2, 3].flatMap((lane) => [lane, 0, 0, 0]);
/** As an operand of `load`: 2^4 bytes. */
const ALIGNMENT = 4;

/** Parameters of the code: the first nonce, and how often four of them are tried. */
const START = 0;
const GROUPS = 1;
const GROUP = 2;
const FIRST_VECTOR = 3;

export class VectorCode {
  readonly #code: number[] = [];
  /** How each value of a header follows from those before it; inputs follow from none. */
  readonly #values: { readonly reckon: Reckon; readonly from: readonly FixedWord[] }[] = [];
  /** Places in memory of what the code loads: cheaper than constants in it, which V8 makes anew. */
  readonly #slots = new Map<string, { readonly word: FixedWord; readonly slot: number }>();
  #vectors = 0;

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

  #fresh(): NonceWord {
    return { by: 'nonce', local: FIRST_VECTOR + this.#vectors++ };
  }

  /** A fresh local a value: V8 finds their registers itself. */
  #assign(build: () => void): Word {
    const word = this.#fresh();
    build();
    this.#emit(set(word.local));
    return word;
  }

  #emit(...parts: readonly Bytes[]): this {
    for (const part of parts) this.#code.push(...part);
    return this;
  }

  #slotOf(word: FixedWord): number {
    const key = word.by === 'header' ? `header ${word.index}` : `${word.value}`;
    const { slot } = this.#slots.get(key) ?? { slot: this.#slots.size };
    this.#slots.set(key, { word, slot });
    return slot;
  }

  push(word: Word): this {
    if (word.by === 'nonce') return this.#emit(get(word.local));
    const offset = unsigned(VECTOR_BYTES * this.#slotOf(word));
    return this.#emit(constant(0), onVectors('load', ALIGNMENT, ...offset));
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

  swapBytes(word: Word): this {
    return this.push(word)
      .push(word)
      .#emit(onVectors('shuffle', ...SWAP_BYTES));
  }

  /**
   * Tries group after group of nonces; answers the number of the first in which a word that `body`
   * makes of a nonce is at most `limit` (unsigned), or -1.
   */
  search(body: (nonce: Word) => Word, limit: Word): void {
    const nonce = this.#fresh();
    this.#emit(get(START), onVectors('splat'), onVectors('const', ...RAMP), onVectors('add'));
    this.#emit(set(nonce.local), [OP.loop, TYPE.empty]);
    this.push(body(nonce)).push(limit);
    this.#emit(onVectors('atMostUnsigned'), onVectors('anyTrue'));
    this.#emit([OP.if, TYPE.empty], get(GROUP), [OP.return, OP.end]);
    this.push(nonce).push(known(LANES)).add().#emit(set(nonce.local));
    this.#emit(get(GROUP), constant(1), [OP.add, OP.tee, GROUP], get(GROUPS));
    this.#emit([OP.lessUnsigned, OP.branchIf, 0, OP.end], constant(-1));
  }

  /** The function, for `makeModule`. */
  parts() {
    return {
      params: [TYPE.i32, TYPE.i32],
      results: [TYPE.i32],
      locals: [[1, TYPE.i32] as const, [this.#vectors, TYPE.v128] as const],
      code: this.#code,
    };
  }

  /** Writes what never changes; answers how a header's inputs are written, in the order of `input`. */
  writer(memory: Int32Array): (inputs: ArrayLike<number>) => void {
    const write = (slot: number, value: number): void => {
      memory.fill(value, LANES * slot, LANES * (slot + 1));
    };
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
