/**
 * The whole way of a transaction into the mempool: checks by itself, assessment on a snapshot, the
 * write, and again from the start when something changed in between. POST /tx and gossip both end
 * here. Owns the order of steps; each lies in a file of its own.
 */
import { Fault } from '../faults.ts';
import { refuse, rejectOf } from '../rejects.ts';
import type { Reject, Sats, Tx, Txid, Verdict } from '../types.ts';
import { valid } from '../types.ts';
import { admit, newNonce } from './admit.ts';
import { type Assessment, assess, type Plan } from './assess.ts';
import { checkAlone, readTransaction } from './check-alone.ts';
import type { MempoolContext } from './context.ts';
import { MEMPOOL_LIMITS } from './context.ts';
import { toEntry } from './entry.ts';
import { evictOverCap } from './evict.ts';
import { readRows } from './family.ts';
import type { Feed } from './feed.ts';
import { hintRows } from './hints.ts';
import type { Orphans } from './orphans.ts';
import type { PoolCache } from './pool-cache.ts';
import { takeOut } from './removal.ts';
import { encodeStored, poolKey, type StoredTx } from './rows.ts';
import type { MempoolEntry, TxOutcome } from './types.ts';

export interface MempoolParts {
  readonly cache: PoolCache;
  readonly feed: Feed;
  readonly orphans: Orphans;
  /** Takes back what reorganisations took off and nobody has taken back yet: see reconcile.ts. */
  readonly catchUp: () => Promise<unknown>;
}

export interface AcceptOptions {
  /** Handed in by our own user: a missing parent is a reject. */
  readonly local?: boolean;
  /** A reorganisation took it out of its block. */
  readonly returned?: boolean;
  /** What seems dead is not about to come to life by what is being taken back. */
  readonly isCaughtUp?: boolean;
}

export async function accept(
  ctx: MempoolContext,
  parts: MempoolParts,
  raw: Uint8Array,
  options: AcceptOptions = {},
): Promise<TxOutcome> {
  const outcome = await acceptOne(ctx, parts, raw, options);
  if (outcome.status !== 'accepted') return outcome;
  const { returned, isCaughtUp = returned === true } = options;
  const also = await retryOrphans(ctx, parts, [outcome.entry.txid], { isCaughtUp });
  return also.length === 0 ? outcome : { ...outcome, also };
}

async function acceptOne(
  ctx: MempoolContext,
  parts: MempoolParts,
  raw: Uint8Array,
  options: AcceptOptions,
): Promise<TxOutcome> {
  const decoded = readTransaction(raw);
  if (!decoded.ok) return { status: 'rejected', reject: decoded.reject };
  const tx = decoded.value;
  const { txid } = tx;
  const returned = options.returned === true;
  const alone = checkAlone(tx, ctx.policy, returned);
  if (!alone.ok) return { status: 'rejected', txid, reject: alone.reject };
  let { isCaughtUp = returned } = options;
  /** Rows that seemed dead, by the nonces that were seen. */
  const suspects = new Map<Txid, string>();
  for (let tries = 0; tries < MEMPOOL_LIMITS.admissionTriesMax; tries++) {
    let version = -1;
    const found: Assessment = await ctx.chain.view((view) => {
      version = view.tip.version;
      return assess(ctx, parts.cache, view, { tx, returned, isCaughtUp });
    });
    if (found.status === 'known') {
      if (returned && !found.confirmed && !(await renew(ctx, parts, txid))) continue;
      return { status: 'known', txid };
    }
    if (found.status === 'rejected') return { status: 'rejected', txid, reject: found.reject };
    if (found.status === 'missing') return missing(parts, tx, found.parents, options);
    if (found.status === 'blocked') {
      // A row that is read after the view may be younger, and its claims not in it: who was there before
      // this view, and is dead as of it, is dead.
      const dead = found.dead.filter(({ txid, nonce }) => suspects.get(txid) === nonce);
      for (const { txid, nonce } of found.dead) suspects.set(txid, nonce);
      // Their parents may be on their way back, or nobody brings them if who moved the tip died.
      if (!isCaughtUp) await parts.catchUp();
      else await takeOut(ctx, parts, dead, () => 'conflict');
      isCaughtUp = true;
      continue;
    }
    const admission = await admit(ctx, found.plan);
    if (admission.ok) return finish(ctx, parts, { plan: found.plan, version }, admission);
  }
  throw new Fault('commit-contention', 'a transaction found its coins changed again and again');
}

/**
 * Gives a transaction that a reorganisation brought back to life a new nonce: a janitor that saw it
 * dead may still be about to delete it. False: it changed meanwhile.
 */
