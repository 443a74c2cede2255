/** Chooses the fastest Verifier that this machine has; its name says which it is. */
import type { Verifier } from '../ports/verifier.ts';
import { withSignatureCache } from './caching-verifier.ts';
import { createNativeVerifier } from './native-verifier.ts';
import { createNobleVerifier } from './noble-verifier.ts';
import { createWasmVerifier } from './wasm-verifier.ts';

/**
 * Native if it loads, else WebAssembly at a quarter of its speed, else plain JavaScript (`name` is
 * then `noble`, and the host should say so), behind a cache of valid signatures.
 */
export function createVerifier(options: { readonly cacheMax?: number } = {}): Verifier {
  const fastest = createNativeVerifier() ?? createWasmVerifier() ?? createNobleVerifier();
  return withSignatureCache(fastest, options.cacheMax);
}
