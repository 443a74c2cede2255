/** Chooses the fastest Verifier that this machine has; its name says which it is. */
import type { Verifier } from '../ports/verifier.ts';
import { withSignatureCache } from './caching-verifier.ts';
import { createNativeVerifier } from './native-verifier.ts';
import { createNobleVerifier } from './noble-verifier.ts';
import { createWasmVerifier } from './wasm-verifier.ts';

/**
 * Native if it loads, else WebAssembly at a quarter of its speed, else plain JavaScript (`name` is
 * then `noble`, and the host should say so).
 */
export const fastestVerifier = (): Verifier =>
  createNativeVerifier() ?? createWasmVerifier() ?? createNobleVerifier();

/** The fastest of this machine, in the calling thread, behind a cache of valid signatures. */
export function createVerifier(options: { readonly cacheMax?: number } = {}): Verifier {
  return withSignatureCache(fastestVerifier(), options.cacheMax);
}
