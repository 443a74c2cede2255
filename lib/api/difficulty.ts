/** Bits in the forms that people and clients read. */
import { decodeCompact } from '../consensus/pow.ts';

export { difficultyOf } from '../node/status.ts';

export const bitsText = (bits: number): string => bits.toString(16).padStart(8, '0');
export const targetText = (bits: number): string =>
  decodeCompact(bits).target.toString(16).padStart(64, '0');
