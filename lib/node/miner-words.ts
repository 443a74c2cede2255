/**
 * What the miners of a node say of themselves, for its other processes to show: on a stack the node
 * that answers is a function, the miner a task. Owns these rows: one a miner, which dies with it.
 */
import { encodeJson, listRows, newNonce, ROWS, type RowTools } from '../gossip/rows.ts';
import { type MinerWord, readMiningWord, WORD_SECONDS } from './mining-lease.ts';
import type { MiningStatus } from './types.ts';

/** A write a minute is all that being shown costs; who missed two has ended, however it did. */
const SAY_SECONDS = 60;
/** What a task that dies all the time left behind must not hide the living: they are read from the newest. */
const MINERS_MAX = 100;
const SECONDS_DIGITS = 12;

export interface MinerWords {
  /** Writes at most once a minute; a miner without work says nothing, and so counts as none before long. */
  say(hashRate: number): Promise<void>;
  /** It mines no more. */
  end(): Promise<void>;
}

/** For one miner. `address`: whom it pays; null: the reward is left unclaimed. */
export function createMinerWords(tools: RowTools, address: string | null): MinerWords {
  const since = String(tools.now()).padStart(SECONDS_DIGITS, '0');
  const key = { pk: ROWS.miners, sk: `${since}-${newNonce(tools.random)}` };
  let saidAt: number | undefined;
  let saying = Promise.resolve();
  const write = async (hashRate: number, at: number): Promise<void> => {
    const value = encodeJson({ hashRate, address, at } satisfies MinerWord);
    await tools.store.put([{ ...key, value, expiresAt: at + WORD_SECONDS }]);
  };
  return {
    async say(hashRate) {
      const now = tools.now();
      if (hashRate <= 0 || (saidAt !== undefined && now - saidAt < SAY_SECONDS)) return;
      saidAt = now;
      saying = write(Math.round(hashRate), now);
      await saying;
    },
    async end() {
      if (saidAt === undefined) return;
      // What is under way would come after it.
      await saying.catch(() => undefined);
      await tools.store.remove([key]);
    },
  };
}

/**
 * All of them together, and the one that is called: the sum of what they do, and whom the one paid
 * that spoke last.
 */
export async function readMiners(tools: RowTools): Promise<MiningStatus> {
  const [running, called] = await Promise.all([
    listRows<MinerWord>(tools, ROWS.miners, { reverse: true, limit: MINERS_MAX }),
    readMiningWord(tools),
  ]);
  const rows = called === undefined ? running : [...running, called];
  const last = rows.toSorted((a, b) => b.at - a.at)[0];
  return {
    active: last !== undefined,
    hashRate: rows.reduce((sum, { hashRate }) => sum + hashRate, 0),
    address: last?.address ?? null,
  };
}
