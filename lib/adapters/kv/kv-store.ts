/**
 * The Store port on any sorted map of one process (kv.ts): a commit is one batch, a snapshot the
 * map's own, one mutex keeps writers apart. Owns the protocol; knows no database. A version is the
 * count of commits, so it never recurs and deleted rows need leave no trace.
 */
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
} from '../../ports/store.ts';
import { logKey } from '../../ports/store.ts';
import { checkCommit, checkKeys, checkLooseRow, checkOps, checkRange } from '../../store/limits.ts';
import {
  chainKey,
  claimKey,
  claimMark,
  decodeClaim,
  decodeLoose,
  encodeClaim,
  encodeLoose,
  expiryKey,
  HEAD_KEY,
  LOOSE,
  looseKey,
  partitionRange,
  readVersion,
  sortKeyOf,
  VersionedCells,
} from './cells.ts';
import type { KvWrite } from './kv.ts';
import type { KvCore, Planned } from './kv-core.ts';
import { KvSnapshot } from './kv-snapshot.ts';
import { failedCondition, Lifetime, snapshotAgeCheck } from './support.ts';
import { sweepExpired } from './sweep.ts';

/** Rows of one underlying write of `put` and `remove`, whose whole need not be atomic. */
const LOOSE_ROWS_PER_BATCH = 1000;

/** A store with further handles on the same data. The data are closed with the last handle. */
export interface SharedStore extends Store {
  store(): SharedStore;
}

export class KvStore implements SharedStore {
  readonly #core: KvCore;
  readonly #life = new Lifetime('store');
  readonly #snapshots = new Set<KvSnapshot>();

  constructor(core: KvCore) {
    this.#core = core;
    core.handles++;
  }

  store(): SharedStore {
    this.#life.check();
    return new KvStore(this.#core);
  }

  async snapshot(): Promise<Snapshot> {
    this.#life.check();
    const snapshot = new KvSnapshot(this.#core.kv.view(), {
      claims: this.#core.claims,
      check: snapshotAgeCheck(this.#core.clock),
      onRelease: (released) => this.#snapshots.delete(released),
    });
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  async recentHead(): Promise<RecentHead> {
    const view = await this.snapshot();
    view.release();
    return { version: view.version, head: view.head };
  }

  async commit(expectedVersion: number, commit: Commit): Promise<CommitResult> {
    this.#life.check();
    checkCommit(expectedVersion, commit);
    const version = expectedVersion + 1;
    const writes = commitWrites(version, commit);
    return this.#core.exclusively(async (view) => {
      this.#life.check();
      const head = view.get(HEAD_KEY);
      if ((head === undefined ? 0 : readVersion(head)) !== expectedVersion) {
        return { ok: false, conflict: true };
      }
      if (this.#core.claims) {
        const gone = commit.changes.filter((change) => change.value === undefined).map(claimKey);
        const claims = await view.getMany(gone);
        claims.forEach((cell, i) => {
          if (cell) writes.push(claimMark(0, gone[i] as string, decodeClaim(cell).claim));
        });
      }
      await this.#core.kv.batch(writes);
      return { ok: true, version };
    });
  }

