/**
 * What passes between the miner and its threads: messages, and a few words of shared memory for what
 * a thread in its inner loop must see or say without stopping.
 */
import type { Kernel } from '../lib/adapters/wasm-engine.ts';
import type { MiningJob } from '../lib/mining/types.ts';

/** Words of the shared array. Each thread's count of nonces tried follows, modulo 2^32. */
export const CONTROL = {
  /** Number of the search that is wanted; a thread stops when it is not its own any more. */
  generation: 0,
  /** Unix seconds, unsigned: the time that headers bear, unless the template wants a later one. */
  time: 1,
  counts: 2,
} as const;

export interface WorkerSetup {
  readonly control: Int32Array;
  readonly index: number;
  /** See loadEngine. */
  readonly wide?: Kernel;
}

/** To a thread: search until the generation changes. */
export interface SearchMessage {
  readonly generation: number;
  readonly job: MiningJob;
  /** As long as the job's; its last two bytes are the thread's own to count up. */
  readonly extraNonce: Uint8Array;
}

/** From a thread. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly engine: string }
  | {
      readonly kind: 'found';
      readonly generation: number;
      readonly extraNonce: Uint8Array;
      readonly time: number;
      readonly nonce: number;
    };
