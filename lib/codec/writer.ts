/** Writes Bitcoin's wire form into one buffer that grows. */
const START_BYTES = 256;
const WORD = 0x1_0000_0000;
const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER);

/** Bytes that a CompactSize takes. */
export const compactSizeBytes = (value: number): number => {
  if (value < 0xfd) return 1;
  if (value <= 0xffff) return 3;
  return value < WORD ? 5 : 9;
};

export class ByteWriter {
  #buffer: Uint8Array;
  #length = 0;

  /** `expected`: bytes to make room for at once. */
  constructor(expected = START_BYTES) {
    this.#buffer = new Uint8Array(expected);
  }

  #room(count: number): number {
    const at = this.#length;
    const need = at + count;
    if (need > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(need, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
    }
    this.#length = need;
    return at;
  }

  u8(value: number): this {
    // Not in one expression: the room may lie in a new buffer.
    const at = this.#room(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#room(2);
    this.#buffer[at] = value;
    this.#buffer[at + 1] = value >>> 8;
    return this;
  }

  /** Signed or unsigned. */
  u32(value: number): this {
    const at = this.#room(4);
    const buffer = this.#buffer;
    buffer[at] = value;
    buffer[at + 1] = value >>> 8;
    buffer[at + 2] = value >>> 16;
    buffer[at + 3] = value >>> 24;
    return this;
  }

  /** Signed or unsigned. */
  u64(value: bigint): this {
    // Amounts fit a double, and doubles divide faster than bigints shift.
    if (value >= 0n && value <= MAX_EXACT) {
      const number = Number(value);
      return this.u32(number % WORD).u32(Math.floor(number / WORD));
    }
    const wide = BigInt.asUintN(64, value);
    return this.u32(Number(wide & 0xffff_ffffn)).u32(Number(wide >> 32n));
  }

  bytes(value: Uint8Array): this {
    const at = this.#room(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** 0 .. 2^53 - 1. */
  compactSize(value: number): this {
    if (value < 0xfd) return this.u8(value);
    if (value <= 0xffff) return this.u8(0xfd).u16(value);
    if (value < WORD) return this.u8(0xfe).u32(value);
    return this.u8(0xff).u64(BigInt(value));
  }

  varBytes(value: Uint8Array): this {
    return this.compactSize(value.length).bytes(value);
  }

  /** What was written, in an array of its own. */
  done(): Uint8Array {
    return this.#buffer.slice(0, this.#length);
  }
}
