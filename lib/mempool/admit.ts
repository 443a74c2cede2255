/**
 * Writing an admission: claims on all coins and the transaction's row, in one transaction of the
 * store whose conditions are what the assessment saw (store-protocol section 5, steps 3 to 5). Owns
 * the writes and their conditions; never touches head.
 */

import type { InputCell } from '../chain/types.ts';
import { toHex } from '../codec/index.ts';
import type { Condition, Op } from '../ports/store.ts';
import { TRANSACT_OPS_MAX } from '../store/limits.ts';
import type { Txid } from '../types.ts';
import { contested, opsNeeded, type Plan } from './assess.ts';
import type { MempoolContext } from './context.ts';
import { MEMPOOL_LIMITS } from './context.ts';
import { encodeStored, poolKey, type StoredTx } from './rows.ts';

const NONCE_BYTES = 8;
const MS_PER_SECOND = 1000;

export const newNonce = ({ random }: Pick<MempoolContext, 'random'>): string =>
  toHex(random.bytes(NONCE_BYTES));

export type Admission =
  | { readonly ok: true; readonly entry: StoredTx; readonly removed: readonly StoredTx[] }
  /** Something changed since the assessment, or the transaction is there already. */
  | { readonly ok: false };

/** Tries once. What was seen in `plan` still holds if it succeeds. */
export async function admit(ctx: MempoolContext, plan: Plan): Promise<Admission> {
  const { tx } = plan;
  const entry: StoredTx = {
    tx,
    txid: tx.txid,
    feeSats: plan.feeSats,
    bytes: tx.raw.length,
    addedMs: ctx.clock.nowMs(),
    nonce: newNonce(ctx),
  };
  const { all } = opsNeeded(plan);
  return all <= TRANSACT_OPS_MAX
    ? admitAtOnce(ctx, plan, entry, TRANSACT_OPS_MAX - all)
    : admitInParts(ctx, plan, entry);
}

async function admitAtOnce(
  ctx: MempoolContext,
  plan: Plan,
  entry: StoredTx,
  room: number,
): Promise<Admission> {
  // Descendants that find no room are dead without their parents: the janitor's.
  const descendants = plan.descendants.slice(0, room);
  const removed = [...plan.conflicts, ...descendants];
  const result = await ctx.store.transact([
    putOp(entry, { row: 'absent' }),
    ...plan.cells.map((cell) => claimOp(ctx, entry.txid, cell)),
    ...plan.parents.map(({ txid, nonce }) => checkOp(txid, { nonce })),
    ...plan.goneClaimants.map((txid) => checkOp(txid, { row: 'absent' })),
    ...removed.map(({ txid, nonce }) => deleteOp(txid, nonce)),
  ]);
  return result.ok ? { ok: true, entry, removed } : { ok: false };
}

const putOp = (entry: StoredTx, condition: Condition): Op => ({
  op: 'put',
  ...poolKey(entry.txid),
  value: encodeStored(entry),
  nonce: entry.nonce,
  if: condition,
});
const checkOp = (txid: Txid, condition: Condition): Op => ({
  op: 'check',
  ...poolKey(txid),
  if: condition,
});
const deleteOp = (txid: Txid, nonce: string): Op => ({
  op: 'delete',
  ...poolKey(txid),
  if: { nonce },
});

/** Claims one coin row, which must be as it was seen. */
function claimOp(ctx: MempoolContext, txid: Txid, { pk, sk, cell }: InputCell): Op {
  const claim = cell.claim ?? null;
  if (cell.value !== undefined) {
    return { op: 'claim', pk, sk, claim: txid, if: { claim, version: cell.version } };
  }
  // The coin of an unconfirmed parent. One that left the chain has a version that no condition can
  // name: then the parent's nonce alone guards it, and a coin that is spent meanwhile leaves a dead
  // transaction, never two living spenders.
  const { expirySeconds } = ctx.policy;
  const expiresAt =
    Math.floor(ctx.clock.nowMs() / MS_PER_SECOND) + expirySeconds + MEMPOOL_LIMITS.afterlifeSeconds;
  const condition = cell.version === 0 ? { claim, neverInChain: true as const } : { claim };
  return { op: 'claim', pk, sk, claim: txid, expiresAt, if: condition };
}

/**
 * More rows than one transaction of the store holds: the row is put as pending, the claims follow in
 * several, each under the row's nonce; then it counts. Whoever meets a pending row past its time
 * deletes it, and what of it is still under way fails on the nonce; whoever met it before it counted
 * and deletes it after fails too, for then it has another. Whom it replaces stands until the last
 * transaction, which is all or nothing.
 */
async function admitInParts(ctx: MempoolContext, plan: Plan, entry: StoredTx): Promise<Admission> {
  const { store } = ctx;
  const pendingUntil = ctx.clock.nowMs() + MEMPOOL_LIMITS.pendingMs;
  const pending = { ...entry, nonce: newNonce(ctx), pendingUntil };
  const own = { nonce: pending.nonce };
  const begun = await store.transact([putOp(pending, { row: 'absent' })]);
  if (!begun.ok) return { ok: false };
  const undo = async (): Promise<Admission> => {
    await store.transact([deleteOp(pending.txid, pending.nonce)]);
    return { ok: false };
  };
  const atLast = contested(plan);
  const before = plan.cells.filter((cell) => !atLast.includes(cell));
  // Half for claims, half for checks of whom they are taken from.
  const claimsAtOnce = Math.floor(TRANSACT_OPS_MAX / 2) - 1;
  for (let at = 0; at < before.length; at += claimsAtOnce) {
    const cells = before.slice(at, at + claimsAtOnce);
    const claimants = new Set(cells.map(({ cell }) => cell.claim as Txid));
    const result = await store.transact([
      checkOp(entry.txid, own),
      ...cells.map((cell) => claimOp(ctx, entry.txid, cell)),
      ...plan.goneClaimants.flatMap((id) =>
        claimants.has(id) ? [checkOp(id, { row: 'absent' })] : [],
      ),
    ]);
    if (!result.ok) return undo();
  }
  const removed = plan.conflicts;
  const done = await store.transact([
    putOp(entry, own),
    ...plan.parents.map(({ txid, nonce }) => checkOp(txid, { nonce })),
    ...atLast.map((cell) => claimOp(ctx, entry.txid, cell)),
    ...removed.map(({ txid, nonce }) => deleteOp(txid, nonce)),
  ]);
  return done.ok ? { ok: true, entry, removed } : undo();
}
