/** How the suite opens the memory store. */
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import type { StoreSuiteOptions, TestStore } from './harness.ts';

export const memorySuite: StoreSuiteOptions = {
  name: 'memory',
  skips: { crash: 'its data end with the process' },
  async open(options = {}): Promise<TestStore> {
    const store = createMemoryStore(options);
    return { store, another: async () => store.store(), destroy: () => store.close() };
  },
};
