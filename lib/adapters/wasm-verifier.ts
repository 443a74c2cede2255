/**
 * The Verifier port on libsecp256k1 compiled to WebAssembly, by libauth: for machines that have no
 * native build, Lambda's arm64 among them. Only libauth's own module for the curve is loaded (the
 * whole library takes ten times as long), and only when there is something to verify.
 */
import type { Secp256k1 } from '@bitauth/libauth';
import type { Verifier } from '../ports/verifier.ts';
import type { SignatureCheck } from '../types.ts';
import { firstInvalidBySlices } from './verify-slices.ts';

/** About 10 ms of work at 140 us a check. */
const CHECKS_PER_SLICE = 70;

/** Undefined where the runtime has no WebAssembly (Node's --jitless). */
export function createWasmVerifier(): Verifier | undefined {
  if (!('WebAssembly' in globalThis)) return undefined;
  let loading: Promise<Secp256k1> | undefined;
  const library = (): Promise<Secp256k1> => {
    loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    });
    return loading;
  };
  return {
    name: 'libsecp256k1-wasm',
    async firstInvalid(checks) {
      if (checks.length === 0) return -1;
      const secp256k1 = await library();
      const isValid = ({ signature, digest, publicKey }: SignatureCheck): boolean => {
        // libauth pads what it is given; a length that is not ours must not become another key.
        if (signature.length !== 64 || digest.length !== 32) return false;
        if (publicKey.length !== 33 && publicKey.length !== 65) return false;
        return secp256k1.verifySignatureCompactLowS(signature, publicKey, digest);
      };
      return firstInvalidBySlices(checks, isValid, CHECKS_PER_SLICE);
    },
  };
}

async function load(): Promise<Secp256k1> {
  const { instantiateSecp256k1 } = await import('@bitauth/libauth/build/lib/crypto/secp256k1.js');
  return instantiateSecp256k1();
}
