/**
 * A few transactions with all their unconfirmed ancestors, read from the store as they stand: what
 * an admission builds on or conflicts with. Reads; writes nothing.
 */
import type { ChainView } from '../chain/types.ts';
import { rejectOf } from '../rejects.ts';
import type { Txid } from '../types.ts';
import { diagnoseAt, type Health, type Patient, readCells } from './alive.ts';
import type { MempoolContext } from './context.ts';
import { closure } from './pool.ts';
import { decodeStored, poolKey, type StoredTx } from './rows.ts';

export interface Family {
  /** The row as it stands, dead or alive. */
  row(txid: Txid): StoredTx | undefined;
  /** Undefined: alive. A pending one is dead once its time is over, before it is neither. */
  health(txid: Txid): Health | 'pending';
  /** Living ancestors; itself not among them. */
  ancestors(entry: Pick<StoredTx, 'tx'>): StoredTx[];
  /** Parents whose output it spends and that is not in the chain. */
  parents(txid: Txid): Txid[];
}

export async function readRows(
  { store }: Pick<MempoolContext, 'store'>,
  txids: readonly Txid[],
): Promise<(StoredTx | undefined)[]> {
  if (txids.length === 0) return [];
  const rows = await store.read(txids.map(poolKey));
  return rows.map((row) => row && decodeStored(row));
}

/** `hints`: ids that may turn out to be ancestors, read at once to save rounds. */
export async function readFamily(
  ctx: Pick<MempoolContext, 'store' | 'clock' | 'params'>,
  view: ChainView,
  roots: Iterable<Txid>,
  hints: Iterable<Txid> = [],
): Promise<Family> {
  const patients = new Map<Txid, Patient>();
  const pending = new Map<Txid, StoredTx>();
  const asked = new Set<Txid>();
  let wanted = [...new Set([...roots, ...hints])];
  while (wanted.length > 0) {
    for (const txid of wanted) asked.add(txid);
    const rows = (await readRows(ctx, wanted)).filter((row) => row !== undefined);
    const settled = rows.filter((row) => row.pendingUntil === undefined);
    for (const row of rows) if (row.pendingUntil !== undefined) pending.set(row.txid, row);
    const cells = await readCells(
      view,
      settled.map(({ tx }) => tx),
    );
    settled.forEach((entry, i) => {
      patients.set(entry.txid, { entry, cells: cells[i] ?? [] });
    });
    const parents = new Set(settled.flatMap(({ txid }) => parentsOf(patients.get(txid))));
    wanted = [...parents].filter((txid) => !asked.has(txid));
  }
  const diagnosis = await diagnoseAt(view, ctx.params, patients);
  const isWaiting = (txid: Txid): boolean =>
    (pending.get(txid)?.pendingUntil ?? 0) > ctx.clock.nowMs();
  return {
    row: (txid) => patients.get(txid)?.entry ?? pending.get(txid),
    health(txid) {
      if (isWaiting(txid)) return 'pending';
      if (pending.has(txid)) return rejectOf('txn-mempool-conflict', 'its admission was cut off');
      return diagnosis(txid);
    },
    ancestors({ tx }) {
      const alive = (txid: Txid): boolean => patients.has(txid) && diagnosis(txid) === undefined;
      const start = tx.inputs.map(({ prevout }) => prevout.txid).filter(alive);
      const found = closure(start, (txid) => parentsOf(patients.get(txid)).filter(alive));
      return [...found].map((txid) => (patients.get(txid) as Patient).entry);
    },
    parents: (txid) => parentsOf(patients.get(txid)),
  };
}

/** Ids of the transactions that made the inputs which are not in the chain. */
export function parentsOf(patient: Patient | undefined): Txid[] {
  if (patient === undefined) return [];
  const { tx } = patient.entry;
  const parents = tx.inputs.flatMap(({ prevout }, i) =>
    patient.cells[i]?.coin === undefined ? [prevout.txid] : [],
  );
  return [...new Set(parents)];
}
