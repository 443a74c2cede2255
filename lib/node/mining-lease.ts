/**
 * Who mines for a node whose miner is called rather than kept running: one call at a time. Who comes
 * while another is at it leaves word and goes; who is at it hears of that when it ends, so that no
 * transaction is left between the two. Owns the row, and what the last that searched says of itself:
 * it is written with the end of the lease, and costs nothing.
 */
import { newNonce, ROWS, type RowTools, readOne, updateRow, type Written } from '../gossip/rows.ts';
import type { MiningStatus } from './types.ts';

/** What a miner says of itself. */
export interface MinerWord extends Omit<MiningStatus, 'active'> {
  /** Unix seconds. */
  readonly at: number;
}

/** Who was not heard so long mines no more. */
export const WORD_SECONDS = 150;

interface LeaseRow {
  /** Empty: nobody. */
  readonly owner: string;
  readonly until: number;
  /** Somebody else was called meanwhile. */
  readonly again: boolean;
  readonly word?: MinerWord;
}

const KEY = { pk: ROWS.self, sk: 'mine' };

export interface MiningLease {
  /** Gives it up; true if others were called meanwhile, and left. `word`: of its search, if it made one. */
  release(word?: Omit<MinerWord, 'at'>): Promise<boolean>;
}

const written = (value: LeaseRow): Written<LeaseRow> => ({
  value,
  expiresAt: Math.max(value.until, (value.word?.at ?? 0) + WORD_SECONDS),
});

/** What the last call that searched did; undefined: nothing of late. */
export async function readMiningWord(tools: RowTools): Promise<MinerWord | undefined> {
  const word = (await readOne<LeaseRow>(tools, KEY))?.word;
  return word !== undefined && word.at + WORD_SECONDS > tools.now() ? word : undefined;
}

/** Undefined while another has it. `seconds`: longer than any call lives; then it is free again. */
export async function takeMiningLease(
  tools: RowTools,
  seconds: number,
): Promise<MiningLease | undefined> {
  const owner = newNonce(tools.random);
  const until = tools.now() + seconds;
  const row = await updateRow<LeaseRow>(tools, KEY, (held) => {
    const isFree = held === undefined || held.owner === '' || held.until <= tools.now();
    if (isFree) return written({ ...held, owner, until, again: false });
    return held.again ? undefined : written({ ...held, again: true });
  });
  if (row?.owner !== owner) return undefined;
  return {
    async release(word) {
      let wasCalled = false;
      await updateRow<LeaseRow>(tools, KEY, (held) => {
        const isOurs = held?.owner === owner;
        wasCalled = isOurs && held.again;
        if (!isOurs) return undefined;
        const at = tools.now();
        const said = word === undefined ? {} : { word: { ...word, at } };
        return written({ ...held, owner: '', until: at, again: false, ...said });
      });
      return wasCalled;
    },
  };
}
