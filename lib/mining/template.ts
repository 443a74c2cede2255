/**
 * A block in waiting on the tip: what BIP22 calls a template. Owns its fields and its time; the
 * rules are consensus/'s, called and not repeated, so that what is built here connects. Pure.
 */

import { targetOf } from '../consensus/check-header.ts';
import { medianTimePast, nextBitsFor } from '../consensus/context.ts';
import { BLOCK_BYTES_MAX, BLOCK_SIGOPS_MAX } from '../consensus/limits.ts';
import { subsidy } from '../consensus/subsidy.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { assert } from '../faults.ts';
import type { TemplateTx } from '../mempool/types.ts';
import type { ChainParams } from '../params/chain-params.ts';
import { refuse } from '../rejects.ts';
import type { Sats, UnixSeconds, Verdict } from '../types.ts';
import { valid } from '../types.ts';
import { coinbaseFlags } from './coinbase.ts';
import type { Template } from './types.ts';

/** BIP9's top bits with no bit set, as Core makes blocks. */
const BLOCK_VERSION = 0x2000_0000;
/** Kept free for header, count and a coinbase of any miner's making (Core's reserve is as large). */
const RESERVED_BYTES = 2000;
const RESERVED_SIGOPS = 100;
/** BIP94 against time warps: no block at such a height may go back by more. */
const TIMEWARP_INTERVAL = 144;
const TIMEWARP_SECONDS = 600;

/** What the transactions of a template may take. */
export const TEMPLATE_ROOM = {
  bytesMax: BLOCK_BYTES_MAX - RESERVED_BYTES,
  sigopsMax: BLOCK_SIGOPS_MAX - RESERVED_SIGOPS,
} as const;

/** Least time of a block on this parent. */
export function minTime(parent: BlockEntry): UnixSeconds {
  const afterMedian = medianTimePast(parent) + 1;
  const isGuarded = (parent.height + 1) % TIMEWARP_INTERVAL === 0;
  return isGuarded ? Math.max(afterMedian, parent.header.time - TIMEWARP_SECONDS) : afterMedian;
}

/** Rejects: `clock` (early): the chain's times are further ahead of our clock than peers accept. */
export function blockTime(
  parent: BlockEntry,
  params: ChainParams,
  nowSeconds: UnixSeconds,
): Verdict<UnixSeconds> {
  const time = Math.max(nowSeconds, minTime(parent));
  return time > nowSeconds + params.maxFutureSeconds
    ? refuse('clock', `the next block's time is ${time - nowSeconds} s ahead`)
    : valid(time);
}

/**
 * `txs`: transactions that may follow the coinbase in this order, within TEMPLATE_ROOM.
 * `sequence`: the mempool's, read before them. Rejects: blockTime's.
 */
export function buildTemplate(of: {
  readonly params: ChainParams;
  readonly parent: BlockEntry;
  readonly txs: readonly TemplateTx[];
  readonly sequence: string;
  readonly nowSeconds: UnixSeconds;
}): Verdict<Template> {
  const { params, parent, txs } = of;
  const time = blockTime(parent, params, of.nowSeconds);
  if (!time.ok) return time;
  const height = parent.height + 1;
  const bits = nextBitsFor(parent, params);
  const target = targetOf(bits, params);
  assert(target !== undefined, 'the next block has a target');
  const fees = txs.reduce((sum, { entry }) => sum + entry.feeSats, 0);
  return valid({
    id: templateId(parent, of.sequence),
    version: BLOCK_VERSION,
    prevHash: parent.hash,
    height,
    bits,
    target,
    curTime: time.value,
    minTime: minTime(parent),
    coinbaseValue: (subsidy(height, params) + fees) as Sats,
    coinbaseFlags: coinbaseFlags(params.genesisHash),
    txs,
  });
}

export const templateId = (tip: Pick<BlockEntry, 'hash'>, sequence: string): string =>
  `${tip.hash}${sequence}`;
