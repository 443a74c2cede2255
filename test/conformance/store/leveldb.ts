/** How the suite opens the LevelDB store, kills it between two writes and opens its files again. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import {
  type Level,
  type LevelStore,
  openLevelStore,
} from '../../../lib/adapters/leveldb-store.ts';
import type { DyingStore, StoreSuiteOptions, TestStore } from './harness.ts';

/** classic-level whose n-th batch counted from `arm` and all later ones fail. */
export class DyingLevel extends ClassicLevel<string, Uint8Array> {
  #left = Number.POSITIVE_INFINITY;
  #done = false;
  dead = false;

  arm(write: number, done: boolean): void {
    this.#left = write;
    this.#done = done;
  }

  override batch(...given: unknown[]): never {
    this.#left--;
    const write = (): Promise<void> =>
      (super.batch as (...all: unknown[]) => Promise<void>).apply(this, given);
    if (this.#left > 0) return write() as never;
    const first = !this.dead;
    this.dead = true;
    const fate = first && this.#done ? write() : Promise.resolve();
    return fate.then(() => {
      throw new Error('the process died here');
    }) as never;
  }
}

export const levelSuite: StoreSuiteOptions = {
  name: 'leveldb',
  async open(options = {}): Promise<TestStore> {
    const dir = await mkdtemp(join(tmpdir(), 'stackchain-store-'));
    let level: DyingLevel;
    const openAgain = (): Promise<LevelStore> =>
      openLevelStore(dir, {
        ...options,
        level: (at): Level => {
          level = new DyingLevel(at, { keyEncoding: 'utf8', valueEncoding: 'view' });
          return level as Level;
        },
      });
    const store = await openAgain();
    let last = store;
    return {
      store,
      another: async () => store.store(),
      async dying(write, { done }): Promise<DyingStore> {
        const victim = level;
        victim.arm(write, done);
        return { store, died: () => victim.dead };
      },
      async reopen() {
        await last.close();
        await level.close();
        last = await openAgain();
        return last;
      },
      async destroy() {
        await last.close();
        await level.close();
        await rm(dir, { recursive: true, force: true });
      },
    };
  },
};
