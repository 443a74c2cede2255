/**
 * A Verifier that remembers which signatures were valid, so that a block whose transactions came
 * through the mempool is connected without checking them again. Owns the memory; checks nothing.
 */
import type { Verifier } from '../ports/verifier.ts';
import type { SignatureCheck } from '../types.ts';

/** Entries kept at most, about 250 bytes each. */
export const SIGNATURE_CACHE_MAX = 100_000;

/**
 * Keeps at most `max` valid signatures: two generations of half as many, the older of which is
 * dropped whole when the younger is full. What is invalid is not remembered.
 */
export function withSignatureCache(verifier: Verifier, max = SIGNATURE_CACHE_MAX): Verifier {
  const generationMax = Math.max(1, Math.floor(max / 2));
  let young = new Set<string>();
  let old = new Set<string>();
  const remember = (key: string): void => {
    if (young.size >= generationMax) {
      old = young;
      young = new Set();
    }
    young.add(key);
  };
  return {
    name: verifier.name,
    async firstInvalid(checks) {
      const keys = checks.map(cacheKey);
      const unknown = checks.flatMap((_, i) => {
        const key = keys[i] as string;
        return young.has(key) || old.has(key) ? [] : [i];
      });
      const failed = await verifier.firstInvalid(unknown.map((i) => checks[i] as SignatureCheck));
      const checked = failed === -1 ? unknown : unknown.slice(0, failed);
      for (const i of checked) remember(keys[i] as string);
      return failed === -1 ? -1 : (unknown[failed] as number);
    },
  };
}

/** All that the verdict depends on. The lengths of digest and signature are fixed. */
const cacheKey = ({ digest, signature, publicKey }: SignatureCheck): string =>
  latin1(digest) + latin1(signature) + latin1(publicKey);

const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
