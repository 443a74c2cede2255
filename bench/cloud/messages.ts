/** What the bench and its probes say to each other. Times: milliseconds of the machine's clock. */
import type { BlockHash } from '../../lib/types.ts';

/** To a probe. */
export type Order =
  /** Finds a block on its present work and hands it in. */
  | { readonly kind: 'find' }
  /** Looks again and again until its stack has another tip. */
  | { readonly kind: 'watch' }
  | { readonly kind: 'stop' };

export interface Find {
  readonly kind: 'found';
  readonly hash: BlockHash;
  readonly foundAt: number;
  /** Connected in the finder's own table. */
  readonly tipAt: number;
  /** The first send to a peer's queue began, the last was answered. */
  readonly toldAt: number;
  readonly sentAt: number;
}

/** From a probe. */
export type Report =
  | { readonly kind: 'ready' }
  | { readonly kind: 'watching' }
  /** Its miner has work on this block. */
  | { readonly kind: 'work'; readonly prevHash: BlockHash; readonly at: number }
  | { readonly kind: 'tip'; readonly hash: BlockHash; readonly at: number }
  | Find
  | { readonly kind: 'failed'; readonly reason: string };

/** Finer than Date.now(), and the same in all processes of a machine. */
export const nowMs = (): number => performance.timeOrigin + performance.now();
