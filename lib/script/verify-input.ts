/**
 * What an input must fulfil, but for the curve arithmetic, which the Verifier port does. This is the
 * whole script engine: a coin is P2PKH, and what spends it is two pushes.
 */
import { checkSignatureEncoding } from '../crypto/der.ts';
import { hash160 } from '../crypto/hash.ts';
import { refuse } from '../rejects.ts';
import type { SignatureCheck, Tx, Verdict } from '../types.ts';
import { isPublicKeyForm, matchP2pkh, parseScriptSig } from './p2pkh.ts';
import { sighashAll } from './sighash.ts';

/** The curve's field. */
const FIELD = 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2fn;
const CURVE_B = 7n;

const toNumber = (bytes: Uint8Array): bigint => {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return value;
};

/**
 * Whether the key may be a point. For 04 the curve's equation is checked; a compressed key whose x
 * has no point is left to the Verifier, where no signature holds under it: finding out costs more
 * than verifying.
 */
function mayBePoint(key: Uint8Array): boolean {
  const x = toNumber(key.subarray(1, 33));
  if (x >= FIELD) return false;
  if (key.length === 33) return true;
  const y = toNumber(key.subarray(33));
  return y < FIELD && (y * y - x * x * x - CURVE_B) % FIELD === 0n;
}

const equals = (a: Uint8Array, b: Uint8Array): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/**
 * The signature check that the input needs. Rejects: `stack-scriptsig`, `stack-pubkey`,
 * `stack-pubkey-hash`, `stack-der`, `stack-high-s`, `stack-hash-type`, `stack-output`.
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
  if (!equals(hash160(publicKey), named)) return refuse('stack-pubkey-hash');
  const parsed = checkSignatureEncoding(signature);
  if (!parsed.ok) return parsed;
  const digest = sighashAll(tx, index, coinScript);
  return { ok: true, value: { publicKey, digest, signature: parsed.value } };
}
