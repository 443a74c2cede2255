/**
 * Who mines for a node whose miner is called rather than kept running: one call at a time. Who comes
 * while another is at it leaves word and goes; who is at it hears of that when it ends, so that no
 * transaction is left between the two. Owns the row.
 */
import { newNonce, ROWS, type RowTools, updateRow } from '../gossip/rows.ts';

interface LeaseRow {
  /** Empty: nobody. */
  readonly owner: string;
  readonly until: number;
  /** Somebody else was called meanwhile. */
  readonly again: boolean;
}

const KEY = { pk: ROWS.self, sk: 'mine' };

export interface MiningLease {
  /** Gives it up; true if others were called meanwhile, and left. */
  release(): Promise<boolean>;
}

/** Undefined while another has it. `seconds`: longer than any call lives; then it is free again. */
export async function takeMiningLease(
  tools: RowTools,
  seconds: number,
): Promise<MiningLease | undefined> {
  const owner = newNonce(tools.random);
  const until = tools.now() + seconds;
  const row = await updateRow<LeaseRow>(tools, KEY, (held) => {
    if (held === undefined || held.owner === '') {
      return { value: { owner, until, again: false }, expiresAt: until };
    }
    return held.again ? undefined : { value: { ...held, again: true }, expiresAt: held.until };
  });
  if (row?.owner !== owner) return undefined;
  return {
    async release() {
      let wasCalled = false;
      await updateRow<LeaseRow>(tools, KEY, (held) => {
        const isOurs = held?.owner === owner;
        wasCalled = isOurs && held.again;
        return isOurs
          ? { value: { owner: '', until: tools.now(), again: false }, expiresAt: until }
          : undefined;
      });
      return wasCalled;
    },
  };
}
