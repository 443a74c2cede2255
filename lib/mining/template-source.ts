/**
 * Templates for a node: made once per tip and mempool sequence, kept, and given out with the time of
 * the moment. The copy in memory is only ever a saving: it is used while its id is the present one.
 */
import type { Chain } from '../chain/types.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { Mempool } from '../mempool/types.ts';
import type { ChainParams } from '../params/chain-params.ts';
import { type Clock, nowSeconds } from '../ports/clock.ts';
import type { Verdict } from '../types.ts';
import { valid } from '../types.ts';
import { blockTime, buildTemplate, TEMPLATE_ROOM, templateId } from './template.ts';
import type { Template } from './types.ts';

/** The tip moves while transactions are chosen: rarely twice. */
const TRIES_MAX = 10;

export interface TemplateSource {
  /** Rejects: `clock` (early). */
  template(): Promise<Verdict<Template>>;
  /** Changes whenever template() would, but for its time. `recent`: as Chain.tip. */
  id(options?: { recent?: boolean }): Promise<string>;
}

export function createTemplateSource(of: {
  readonly params: ChainParams;
  readonly chain: Pick<Chain, 'tip'>;
  readonly mempool: Pick<Mempool, 'sequence' | 'select'>;
  readonly clock: Clock;
}): TemplateSource {
  const { params, chain, mempool, clock } = of;
  let kept: { readonly template: Template; readonly parent: BlockEntry } | undefined;

  return {
    async id(options) {
      const [{ entry }, sequence] = await Promise.all([
        chain.tip(options),
        mempool.sequence(options),
      ]);
      return templateId(entry, sequence);
    },

    async template() {
      for (let tries = 0; tries < TRIES_MAX; tries++) {
        // The sequence first: what enters meanwhile makes the id an old one, never a wrong one.
        const [tip, sequence] = await Promise.all([chain.tip(), mempool.sequence()]);
        if (kept?.template.id === templateId(tip.entry, sequence)) {
          const { template, parent } = kept;
          const time = blockTime(parent, params, nowSeconds(clock));
          return time.ok ? valid({ ...template, curTime: time.value }) : time;
        }
        const txs = await mempool.select(TEMPLATE_ROOM);
        const after = await chain.tip();
        // Chosen at a version between the two: only if they are one is it known which.
        if (after.version !== tip.version) continue;
        const parent = tip.entry;
        const built = buildTemplate({
          params,
          parent,
          txs,
          sequence,
          nowSeconds: nowSeconds(clock),
        });
        if (built.ok) kept = { template: built.value, parent };
        return built;
      }
      throw new Fault('commit-contention', 'the tip moves faster than a template is made');
    },
  };
}
