/**
 * Blocks on command where a call must end: POST /v1/mine and generatetoaddress of a stack. Owns the
 * bound; what was mined until then stays.
 */
import type { AppOptions } from '../lib/api/types.ts';
import { work } from '../lib/consensus/pow.ts';
import { refuse } from '../lib/rejects.ts';
import { type GeneratingNode, generateBlocks } from '../miner/generate.ts';

/** API Gateway answers for us after 30 s; the rest is for the last block's commit and its sends. */
const BUDGET_MS = 20_000;
/** More than one core does: what would take longer even so is refused before anything is mined. */
const HASHES_PER_MS_MAX = 10_000n;

/** Answers `out-of-time` when the blocks cannot be, or were not, mined within `budgetMs`. */
export function createTimedGenerate(options: {
  readonly node: GeneratingNode;
  readonly budgetMs?: number;
}): NonNullable<AppOptions['generate']> {
  const { node, budgetMs = BUDGET_MS } = options;
  return async (count, payTo) => {
    const template = await node.template();
    if (!template.ok) return template;
    const hashes = work(template.value.bits) * BigInt(count);
    if (hashes > HASHES_PER_MS_MAX * BigInt(budgetMs)) {
      return refuse(
        'out-of-time',
        `about ${hashes} hashes are more than this host tries in a call`,
      );
    }
    const signal = AbortSignal.timeout(budgetMs);
    const mined = await generateBlocks({ node, count, payTo, threads: 0, signal });
    if (mined.ok || !signal.aborted) return mined;
    return refuse('out-of-time', mined.reject.detail);
  };
}
