/**
 * Targets, their compact form, work, and how targets follow from the chain. Owns arithmetic on
 * bigints; which retarget a network uses is context.ts's.
 */

export interface CompactTarget {
  /** Absolute value; of no use when negative or overflowing. */
  readonly target: bigint;
  readonly negative: boolean;
  readonly overflow: boolean;
}

/** nBits (unsigned 32 bit) to a target, as Bitcoin reads it: 8 bits of size, a sign, 23 bits. */
export function decodeCompact(bits: number): CompactTarget {
  const size = bits >>> 24;
  const digits = bits & 0x007f_ffff;
  // What a small size shifts out counts for nothing, not even for the sign.
  const word = size <= 3 ? digits >>> (8 * (3 - size)) : digits;
  const negative = word !== 0 && (bits & 0x0080_0000) !== 0;
  const overflow =
    word !== 0 && (size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32));
  const target = size <= 3 ? BigInt(word) : BigInt(word) << BigInt(8 * (size - 3));
  return { target, negative, overflow };
}

/**
 * The compact form of a number (0 or more), which keeps its top 16 to 23 bits. `negative`: with the
 * sign, which no target has; decodeCompact tells of it.
 */
export function encodeCompact(target: bigint, negative = false): number {
  let size = 0;
  for (let rest = target; rest > 0n; rest >>= 8n) size++;
  let word =
    size <= 3 ? Number(target << BigInt(8 * (3 - size))) : Number(target >> BigInt(8 * (size - 3)));
  // The bit of the sign must stay free.
  if (word & 0x0080_0000) {
    word >>>= 8;
    size++;
  }
  const sign = negative && word !== 0 ? 0x0080_0000 : 0;
  return ((size << 24) | sign | word) >>> 0;
}

const HASHES = 1n << 256n;

/** Hashes that finding a block takes on average: 2^256 / (target + 1). 0 for bits that are no target. */
export function work(bits: number): bigint {
  const { target, negative, overflow } = decodeCompact(bits);
  return negative || overflow || target === 0n ? 0n : HASHES / (target + 1n);
}

const CLAMP = 4n;

/**
 * Bitcoin's retarget: the old target scaled by the time that the window took, clamped to a factor 4
 * and to the full powLimit, then encoded. `timespan`: last time less first time of the window,
 * seconds; the window has one interval less than blocks, as in Bitcoin.
 */
export function nextBits(
  bits: number,
  timespan: number,
  rule: { readonly spacing: number; readonly window: number; readonly powLimit: bigint },
): number {
  const wanted = BigInt(rule.spacing) * BigInt(rule.window);
  let taken = BigInt(timespan);
  if (taken < wanted / CLAMP) taken = wanted / CLAMP;
  if (taken > wanted * CLAMP) taken = wanted * CLAMP;
  const target = (decodeCompact(bits).target * taken) / wanted;
  return encodeCompact(target > rule.powLimit ? rule.powLimit : target);
}

const RADIX_BITS = 16n;
const RADIX = 1n << RADIX_BITS;

/**
 * aserti3-2d: the anchor's target scaled by 2^((timeDiff - spacing * (heightDiff + 1)) / halfLife),
 * in integers. The exponent's division truncates toward zero, its shift rounds down.
 */
export function asertBits(input: {
  readonly anchorBits: number;
  /** Seconds from the anchor's parent to the block before the one whose bits are asked. */
  readonly timeDiff: number;
  /** Blocks from the anchor to that block. */
  readonly heightDiff: number;
  readonly spacing: number;
  readonly halfLife: number;
  readonly powLimit: bigint;
}): number {
  const { anchorBits, timeDiff, heightDiff, spacing, halfLife, powLimit } = input;
  const late = BigInt(timeDiff) - BigInt(spacing) * BigInt(heightDiff + 1);
  const exponent = (late * RADIX) / BigInt(halfLife);
  const shifts = exponent >> RADIX_BITS;
  const fraction = exponent - (shifts << RADIX_BITS);
  // 2^x on [0, 1) as a cubic, error below 0.013 %.
  const factor =
    RADIX +
    ((195_766_423_245_049n * fraction +
      971_821_376n * fraction ** 2n +
      5127n * fraction ** 3n +
      (1n << 47n)) >>
      48n);
  const scaled = decodeCompact(anchorBits).target * factor;
  const net = shifts - RADIX_BITS;
  // Beyond 2^512 nothing but the limit is left.
  if (net > 512n) return encodeCompact(powLimit);
  const target = net < 0n ? scaled >> -net : scaled << net;
  if (target === 0n) return encodeCompact(1n);
  return encodeCompact(target > powLimit ? powLimit : target);
}
