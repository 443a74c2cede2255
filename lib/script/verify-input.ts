/**
 * What an input must fulfil, but for the curve arithmetic, which the Verifier port does. This is the
 * whole script engine: a coin is P2PKH, and what spends it is two pushes.
 */
import { equalBytes, toHex } from '../codec/hex.ts';
import { checkSignatureEncoding } from '../crypto/der.ts';
import { hash160 } from '../crypto/hash.ts';
import { refuse, scriptFailure } from '../rejects.ts';
import type { SignatureCheck, Tx, Verdict } from '../types.ts';
import { isPublicKeyForm, matchP2pkh, parseScriptSig } from './p2pkh.ts';
import { sighashAll } from './sighash.ts';

/** The curve's field. */
const FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn;
const CURVE_B = 7n;

const toNumber = (bytes: Uint8Array): bigint => BigInt(`0x${toHex(bytes)}`);

/** Nearly every number below 2^256 differs from the field's in its first byte: no bigint needed. */
const isBelowField = (key: Uint8Array, at: number): boolean =>
  key[at] !== 0xff || toNumber(key.subarray(at, at + 32)) < FIELD;

/**
 * Whether the key may be a point. For 04 the curve's equation is checked; a compressed key whose x
 * has no point is left to the Verifier, where no signature holds under it: finding out costs more
 * than verifying.
 */
function mayBePoint(key: Uint8Array): boolean {
  if (!isBelowField(key, 1)) return false;
  if (key.length === 33) return true;
  if (!isBelowField(key, 33)) return false;
  const x = toNumber(key.subarray(1, 33));
  const y = toNumber(key.subarray(33));
  return (y * y - x * x * x - CURVE_B) % FIELD === 0n;
}

/**
 * The signature check that the input needs. Rejects: `stack-output`, `stack-scriptsig`,
 * `stack-pubkey`, `stack-high-s`, `stack-hash-type`, and Core's `block-script-verify-flag-failed`
 * with the script error in brackets for another key than the coin's and for what BIP66 refuses.
 */
export function inputSignatureCheck(
  tx: Tx,
  index: number,
  coinScript: Uint8Array,
): Verdict<SignatureCheck> {
  const scriptSig = tx.inputs[index]?.scriptSig ?? new Uint8Array(0);
  const named = matchP2pkh(coinScript);
  if (named === undefined) return refuse('stack-output', 'the coin is not P2PKH');
  const pushes = parseScriptSig(scriptSig);
  if (!pushes.ok) return pushes;
  const { signature, publicKey } = pushes.value;
  if (!isPublicKeyForm(publicKey) || !mayBePoint(publicKey)) return refuse('stack-pubkey');
  if (!equalBytes(hash160(publicKey), named)) {
    return scriptFailure('Script failed an OP_EQUALVERIFY operation');
  }
  const parsed = checkSignatureEncoding(signature);
  if (!parsed.ok) return parsed;
  const digest = sighashAll(tx, index, coinScript);
  return { ok: true, value: { publicKey, digest, signature: parsed.value } };
}
