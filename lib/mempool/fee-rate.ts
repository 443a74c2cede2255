/**
 * Fee rates as exact fractions: a fee and the bytes it pays for. Owns comparing and scaling them;
 * no division result is ever compared with money.
 */

/** What a set of transactions pays, and its size. */
export interface FeeSum {
  readonly feeSats: number;
  readonly bytes: number;
}

const BYTES_PER_RATE = 1000n;

/** Below 0: `a` pays less per byte than `b`. 0: the same. */
export function compareFeeRates(a: FeeSum, b: FeeSum): number {
  const left = a.feeSats * b.bytes;
  const right = b.feeSats * a.bytes;
  if (left <= Number.MAX_SAFE_INTEGER && right <= Number.MAX_SAFE_INTEGER) return left - right;
  const exactLeft = BigInt(a.feeSats) * BigInt(b.bytes);
  const exactRight = BigInt(b.feeSats) * BigInt(a.bytes);
  return exactLeft < exactRight ? -1 : exactLeft > exactRight ? 1 : 0;
}

/** Sats that `bytes` cost at `rate` sats per 1,000 bytes, rounded up: a rate is a least rate. */
export const feeAt = (rate: number, bytes: number): number =>
  divideUp(BigInt(rate) * BigInt(bytes), BYTES_PER_RATE);

/** Sats per 1,000 bytes, rounded up. */
export const rateOf = ({ feeSats, bytes }: FeeSum): number =>
  divideUp(BigInt(feeSats) * BYTES_PER_RATE, BigInt(bytes));

const divideUp = (value: bigint, by: bigint): number => Number((value + by - 1n) / by);

export const addFees = (a: FeeSum, b: FeeSum): FeeSum => ({
  feeSats: a.feeSats + b.feeSats,
  bytes: a.bytes + b.bytes,
});
