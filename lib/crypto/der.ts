/**
 * Signatures as they lie in a script: strict DER (BIP66), then one byte of hash type. All of it is
 * checked here, so that every library that verifies gives the same verdict.
 *
 *   30 length 02 length-of-r r 02 length-of-s s | hash type
 */
import { refuse, scriptFailure } from '../rejects.ts';
import type { Reject, Verdict } from '../types.ts';

const SIGHASH_ALL = 0x01;
const DER_BYTES_MIN = 8;
const DER_BYTES_MAX = 72;
const NUMBER_BYTES = 32;
const N = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const toNumberBytes = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: NUMBER_BYTES }, (_, i) =>
    Number((value >> BigInt(248 - 8 * i)) & 0xffn),
  );
const ORDER = toNumberBytes(N);
const HALF_ORDER = toNumberBytes(N / 2n);
const ZERO = new Uint8Array(NUMBER_BYTES);

/** BIP66 is Bitcoin's rule too, so the reason is Core's. */
function malformed(detail: string): { ok: false; reject: Reject } {
  const { reject } = scriptFailure('Non-canonical DER signature');
  return { ok: false, reject: { ...reject, detail } };
}

/** Well encoded, but no signature of anything: in Bitcoin, CHECKSIG answers false. */
const outOfRange = (): { ok: false; reject: Reject } =>
  scriptFailure('Script evaluated without error but finished with a false/empty top stack element');

/** Why r or s is not a shortest positive integer, undefined when it is one. */
function integerFault(der: Uint8Array, at: number, length: number): string | undefined {
  if (length === 0) return 'an integer without bytes';
  if ((der[at] as number) & 0x80) return 'a negative integer';
  const isPadded = length > 1 && der[at] === 0 && ((der[at + 1] as number) & 0x80) === 0;
  return isPadded ? 'an integer with a needless zero in front' : undefined;
}

/** Places r or s, big-endian, in its 32 bytes; false when it is longer. */
function place(integer: Uint8Array, into: Uint8Array, end: number): boolean {
  const digits = integer[0] === 0 ? integer.subarray(1) : integer;
  if (digits.length > NUMBER_BYTES) return false;
  into.set(digits, end - digits.length);
  return true;
}

/** Sign of the 32-byte number at `at` less the other. */
function compare(bytes: Uint8Array, at: number, other: Uint8Array): number {
  for (let i = 0; i < NUMBER_BYTES; i++) {
    const difference = (bytes[at + i] as number) - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

const isInRange = (bytes: Uint8Array, at: number): boolean =>
  compare(bytes, at, ORDER) < 0 && compare(bytes, at, ZERO) > 0;

/**
 * DER without a hash type to 64 bytes, r then s. Rejects: `block-script-verify-flag-failed` (BIP66,
 * or r, s not in 1 .. n - 1), `stack-high-s` (s above n / 2).
 */
export function parseDer(der: Uint8Array): Verdict<Uint8Array> {
  const parsed = parseAnyDer(der);
  if (parsed.ok && hasHighS(parsed.value)) return refuse('stack-high-s');
  return parsed;
}

const hasHighS = (signature: Uint8Array): boolean =>
  compare(signature, NUMBER_BYTES, HALF_ORDER) > 0;

/** The same signature with its low S (BIP146): n - s proves what s does, and signers give either. */
export function lowerS(signature: Uint8Array): Uint8Array {
  if (!hasHighS(signature)) return signature;
  const s = signature.subarray(NUMBER_BYTES).reduce((all, byte) => (all << 8n) | BigInt(byte), 0n);
  return Uint8Array.from([...signature.subarray(0, NUMBER_BYTES), ...toNumberBytes(N - s)]);
}

/** As parseDer, but with any S: what others' signers answer. */
export function parseAnyDer(der: Uint8Array): Verdict<Uint8Array> {
  if (der.length < DER_BYTES_MIN || der.length > DER_BYTES_MAX) return malformed('its length');
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return malformed('no sequence of its length');
  const rLength = der[3] as number;
  const sAt = 6 + rLength;
  if (der[2] !== 0x02 || sAt > der.length) return malformed('r is no integer');
  const sLength = der[5 + rLength] as number;
  if (der[4 + rLength] !== 0x02 || sAt + sLength !== der.length)
    return malformed('s is no integer');
  const fault = integerFault(der, 4, rLength) ?? integerFault(der, sAt, sLength);
  if (fault !== undefined) return malformed(fault);
  const signature = new Uint8Array(2 * NUMBER_BYTES);
  const isPlaced =
    place(der.subarray(4, 4 + rLength), signature, NUMBER_BYTES) &&
    place(der.subarray(sAt), signature, 2 * NUMBER_BYTES);
  if (!isPlaced || !isInRange(signature, 0) || !isInRange(signature, NUMBER_BYTES)) {
    return outOfRange();
  }
  return { ok: true, value: signature };
}

/**
 * A signature with its hash type, as scripts push it: strict DER, low S, hash type exactly 01.
 * Answers r then s. Rejects: `block-script-verify-flag-failed`, `stack-high-s`, `stack-hash-type`.
 */
export function checkSignatureEncoding(signature: Uint8Array): Verdict<Uint8Array> {
  if (signature.length === 0) return malformed('no signature');
  const parsed = parseDer(signature.subarray(0, -1));
  if (!parsed.ok) return parsed;
  const hashType = signature[signature.length - 1];
  return hashType === SIGHASH_ALL ? parsed : refuse('stack-hash-type', `hash type ${hashType}`);
}

function encodeInteger(number: Uint8Array): Uint8Array {
  let start = 0;
  while (start < number.length - 1 && number[start] === 0) start++;
  const digits = number.subarray(start);
  if (((digits[0] as number) & 0x80) === 0) return digits;
  const padded = new Uint8Array(digits.length + 1);
  padded.set(digits, 1);
  return padded;
}

/** 64 bytes, r then s, to DER without a hash type. */
export function encodeDer(signature: Uint8Array): Uint8Array {
  const r = encodeInteger(signature.subarray(0, NUMBER_BYTES));
  const s = encodeInteger(signature.subarray(NUMBER_BYTES));
  const body = r.length + s.length + 4;
  return Uint8Array.from([0x30, body, 0x02, r.length, ...r, 0x02, s.length, ...s]);
}
