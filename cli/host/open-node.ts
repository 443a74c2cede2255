/**
 * A node on the files of a data directory, without server or miner. Owns which adapters a laptop
 * uses and the order in which they close.
 */
import { createHttpTransport } from '../../lib/adapters/http-transport.ts';
import { type LevelStore, openLevelStore } from '../../lib/adapters/leveldb-store.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import { createVerifier } from '../../lib/adapters/verifier.ts';
import type { MempoolPolicy } from '../../lib/mempool/types.ts';
import { createNode } from '../../lib/node/create-node.ts';
import type { Node } from '../../lib/node/types.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import type { Telemetry } from '../../lib/ports/telemetry.ts';
import type { Verifier } from '../../lib/ports/verifier.ts';
import { chainPath } from './data-dir.ts';

export interface OpenNodeOptions {
  readonly dir: string;
  readonly params: ChainParams;
  readonly name: string;
  /** Opened before, where other work comes between the lock and the node. */
  readonly store?: LevelStore;
  readonly verifier?: Verifier;
  /** Where peers reach the node. */
  readonly url?: string;
  readonly peers?: readonly string[];
  readonly policy?: Partial<MempoolPolicy>;
  readonly telemetry?: Telemetry;
}

export interface OpenNode {
  readonly node: Node;
  readonly verifier: Verifier;
  close(): Promise<void>;
}

/** Takes the chain's lock: Fault `store-in-use` while another process has it. */
export const openStore = (
  dir: string,
  options: { readonly cacheBytes?: number } = {},
): Promise<LevelStore> => openLevelStore(chainPath(dir), options);

export async function openNode(options: OpenNodeOptions): Promise<OpenNode> {
  const { dir, params, name, url, peers, policy, telemetry } = options;
  const store = options.store ?? (await openStore(dir));
  const transport = createHttpTransport();
  const verifier = options.verifier ?? createVerifier();
  try {
    const node = await createNode({
      params,
      store,
      clock: systemClock,
      random: systemRandom,
      verifier,
      transports: [transport],
      name,
      ...(url !== undefined && { url }),
      ...(peers !== undefined && { peers }),
      ...(policy !== undefined && { policy }),
      ...(telemetry !== undefined && { telemetry }),
    });
    // The lock is ours: no host of another release is at work here.
    await node.chain.raiseSchema();
    // Nor is there a process that still fetches: one that was killed left its leases behind.
    await node.gossip.takeOver();
    return {
      node,
      verifier,
      async close() {
        await node.close();
        transport.close();
        await store.close();
      },
    };
  } catch (error) {
    transport.close();
    await store.close();
    throw error;
  }
}
