/** Chain, mempool and templates on a store in memory: what a miner sees of a node, and no gossip. */
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { createNobleVerifier } from '../../../lib/adapters/noble-verifier.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { createChain } from '../../../lib/chain/create-chain.ts';
import type { Chain } from '../../../lib/chain/types.ts';
import { createMempool } from '../../../lib/mempool/create-mempool.ts';
import type { Mempool } from '../../../lib/mempool/types.ts';
import { createTemplateSource } from '../../../lib/mining/template-source.ts';
import type { Node, NodeEvent } from '../../../lib/node/types.ts';
import type { ChainParams } from '../../../lib/params/chain-params.ts';
import type { Clock } from '../../../lib/ports/clock.ts';
import { silentTelemetry } from '../../../lib/ports/telemetry.ts';

export type SmallNode = Pick<
  Node,
  'template' | 'templateId' | 'acceptBlock' | 'on' | 'clock' | 'random'
> & { readonly chain: Chain; readonly mempool: Mempool; readonly calls: { ids: number } };

export async function smallNode(params: ChainParams, clock: Clock): Promise<SmallNode> {
  const store = createMemoryStore();
  const verifier = createNobleVerifier();
  const common = { params, store, clock, verifier, telemetry: silentTelemetry };
  const chain = createChain(common);
  await chain.init();
  const mempool = createMempool({ ...common, chain, random: systemRandom });
  const templates = createTemplateSource({ params, chain, mempool, clock });
  const listeners = new Set<(event: NodeEvent) => void>();
  const calls = { ids: 0 };
  return {
    clock,
    random: systemRandom,
    chain,
    mempool,
    calls,
    template: () => templates.template(),
    templateId: (options) => {
      calls.ids++;
      return templates.id(options);
    },
    async acceptBlock(raw, options) {
      const outcome = await chain.acceptBlock(raw, options);
      if (outcome.status === 'tip') {
        await mempool.reconcile(outcome.change);
        const { hash, height } = outcome.change.to;
        for (const listener of listeners) listener({ type: 'tip', hash, height });
      }
      return outcome;
    },
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
