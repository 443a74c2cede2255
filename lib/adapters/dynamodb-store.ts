/**
 * The Store port on one DynamoDB table, by the protocol of docs/storage.md: any number of processes
 * share the table, none of them is trusted to live. Owns the handle; the steps are in dynamodb/.
 */
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { Clock } from '../ports/clock.ts';
import type { Random } from '../ports/random.ts';
import type {
  Commit,
  CommitResult,
  ListOptions,
  LooseRow,
  Op,
  RecentHead,
  RowKey,
  Snapshot,
  Store,
  TransactResult,
} from '../ports/store.ts';
import { checkCommit, checkKeys, checkLooseRow, checkOps, checkRange } from '../store/limits.ts';
import { awsLimits } from './aws-limits.ts';
import {
  ATTEMPT_MS_MAX,
  Attempt,
  type AwsError,
  type DynamoPorts,
  faulted,
} from './dynamodb/attempt.ts';
import { commitOn, finish, isOld } from './dynamodb/commit.ts';
import { sweepIntents } from './dynamodb/intent-rows.ts';
import { type Head, type Item, looseOf } from './dynamodb/items.ts';
import { putRows, removeRows, sweepByScan } from './dynamodb/loose.ts';
import { getHead, getItems, plainAttempt, queryItems } from './dynamodb/reads.ts';
import { DynamoSnapshot } from './dynamodb/snapshot.ts';
import { transactOn } from './dynamodb/transact.ts';
import { Lifetime, snapshotAgeCheck } from './kv/support.ts';
import { systemClock } from './system-clock.ts';
import { systemRandom } from './system-random.ts';

/**
 * Who may not write reads beside an open intent for so long: until then no deleted row of it, which
 * shows what was before, can have reached its time to live of a day.
 */
const READ_BESIDE_MS_MAX = 23 * 3_600_000;

export interface DynamoStoreOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly sleep?: (ms: number) => Promise<void>;
  /** Wall time in milliseconds, which requests are signed with. */
  readonly wallMs?: () => number;
  /** Whether `sweep` reads the whole table: only where the database does not clean up itself. */
  readonly sweepByScan?: boolean;
}

/** A client as the store needs it: it sends once, for a second try must ask the deadline first. */
export function createDynamoClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ ...awsLimits(), maxAttempts: 1, ...config });
}

/**
 * A handle on the table. Others may use it at the same time, from anywhere.
 *
 * @example
 * const store = createDynamoStore({ client: createDynamoClient(), table: 'stackchain-node0-chain' });
 */
export function createDynamoStore(options: DynamoStoreOptions): Store {
  return new DynamoStore(options);
}

class DynamoStore implements Store {
  readonly #ports: DynamoPorts;
  readonly #sweepsByScan: boolean;
  readonly #life = new Lifetime('store');
  readonly #snapshots = new Set<Snapshot>();
  /** False once the table said so: a role may be allowed to read alone. */
  #mayWrite = true;

  constructor({ client, table, ...options }: DynamoStoreOptions) {
    this.#sweepsByScan = options.sweepByScan ?? false;
    this.#ports = {
      client,
      table,
      clock: options.clock ?? systemClock,
      random: options.random ?? systemRandom,
      sleep: options.sleep ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
      wallMs: options.wallMs ?? Date.now,
    };
  }

  async snapshot(): Promise<Snapshot> {
    this.#life.check();
    const check = snapshotAgeCheck(this.#ports.clock);
    const head = await faulted(() => this.#settledHead());
    const snapshot = new DynamoSnapshot(this.#ports, {
      version: head.version,
      head: head.value,
      check: () => {
        this.#life.check();
        check();
      },
      onRelease: (released) => this.#snapshots.delete(released),
    });
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  async recentHead(): Promise<RecentHead> {
    this.#life.check();
    const { version, value } = await faulted(() =>
      getHead(plainAttempt(this.#ports), { recent: true }),
    );
    return { version, head: value };
  }

  /** The head, after an intent that was open for long is finished. */
  async #settledHead(): Promise<Head> {
    const found = await getHead(plainAttempt(this.#ports));
    const { open } = found;
    const nowMs = this.#ports.clock.nowMs();
    if (open === undefined || !isOld(open, nowMs)) return found;
    const mayReadBeside = nowMs - open.sinceMs < READ_BESIDE_MS_MAX;
    if (!this.#mayWrite && mayReadBeside) return found;
    try {
      const attempt = new Attempt(this.#ports, { msMax: ATTEMPT_MS_MAX, late: 'store-io' });
      await finish(attempt, open);
      return await getHead(attempt);
    } catch (error) {
      if ((error as AwsError).name !== 'AccessDeniedException') throw error;
      this.#mayWrite = false;
      if (mayReadBeside) return found;
      throw error;
    }
  }

  async commit(expectedVersion: number, commit: Commit): Promise<CommitResult> {
    this.#life.check();
    checkCommit(expectedVersion, commit);
    return faulted(() => commitOn(this.#ports, expectedVersion, commit));
  }

  async transact(ops: readonly Op[]): Promise<TransactResult> {
    this.#life.check();
    checkOps(ops);
    return faulted(() => transactOn(this.#ports, ops));
  }

  async put(rows: readonly LooseRow[]): Promise<void> {
    this.#life.check();
    for (const row of rows) checkLooseRow(row);
    await faulted(() => putRows(this.#ports, rows));
  }

  async remove(keys: readonly RowKey[]): Promise<void> {
    this.#life.check();
    checkKeys(keys);
    await faulted(() => removeRows(this.#ports, keys));
  }

  async read(keys: readonly RowKey[]): Promise<(LooseRow | undefined)[]> {
    this.#life.check();
    checkKeys(keys);
    const items = await getItems(plainAttempt(this.#ports), keys);
    return keys.map((key, i) => looseOf(key, items[i]));
  }

  async list(pk: string, options: ListOptions = {}): Promise<LooseRow[]> {
    this.#life.check();
    const { recent = false, ...range } = options;
    const limit = checkRange(pk, range);
    const pick = (item: Item): LooseRow | undefined =>
      looseOf({ pk, sk: item['sk']?.S as string }, item);
    return queryItems(this.#ports, pk, { ...range, limit, pick }, { recent });
  }

  async sweep(now: number): Promise<void> {
    this.#life.check();
    await faulted(async () => {
      const msMax = ATTEMPT_MS_MAX;
      await sweepIntents(new Attempt(this.#ports, { msMax, late: 'store-io' }), now);
      if (this.#sweepsByScan) await sweepByScan(this.#ports, now);
    });
  }

  async close(): Promise<void> {
    if (!this.#life.close()) return;
    for (const snapshot of [...this.#snapshots]) snapshot.release();
  }
}
