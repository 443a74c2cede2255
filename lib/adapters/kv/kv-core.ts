/** What all handles of one sorted map share: the map, its single writer, what is known of claims. */
import type { Clock } from '../../ports/clock.ts';
import { CLAIM_REGION } from './cells.ts';
import type { Kv, KvView } from './kv.ts';
import { Mutex } from './support.ts';

/** What all handles of one map share. */
export class KvCore {
  readonly kv: Kv;
  readonly clock: Clock;
  readonly mutex = new Mutex();
  handles = 0;
  /** False only while the map is known to hold no claim. */
  claims: boolean;

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
