/** Failures of our own machinery: store, queue, network, disk. Thrown; never used for a broken rule. */
export type FaultCode =
  | 'store-closed'
  | 'store-in-use'
  | 'store-damaged'
  | 'store-foreign'
  | 'store-newer'
  | 'store-io'
  | 'store-limit'
  | 'snapshot-too-old'
  | 'commit-contention'
  | 'commit-unknown'
  | 'transport'
  | 'keystore'
  | 'worker';

export class Fault extends Error {
  readonly code: FaultCode;
  constructor(code: FaultCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'Fault';
    this.code = code;
  }
}

/** An assumption of ours is false: a bug, not a fault. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
