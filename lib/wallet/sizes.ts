/** How many bytes a payment takes before it is signed, and what they cost. Pure arithmetic. */

/** Outpoint 36, script length 1, signature 1 + 72, key 1 + 33, sequence 4. A signature is often 71. */
export const INPUT_BYTES = 148;
/** Value 8, script length 1, P2PKH script 25. */
const OUTPUT_BYTES = 34;
const FRAME_BYTES = 8;
/** Policy of every public node: a larger transaction is not relayed (Core's MAX_STANDARD_TX_WEIGHT / 4). */
const TX_BYTES_MAX = 100_000;
/** An output below this costs more to spend than it holds, and is not relayed (Core, 3 sat/byte). */
export const DUST_SATS = 546;
export const SATS_MAX = 21e14;

const compactSizeBytes = (count: number): number => (count < 0xfd ? 1 : 3);

/** Most bytes that a transaction of P2PKH inputs and outputs has once it is signed. */
export const txBytesMax = (inputs: number, outputs: number): number =>
  FRAME_BYTES +
  compactSizeBytes(inputs) +
  INPUT_BYTES * inputs +
  compactSizeBytes(outputs) +
  OUTPUT_BYTES * outputs;

/** As many coins as one payment with change may spend. */
export const INPUTS_MAX = Math.floor((TX_BYTES_MAX - txBytesMax(253, 2)) / INPUT_BYTES) + 253;

/** By a rate in sats per 1,000 bytes, rounded up; or a sum that the user named. */
export type FeeRule = { readonly rate: number } | { readonly sats: number };

export const feeOf = (rule: FeeRule, bytes: number): number =>
  'sats' in rule ? rule.sats : divideUp(rule.rate * bytes, 1000);

/** Whole numbers below 2^53: no rounding on the way. */
const divideUp = (value: number, by: number): number => {
  const rest = value % by;
  return (value - rest) / by + (rest > 0 ? 1 : 0);
};