  async transact(ops: readonly Op[]): Promise<TransactResult> {
    this.#life.check();
    checkOps(ops);
    const writes = ops.flatMap(opWrites);
    return this.#core.together(async (view): Promise<Planned<TransactResult>> => {
      this.#life.check();
      const cells = await view.getMany(
        ops.flatMap((op) => [looseKey(op), chainKey(op), claimKey(op)]),
      );
      for (const [index, op] of ops.entries()) {
        const [loose, chain, claim] = cells.slice(index * 3, index * 3 + 3);
        const condition = failedCondition(op.if, {
          loose: loose && decodeLoose(op, loose),
          version: chain && readVersion(chain),
          inChain: chain !== undefined,
          claim: claim && decodeClaim(claim).claim,
        });
        if (condition !== undefined) return { result: { ok: false, index, condition }, writes: [] };
      }
      if (ops.some((op) => op.op === 'claim')) this.#core.claims = true;
      return { result: { ok: true }, writes };
    });
  }

  async put(rows: readonly LooseRow[]): Promise<void> {
    this.#life.check();
    for (const row of rows) checkLooseRow(row);
    await this.#writeLoose(rows.flatMap(looseWrites));
  }

  async remove(keys: readonly RowKey[]): Promise<void> {
    this.#life.check();
    checkKeys(keys);
    await this.#writeLoose(keys.map((key) => ({ type: 'del', key: looseKey(key) })));
  }

  async read(keys: readonly RowKey[]): Promise<(LooseRow | undefined)[]> {
    this.#life.check();
    checkKeys(keys);
    return this.#core.look(async (view) => {
      const cells = await view.getMany(keys.map(looseKey));
      return keys.map((key, i) => {
        const cell = cells[i];
        return cell && decodeLoose(key, cell);
      });
    });
  }

  async list(pk: string, options: ListOptions = {}): Promise<LooseRow[]> {
    this.#life.check();
    const limit = checkRange(pk, options);
    return this.#core.look(async (view) => {
      const found = await view.scan(partitionRange(LOOSE, pk, { ...options, limit }));
      return found.map(([cell, value]) => decodeLoose({ pk, sk: sortKeyOf(cell, pk) }, value));
    });
  }

  async sweep(now: number): Promise<void> {
    this.#life.check();
    await sweepExpired(this.#core, now);
  }

  async close(): Promise<void> {
    if (!this.#life.close()) return;
    for (const snapshot of [...this.#snapshots]) snapshot.release();
    this.#core.handles--;
    if (this.#core.handles === 0) await this.#core.mutex.run(() => this.#core.kv.close());
  }

  async #writeLoose(writes: readonly KvWrite[]): Promise<void> {
    for (let at = 0; at < writes.length; at += LOOSE_ROWS_PER_BATCH) {
      const part = writes.slice(at, at + LOOSE_ROWS_PER_BATCH);
      await this.#core.together(async () => {
        this.#life.check();
        return { result: undefined, writes: part };
      });
    }
  }
}

function commitWrites(version: number, { head, log, changes, removes = [] }: Commit): KvWrite[] {
  const cells = new VersionedCells(version, [...changes.map((change) => change.value), log, head]);
  const writes: KvWrite[] = [];
  for (const change of changes) {
    const key = chainKey(change);
    if (change.value === undefined) writes.push({ type: 'del', key });
    else writes.push({ type: 'put', key, value: cells.add(change.value) });
  }
  for (const key of removes) writes.push({ type: 'del', key: looseKey(key) });
  writes.push({ type: 'put', key: chainKey(logKey(version)), value: cells.add(log) });
  writes.push({ type: 'put', key: HEAD_KEY, value: cells.add(head) });
  return writes;
}

function looseWrites(row: LooseRow): KvWrite[] {
  const key = looseKey(row);
  const writes: KvWrite[] = [{ type: 'put', key, value: encodeLoose(row) }];
  if (row.expiresAt !== undefined) {
    writes.push({ type: 'put', key: expiryKey(row.expiresAt, key), value: new Uint8Array() });
  }
  return writes;
}

function opWrites(op: Op): KvWrite[] {
  if (op.op === 'check') return [];
  if (op.op === 'put') return looseWrites(op);
  if (op.op === 'delete') return [{ type: 'del', key: looseKey(op) }];
  const key = claimKey(op);
  if (op.claim === null) return [{ type: 'del', key }];
  const writes: KvWrite[] = [{ type: 'put', key, value: encodeClaim(op.claim, op.expiresAt) }];
  if (op.expiresAt !== undefined) writes.push(claimMark(op.expiresAt, key, op.claim));
  return writes;
}
