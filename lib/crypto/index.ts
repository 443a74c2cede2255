/** Hashes, signatures, Merkle roots. */
export * from './der.ts';
export * from './ecdsa.ts';
export * from './hash.ts';
export * from './merkle.ts';
