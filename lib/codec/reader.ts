/**
 * Reads Bitcoin's wire form. Owns bounds: nothing is read or allocated that the bytes left cannot
 * hold. Throws DecodeError, which decoders of this folder turn into a Verdict.
 */

/** The bytes are not what they should be. Never leaves lib/codec and lib/gossip. */
export class DecodeError extends Error {
  readonly reason: string | undefined;
  constructor(message: string, reason?: string) {
    super(message);
    this.name = 'DecodeError';
    this.reason = reason;
  }
}

const HASH_BYTES = 32;
const WORD = 0x1_0000_0000;

export class ByteReader {
  readonly bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    // Views of Node's Buffer would be Buffers too, with habits of their own.
    this.bytes =
      bytes.constructor === Uint8Array
        ? bytes
        : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  #need(count: number): number {
    const from = this.at;
    if (count > this.bytes.length - from) throw new DecodeError('the bytes end too early');
    this.at = from + count;
    return from;
  }

  u8(): number {
    return this.bytes[this.#need(1)] as number;
  }

  u16(): number {
    const at = this.#need(2);
    const { bytes } = this;
    return (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  }

  u32(): number {
    return this.i32() >>> 0;
  }

  i32(): number {
    const at = this.#need(4);
    const { bytes } = this;
    return (
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)
    );
  }

  u64(): bigint {
    const low = this.u32();
    const high = this.u32();
    // Most values fit a double: making the bigint once is cheaper than shifting two.
    return high < 0x20_0000 ? BigInt(high * WORD + low) : (BigInt(high) << 32n) + BigInt(low);
  }

  i64(): bigint {
    return BigInt.asIntN(64, this.u64());
  }

  /** A part of the same buffer: not a copy. */
  take(count: number): Uint8Array {
    const at = this.#need(count);
    return this.bytes.subarray(at, at + count);
  }

  hash(): Uint8Array {
    return this.take(HASH_BYTES);
  }

  /** CompactSize in its shortest form only. */
  compactSize(): number {
    const first = this.u8();
    if (first < 0xfd) return first;
    if (first === 0xfd) return this.#shortest(this.u16(), 0xfd);
    if (first === 0xfe) return this.#shortest(this.u32(), 0x1_0000);
    const value = this.u64();
    if (value < BigInt(WORD)) throw new DecodeError('a count is not in its shortest form');
    // More than any buffer holds: the caller's bound refuses it.
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  #shortest(value: number, least: number): number {
    if (value < least) throw new DecodeError('a count is not in its shortest form');
    return value;
  }

  /** A count of things of at least `bytesEach`: no more than the bytes left can hold. */
  count(bytesEach: number): number {
    const count = this.compactSize();
    if (count * bytesEach > this.left)
      throw new DecodeError('a count beyond the bytes that are left');
    return count;
  }

  varBytes(): Uint8Array {
    return this.take(this.count(1));
  }

  end(): void {
    if (this.left > 0) throw new DecodeError(`${this.left} bytes too many`, 'stack-trailing-bytes');
  }
}
