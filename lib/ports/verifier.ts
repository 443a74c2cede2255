import type { SignatureCheck } from '../types.ts';

/** Checks ECDSA signatures whose encodings were already checked by our own rules. */
export interface Verifier {
  /** The library that does the work, e.g. `noble` or `libsecp256k1`. */
  readonly name: string;
  /** The index of the first check that fails, or -1. Same verdicts from every adapter. */
  firstInvalid(checks: readonly SignatureCheck[]): Promise<number>;
}
