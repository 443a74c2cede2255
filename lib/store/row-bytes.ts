/**
 * Bytes of stored values: little-endian integers as on Bitcoin's wire, and base-128 varints. Owns
 * no layout (layout.ts) and no bounds of what came from outside: rows are our own, so a short one
 * is damage, a Fault.
 */
import { Fault } from '../faults.ts';

const BASE = 0x80;
const WORD = 0x1_0000_0000;
const HASH_BYTES = 32;
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);
const SIZE_DEFAULT = 64;
/** Value of a character code as a lower-case hex digit. */
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, '0123456789abcdef'.indexOf(String.fromCharCode(code))),
);

/** Writes a value's bytes. A block has thousands of rows: give the size, and nothing is copied. */
export class RowWriter {
  #bytes: Uint8Array;
  #at = 0;

  constructor(size = SIZE_DEFAULT) {
    this.#bytes = new Uint8Array(size);
  }

  /** Where the next `count` bytes go. */
  #take(count: number): number {
    const at = this.#at;
    const end = at + count;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#at = end;
    return at;
  }

  u8(value: number): this {
    const at = this.#take(1);
    this.#bytes[at] = value;
    return this;
  }

  u32(value: number): this {
    const at = this.#take(4);
    const bytes = this.#bytes;
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
    return this;
  }

  /** 0 .. 2^53 - 1. */
  u53(value: number): this {
    return this.u32(value % WORD).u32(Math.floor(value / WORD));
  }

  u64(value: bigint): this {
    // Sums are nearly always small, and numbers are faster.
    if (value <= SAFE_MAX) return this.u53(Number(value));
    return this.u32(Number(value & 0xffffffffn)).u32(Number((value >> 32n) & 0xffffffffn));
  }

  /** 7 bits a byte, low bits first, the top bit set on all but the last. 0 .. 2^53 - 1. */
  varint(value: number): this {
    let rest = value;
    while (rest >= BASE) {
      this.u8((rest % BASE) + BASE);
      rest = Math.floor(rest / BASE);
    }
    return this.u8(rest);
  }

  bytes(value: Uint8Array): this {
    const at = this.#take(value.length);
    this.#bytes.set(value, at);
    return this;
  }

  /** An id in display order, written in wire order: 32 bytes. */
  hash(id: string): this {
    const at = this.#take(HASH_BYTES);
    const bytes = this.#bytes;
    for (let i = 0; i < HASH_BYTES; i++) {
      const from = 2 * (HASH_BYTES - 1 - i);
      const high = DIGITS[id.charCodeAt(from)] as number;
      bytes[at + i] = (high << 4) | (DIGITS[id.charCodeAt(from + 1)] as number);
    }
    return this;
  }

  done(): Uint8Array {
    return this.#at === this.#bytes.length ? this.#bytes : this.#bytes.slice(0, this.#at);
  }
}

/** Reads back what RowWriter wrote. Throws Fault `store-damaged` when the value is too short. */
export class RowReader {
  readonly #value: Uint8Array;
  #at = 0;

  constructor(value: Uint8Array) {
    this.#value = value;
  }

  get left(): number {
    return this.#value.length - this.#at;
  }

  u8(): number {
    const byte = this.#value[this.#at++];
    if (byte === undefined) throw new Fault('store-damaged', 'a stored value is too short');
    return byte;
  }

  u32(): number {
    return this.u8() + this.u8() * 0x100 + this.u8() * 0x1_0000 + this.u8() * 0x100_0000;
  }

  u53(): number {
    const low = this.u32();
    return low + this.u32() * WORD;
  }

  u64(): bigint {
    const low = BigInt(this.u32());
    return low + (BigInt(this.u32()) << 32n);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= BASE) {
      const byte = this.u8();
      value += (byte % BASE) * scale;
      if (byte < BASE) return value;
    }
  }

  bytes(count: number): Uint8Array {
    if (this.left < count) throw new Fault('store-damaged', 'a stored value is too short');
    this.#at += count;
    return this.#value.slice(this.#at - count, this.#at);
  }

  rest(): Uint8Array {
    return this.bytes(this.left);
  }
}