async function renew(ctx: MempoolContext, { feed }: MempoolParts, txid: Txid): Promise<boolean> {
  const [row] = await readRows(ctx, [txid]);
  if (row === undefined) return false;
  if (row.pendingUntil !== undefined) return true;
  const nonce = newNonce(ctx);
  const op = { op: 'put', ...poolKey(txid), value: encodeStored(row), nonce } as const;
  const result = await ctx.store.transact([{ ...op, if: { nonce: row.nonce } }]);
  if (result.ok) await feed.publish([{ txid, entered: true, nonce, reason: '' }]);
  return result.ok;
}

/** Core's answer to its own users; from a peer it may be ahead of its parents. */
async function missing(
  { orphans }: MempoolParts,
  tx: Tx,
  parents: readonly Txid[],
  { local = false, returned = false }: AcceptOptions,
): Promise<TxOutcome> {
  const { txid } = tx;
  if (!local && !returned && (await orphans.keep(tx, parents))) {
    return { status: 'orphan', txid, missing: parents };
  }
  return { status: 'rejected', txid, reject: missingInputs(parents) };
}

const missingInputs = (parents: readonly Txid[]): Reject => ({
  ...rejectOf('bad-txns-inputs-missingorspent', parents[0]),
  kind: 'missing',
});

/** What follows an admission. If the process dies here, the tick makes up for it. */
async function finish(
  ctx: MempoolContext,
  parts: MempoolParts,
  { plan, version }: { readonly plan: Plan; readonly version: number },
  { entry, removed }: { readonly entry: StoredTx; readonly removed: readonly StoredTx[] },
): Promise<TxOutcome> {
  const { cache, feed } = parts;
  cache.remove(removed);
  cache.add(entry);
  const orphaned = plan.descendants.filter((descendant) => !removed.includes(descendant));
  await takeOut(ctx, parts, orphaned, () => 'replaced');
  const { txid, nonce } = entry;
  await feed.publish(
    [
      ...removed.map((gone) => ({
        txid: gone.txid,
        entered: false,
        nonce: gone.nonce,
        reason: 'replaced',
      })),
      { txid, entered: true, nonce, reason: '' },
    ],
    hintRows(ctx, entry),
  );
  const evicted = await evictOverCap(ctx, parts);
  if (evicted.includes(txid)) return { status: 'rejected', txid, reject: rejectOf('mempool full') };
  ctx.telemetry.metric('MempoolTx', cache.pool.size);
  const parents = plan.parents.map((parent) => parent.txid);
  const replaced = [...plan.conflicts, ...plan.descendants].map((gone) => gone.txid);
  const first = cache.isFirst(version);
  return { status: 'accepted', entry: toEntry(entry, parents), replaced, first };
}

/** Tries the orphans that waited for these, and those that waited for them. */
export async function retryOrphans(
  ctx: MempoolContext,
  parts: MempoolParts,
  parents: readonly Txid[],
  options: Pick<AcceptOptions, 'isCaughtUp'> = {},
): Promise<readonly MempoolEntry[]> {
  const { orphans } = parts;
  const accepted: MempoolEntry[] = [];
  let arrived = parents;
  while (arrived.length > 0) {
    const waiting = await orphans.waitingFor(arrived);
    const next: Txid[] = [];
    for (const { txid, raw } of waiting) {
      // Not kept anew: its five minutes run from when it came.
      const outcome = await acceptOne(ctx, parts, raw, { ...options, local: true });
      const isStillWaiting = outcome.status === 'rejected' && outcome.reject.kind === 'missing';
      if (!isStillWaiting) await orphans.drop(txid);
      if (outcome.status !== 'accepted') continue;
      accepted.push(outcome.entry);
      next.push(txid);
    }
    arrived = next;
  }
  return accepted;
}

/** All checks, nothing written. Rejects: all of accept's. */
export async function test(
  ctx: MempoolContext,
  { cache }: MempoolParts,
  raw: Uint8Array,
): Promise<Verdict<{ txid: Txid; feeSats: Sats; bytes: number }>> {
  const decoded = readTransaction(raw);
  if (!decoded.ok) return decoded;
  const tx = decoded.value;
  const alone = checkAlone(tx, ctx.policy);
  if (!alone.ok) return alone;
  const found = await ctx.chain.view((view) => assess(ctx, cache, view, { tx, dryRun: true }));
  const { txid } = tx;
  switch (found.status) {
    case 'ready':
      return valid({ txid, feeSats: found.plan.feeSats, bytes: tx.raw.length });
    case 'known':
      return refuse(found.confirmed ? 'txn-already-known' : 'txn-already-in-mempool', txid);
    case 'missing':
      return { ok: false, reject: missingInputs(found.parents) };
    case 'rejected':
      return { ok: false, reject: found.reject };
    default:
      throw new Error('assertion failed: a dry run was told to clear away');
  }
}
