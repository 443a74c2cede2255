/** What all handles of one sorted map share: the map, its single writer, what is known of claims. */
import type { Clock } from '../../ports/clock.ts';
import { CLAIM_REGION } from './cells.ts';
import type { Kv, KvView, KvWrite } from './kv.ts';
import { Mutex } from './support.ts';

/** Tasks that share a write at most: what is in memory at once is bounded. */
const TOGETHER_MAX = 64;

export interface Planned<T> {
  readonly result: T;
  readonly writes: readonly KvWrite[];
}

interface Waiting {
  /** Answers its writes, which those after it see. */
  readonly plan: (view: Pick<KvView, 'getMany'>) => Promise<readonly KvWrite[]>;
  readonly done: () => void;
  readonly fail: (error: unknown) => void;
}

/** What all handles of one map share. */
export class KvCore {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly mutex = new Mutex();
  handles = 0;
  /** False only while the map is known to hold no claim. */
  claims: boolean;
  readonly #waiting: Waiting[] = [];

  constructor(kv: Kv, options: { readonly clock: Clock; readonly claims: boolean }) {
    this.kv = kv;
    this.clock = options.clock;
    this.claims = options.claims;
  }

  /** Runs with a view of the present state. */
  async look<T>(task: (view: KvView) => Promise<T>): Promise<T> {
    const view = this.kv.view();
    try {
      return await task(view);
    } finally {
      view.release();
    }
  }

  /** The same, with no writer besides. */
  exclusively<T>(task: (view: KvView) => Promise<T>): Promise<T> {
    return this.mutex.run(() => this.look(task));
  }

  /**
   * Exclusively, for a task that says what to write: those that have come while another writer was at
   * work are written as one, in their order, for what takes long is waiting for the disk.
   */
  together<T>(task: (view: Pick<KvView, 'getMany'>) => Promise<Planned<T>>): Promise<T> {
    return new Promise((resolve, reject) => {
      let planned: Planned<T> | undefined;
      const plan = async (view: Pick<KvView, 'getMany'>) => {
        planned = await task(view);
        return planned.writes;
      };
      const done = (): void => resolve((planned as Planned<T>).result);
      this.#waiting.push({ plan, done, fail: reject });
      void this.mutex.run(() => this.#writeWaiting());
    });
  }

  async #writeWaiting(): Promise<void> {
    const group = this.#waiting.splice(0, TOGETHER_MAX);
    if (group.length === 0) return;
    const writes: KvWrite[] = [];
    const planned: Waiting[] = [];
    try {
      await this.look(async (view) => {
        const seen = overlaid(view, writes);
        for (const waiting of group) {
          try {
            writes.push(...(await waiting.plan(seen)));
            planned.push(waiting);
          } catch (error) {
            waiting.fail(error);
          }
        }
      });
      if (writes.length > 0) await this.kv.batch(writes);
    } catch (error) {
      for (const { fail } of group) fail(error);
      return;
    }
    for (const { done } of planned) done();
  }
}

/** The view as it is after `writes`, also after those that are added later. */
function overlaid(view: KvView, writes: readonly KvWrite[]): Pick<KvView, 'getMany'> {
  const written = new Map<string, Uint8Array | undefined>();
  let taken = 0;
  return {
    async getMany(keys) {
      for (; taken < writes.length; taken++) {
        const write = writes[taken] as KvWrite;
        written.set(write.key, write.type === 'put' ? write.value : undefined);
      }
      const found = await view.getMany(keys);
      return keys.map((key, i) => (written.has(key) ? written.get(key) : found[i]));
    },
  };
}

/** Whether a map holds any claim. */
export async function holdsClaims(kv: Kv): Promise<boolean> {
  const view = kv.view();
  try {
    return (await view.scan({ ...CLAIM_REGION, limit: 1 })).length > 0;
  } finally {
    view.release();
  }
}
