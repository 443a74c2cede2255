/**
 * The version of the data, raised by one conditional update of the head (design section 9, "Life").
 * Until then a release writes what it found, so that hosts of the release before can read it: while
 * a stack is deployed both are at work.
 */
import { Fault } from '../faults.ts';
import { type Store, withSnapshot } from '../ports/store.ts';
import { encodeHead, encodeLog, SCHEMA, schemaOf } from '../store/layout.ts';
import { CHAIN_LIMITS, tipOf } from './context.ts';

/** False: nothing to raise. `to`: this release's own, but for tests of what a later one would do. */
export async function raiseSchema(store: Store, to: number = SCHEMA): Promise<boolean> {
  for (let tries = 0; tries < CHAIN_LIMITS.commitTriesMax; tries++) {
    const raised = await withSnapshot(store, async (snapshot) => {
      const { hash, height } = tipOf(snapshot);
      if (schemaOf(snapshot.head) >= to) return false;
      // A move of the tip to where it is: whoever follows the log has nothing to take back.
      const move = { from: hash, to: hash, forkHeight: height, height };
      const result = await store.commit(snapshot.version, {
        head: encodeHead(tipOf(snapshot), to),
        log: encodeLog(move, to),
        changes: [],
      });
      return result.ok ? true : undefined;
    });
    if (raised !== undefined) return raised;
  }
  throw new Fault('commit-contention', 'the version of the data could not be raised');
}
