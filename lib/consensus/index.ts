/** The rules. Pure and synchronous: no promise, no clock, no I/O. */
export * from './check-block.ts';
export * from './check-header.ts';
export * from './check-inputs.ts';
export * from './check-transaction.ts';
export * from './connect.ts';
export * from './context.ts';
export * from './limits.ts';
export * from './locks.ts';
export * from './pow.ts';
export * from './subsidy.ts';
export type * from './types.ts';
