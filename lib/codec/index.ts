/** Bytes and values, both ways. */
export * from './address.ts';
export * from './base58.ts';
export * from './block.ts';
export * from './header.ts';
export * from './hex.ts';
export * from './reader.ts';
export * from './tx.ts';
export * from './verdict.ts';
export * from './writer.ts';
