/**
 * How many connections the port takes, and whose. Owns that one address cannot keep all others out,
 * nor all others together the programs of this machine.
 */
import { addressBlock, isLoopback } from '../../lib/gossip/address.ts';

/** Many browsers or miners behind one address fit; nobody that counts holds more. */
export const PER_ADDRESS_MAX = 256;
/** Of the port's 1,024; the rest is left to this machine, whose owner wants to see what goes on. */
export const FROM_ELSEWHERE_MAX = 896;

export interface Door {
  /** Undefined: no room for this address. Otherwise what to call when it goes. */
  enter(address: string): (() => void) | undefined;
}

export function createDoor(): Door {
  const counts = new Map<string, number>();
  let all = 0;
  const add = (key: string, by: 1 | -1): void => {
    const count = (counts.get(key) ?? 0) + by;
    all += by;
    if (count > 0) counts.set(key, count);
    else counts.delete(key);
  };
  return {
    enter(address) {
      if (isLoopback(address)) return () => undefined;
      const key = addressBlock(address);
      if (all >= FROM_ELSEWHERE_MAX || (counts.get(key) ?? 0) >= PER_ADDRESS_MAX) return undefined;
      add(key, 1);
      return () => add(key, -1);
    },
  };
}
