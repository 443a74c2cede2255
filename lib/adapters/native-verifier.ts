/**
 * The Verifier port on libsecp256k1, by the prebuilt binding of the package `secp256k1`. The package
 * falls back to slow JavaScript without a word where it has no build (linux-arm64), so only its
 * binding is asked for, which throws there.
 */
import { createRequire } from 'node:module';
import type { Verifier } from '../ports/verifier.ts';
import type { SignatureCheck } from '../types.ts';
import { firstInvalidBySlices } from './verify-slices.ts';

/** About 10 ms of work at 47 us a check. */
const CHECKS_PER_SLICE = 200;

interface Bindings {
  /** Throws for a key or a signature that does not parse. */
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean;
}

/** Undefined where there is no binding for this platform. */
export function createNativeVerifier(): Verifier | undefined {
  const bindings = loadBindings();
  if (bindings === undefined) return undefined;
  const isValid = ({ signature, digest, publicKey }: SignatureCheck): boolean => {
    try {
      return bindings.ecdsaVerify(signature, digest, publicKey);
    } catch {
      return false;
    }
  };
  return {
    name: 'libsecp256k1',
    firstInvalid: (checks) => firstInvalidBySlices(checks, isValid, CHECKS_PER_SLICE),
  };
}

function loadBindings(): Bindings | undefined {
  try {
    return createRequire(import.meta.url)('secp256k1/bindings') as Bindings;
  } catch {
    return undefined;
  }
}
