/** Bits in the forms that people and clients read. */
import { decodeCompact } from '../consensus/pow.ts';

/** Difficulty 1 has this mantissa and 29 bytes (Core's GetDifficulty). A figure to show, no rule. */
const MANTISSA = 0xffff;
const BYTES = 29;

export function difficultyOf(bits: number): number {
  const bytes = bits >>> 24;
  return (MANTISSA / (bits & 0xffffff)) * 256 ** (BYTES - bytes);
}

export const bitsText = (bits: number): string => bits.toString(16).padStart(8, '0');
export const targetText = (bits: number): string =>
  decodeCompact(bits).target.toString(16).padStart(64, '0');
