/** Amounts of coins in arguments, by Core's rules. Owns the way from a caller's number to base units. */
import { invalidParameter, RPC, RpcError } from './errors.ts';

const DECIMALS = 8;
const SATS_MAX = 2_100_000_000_000_000n;
const SATS_PER_COIN = 100_000_000;
/** A JSON number; more places than any amount has only cost time. */
const NUMBER = /^(-?)(0|[1-9]\d{0,19})(?:\.(\d{1,19}))?(?:[eE]([+-]?\d{1,2}))?$/;

/** In base units; undefined for what is no number or has more than 8 places. No float on the way. */
function parseFixed(text: string): bigint | undefined {
  const [, sign, whole, places = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const digits = BigInt(whole + places);
  const shift = DECIMALS + Number(exponent) - places.length;
  const unit = 10n ** BigInt(Math.abs(shift));
  if (shift < 0 && digits % unit !== 0n) return undefined;
  const size = shift < 0 ? digits / unit : digits * unit;
  return sign === '-' ? -size : size;
}

/** Core's AmountFromValue. */
function amountOf(value: unknown): number {
  const fail = (message: string): never => {
    throw new RpcError(RPC.typeError, message);
  };
  if (typeof value !== 'number' && typeof value !== 'string') {
    return fail('Amount is not a number or string');
  }
  const sats = parseFixed(String(value)) ?? fail('Invalid amount');
  if (sats < 0n || sats > SATS_MAX) fail('Amount out of range');
  return Number(sats);
}

/** Core's ParseFeeRate: base units per 1,000 bytes, from coins. */
export function feeRateOf(value: unknown): number {
  const rate = amountOf(value);
  // A whole coin per kilobyte is a rate that was meant in another unit.
  if (rate >= SATS_PER_COIN) {
    throw invalidParameter('Fee rates larger than or equal to 1BTC/kvB are not accepted');
  }
  return rate;
}
