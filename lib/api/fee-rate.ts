/**
 * What fee rate gets a transaction into one of the next blocks, by the queue that is there now: no
 * history is kept. Shared by Esplora's fee-estimates and estimatesmartfee.
 */
import type { MempoolEntry } from '../mempool/types.ts';
import type { Node } from '../node/types.ts';

const BLOCK_BYTES_MAX = 1_000_000;
const LIST_PAGE = 1000;

/** All of the mempool, page by page. */
export async function allEntries(node: Node): Promise<MempoolEntry[]> {
  const all: MempoolEntry[] = [];
  for (;;) {
    const last = all.at(-1);
    const after = last === undefined ? {} : { after: last.txid };
    const page = await node.mempool.list({ ...after, limit: LIST_PAGE });
    all.push(...page);
    if (page.length < LIST_PAGE) return all;
  }
}

/** Satoshis per byte for each of `targets` (blocks to wait), at least the floor in force. */
export async function feeRates(node: Node, targets: readonly number[]): Promise<number[]> {
  const { bytes: waiting, minFeeRateSatVb: floor } = await node.mempool.info();
  const soonest = Math.min(...targets);
  if (waiting < soonest * BLOCK_BYTES_MAX) return targets.map(() => floor);
  const queue = (await allEntries(node))
    .map(({ feeSats, bytes }) => ({ rate: feeSats / bytes, bytes }))
    .sort((a, b) => b.rate - a.rate);
  return targets.map((target) => {
    let left = target * BLOCK_BYTES_MAX;
    const last = queue.find(({ bytes }) => {
      left -= bytes;
      return left < 0;
    });
    return Math.max(floor, last?.rate ?? floor);
  });
}
