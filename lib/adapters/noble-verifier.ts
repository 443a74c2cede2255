/**
 * The Verifier port in plain JavaScript: right everywhere, some forty times slower than native code.
 * The fallback where nothing else loads, and the reference that other verifiers are held against.
 */
import { verify } from '@noble/secp256k1';
import type { Verifier } from '../ports/verifier.ts';
import type { SignatureCheck } from '../types.ts';
import { firstInvalidBySlices } from './verify-slices.ts';

/** About 40 ms of work at 2 ms a check. */
const CHECKS_PER_SLICE = 20;

export function createNobleVerifier(): Verifier {
  return {
    name: 'noble',
    firstInvalid: (checks) => firstInvalidBySlices(checks, isValid, CHECKS_PER_SLICE),
  };
}

function isValid({ signature, digest, publicKey }: SignatureCheck): boolean {
  try {
    return verify(signature, digest, publicKey, { prehash: false, lowS: true });
  } catch {
    return false;
  }
}
