/** The two templates, pushes, digests; no interpreter. */
export * from './op-return.ts';
export * from './p2pkh.ts';
export * from './push.ts';
export * from './sighash.ts';
export * from './sigops.ts';
export * from './verify-input.ts';
