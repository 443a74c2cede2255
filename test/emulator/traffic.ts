/** Clients that pay through the API and have blocks mined, all the while, and keep what was promised. */
import type { LifeNode } from './life-node.ts';

const PAY_SATS = 1_000_000;
const CLIENTS_A_NODE = 2;
const PAUSE_MS = 150;
const MINE_PAUSE_MS = 1_000;

export interface Api {
  post<T>(node: LifeNode, path: string, body: object): Promise<T>;
  mine(node: LifeNode, blocks: number): Promise<void>;
}

export interface Traffic {
  /** Ids of the payments that a node acknowledged. */
  readonly paid: readonly string[];
  readonly refusals: readonly { readonly status: number; readonly text: string }[];
  stop(): Promise<void>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export function startTraffic(nodes: readonly LifeNode[], api: Api): Traffic {
  const paid: string[] = [];
  const refusals: { status: number; text: string }[] = [];
  let isOn = true;
  /** What fails while functions are replaced was not promised: noted, and tried again. */
  const attempt = async (what: () => Promise<void>): Promise<void> => {
    try {
      await what();
    } catch (error) {
      const text = String(error);
      refusals.push({ status: Number(/: (\d{3}) /.exec(text)?.[1] ?? 0), text });
    }
  };
  const client = async (node: LifeNode, to: string): Promise<void> => {
    while (isOn) {
      await attempt(async () => {
        const path = `/v1/wallets/${node.address}/send`;
        const { txid } = await api.post<{ txid: string }>(node, path, { to, amountSats: PAY_SATS });
        paid.push(txid);
      });
      await pause(PAUSE_MS);
    }
  };
  const miner = async (): Promise<void> => {
    for (let turn = 0; isOn; turn++) {
      await attempt(() => api.mine(nodes[turn % nodes.length] as LifeNode, 1));
      await pause(MINE_PAUSE_MS);
    }
  };
  const all = nodes.flatMap((node, i) => {
    const other = nodes[(i + 1) % nodes.length] as LifeNode;
    return Array.from({ length: CLIENTS_A_NODE }, () => client(node, other.address));
  });
  const running = Promise.all([...all, miner()]);
  return {
    paid,
    refusals,
    async stop() {
      isOn = false;
      await running;
    },
  };
}
