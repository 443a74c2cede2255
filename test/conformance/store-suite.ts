/**
 * The promises of the Store port as tests. Every adapter runs all of them; a group that one cannot
 * run is skipped by name with the reason. See ports/store.ts for the promises in words.
 */
import { afterEach, describe, it } from 'vitest';
import type { Clock } from '../../lib/ports/clock.ts';
import type { Store } from '../../lib/ports/store.ts';
import { commitCases } from './store/commits.ts';
import { crashCases } from './store/crashes.ts';
import type { StoreSuiteOptions, TestStore } from './store/harness.ts';
import { historyCases } from './store/histories.ts';
import { limitCases } from './store/limits.ts';
import { looseCases } from './store/loose.ts';
import { raceCases } from './store/races.ts';
import { rangeCases } from './store/ranges.ts';
import { recentCases } from './store/recent.ts';
import { removeCases } from './store/removes.ts';
import { snapshotCases } from './store/snapshots.ts';
import { transactCases } from './store/transacts.ts';

export type { StoreSuiteOptions, TestStore } from './store/harness.ts';

const RACE_ROUNDS = 200;
const HISTORY_RUNS = 60;

/**
 * Runs the suite on an adapter.
 *
 * @example
 * storeSuite({ name: 'memory', open: openMemory, skips: { crash: 'its data end with the process' } });
 */
export function storeSuite(options: StoreSuiteOptions): void {
  const { name, open, skips = {}, scale = {} } = options;
  const opened = new Map<Store, TestStore>();

  const fresh = async (how?: { clock?: Clock }): Promise<Store> => {
    const test = await open(how);
    opened.set(test.store, test);
    return test.store;
  };
  const another = (store: Store): Promise<Store> => (opened.get(store) as TestStore).another();

  describe(`store: ${name}`, () => {
    afterEach(async () => {
      const all = [...opened.values()];
      opened.clear();
      for (const test of all) await test.destroy();
    });
    describe('commits', () => commitCases(fresh));
    describe('removals by commits', () => removeCases(fresh, another));
    describe('snapshots', () => snapshotCases(fresh, another));
    describe('recent reads', () => recentCases(fresh, another));
    describe('ranges', () => rangeCases(fresh));
    describe('transactions', () => transactCases(fresh, another));
    describe('loose rows', () => looseCases(fresh));
    describe('limits', () => limitCases(fresh));
    describe('races', () => raceCases(fresh, another, scale.raceRounds ?? RACE_ROUNDS));
    describe('histories', () => historyCases(open, scale.historyRuns ?? HISTORY_RUNS));
    if (skips.crash === undefined) describe('crashes', () => crashCases(open));
    else it.skip(`crashes: ${skips.crash}`, () => undefined);
  });
}
