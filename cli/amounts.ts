/**
 * Amounts as people write them. Owns the way from coins as text to integer base units; the way
 * back is `coinsText` of lib/api/seed-json.ts. Neither goes by a float.
 */
import type { Sats } from '../lib/types.ts';

const DECIMALS = 8;
const SATS_MAX = 2_100_000_000_000_000n;
const COINS = /^([0-9]{1,8})(?:\.([0-9]{1,8}))?$/;

/**
 * Coins with at most 8 decimal places as base units; undefined if the text is no such number or
 * is more than all coins there can be.
 *
 * @example
 * parseCoins('0.1'); // 10_000_000
 */
export function parseCoins(text: string): Sats | undefined {
  const match = COINS.exec(text);
  if (match === null) return undefined;
  const sats = BigInt(`${match[1]}${(match[2] ?? '').padEnd(DECIMALS, '0')}`);
  return sats <= SATS_MAX ? (Number(sats) as Sats) : undefined;
}
