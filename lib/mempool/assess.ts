/**
 * What is to be done with a transaction, by the store as one snapshot shows it: all checks, in the
 * order of their cost, signatures last (store-protocol section 5, steps 1 and 2). Reads; writes
 * nothing, so it may run any number of times.
 */
import type { ChainView, InputCell } from '../chain/types.ts';
import { signatureChecksOf } from '../consensus/connect.ts';
import { medianTimePast } from '../consensus/context.ts';
import { isFinal } from '../consensus/locks.ts';
import { asMempoolReject, refuse, rejectOf, scriptFailure } from '../rejects.ts';
import { TRANSACT_OPS_MAX } from '../store/limits.ts';
import type { Coin, OutpointKey, Reject, Sats, Tx, Txid, Verdict } from '../types.ts';
import { toOutpointKey, valid } from '../types.ts';
import {
  checkInPlace,
  type Health,
  nextBlock,
  ofTheMoment,
  readCells,
  unconfirmedCoin,
} from './alive.ts';
import type { MempoolContext } from './context.ts';
import { type Family, readFamily } from './family.ts';
import { compareFeeRates, feeAt } from './fee-rate.ts';
import { floorAt } from './floor.ts';
import { checkChainLimits, returnedLimits } from './limits.ts';
import type { PoolCache } from './pool-cache.ts';
import { checkReplacement, checkSignals } from './replacement.ts';
import { decodeFloor, decodeStored, FLOOR_KEY, poolKey, type StoredTx } from './rows.ts';
import type { MempoolPolicy } from './types.ts';

/** All that admission writes rests on. */
export interface Plan {
  readonly tx: Tx;
  readonly feeSats: Sats;
  /** One per input, as seen. */
  readonly cells: readonly InputCell[];
  /** Unconfirmed transactions whose outputs it spends. */
  readonly parents: readonly StoredTx[];
  /** Claimants whose rows are gone: they must still be gone. */
  readonly goneClaimants: readonly Txid[];
  /** What spends the same coins, then what builds on that: replaced. */
  readonly conflicts: readonly StoredTx[];
  readonly descendants: readonly StoredTx[];
}

/**
 * Operations of the store's transaction that admits it. What a conflict has claimed changes hands in
 * the very transaction that deletes the conflict; the rest may be claimed before.
 */
export function opsNeeded(plan: Plan): { readonly all: number; readonly atLast: number } {
  const { cells, parents, goneClaimants, conflicts } = plan;
  const fixed = 1 + parents.length + conflicts.length;
  const all = fixed + cells.length + goneClaimants.length;
  return { all, atLast: fixed + contested(plan).length };
}

/** The coins that are taken from those which stand. */
export function contested({ cells, conflicts }: Plan): InputCell[] {
  const theirs = new Set<string>(conflicts.map(({ txid }) => txid));
  return cells.filter(({ cell: { claim } }) => claim !== undefined && theirs.has(claim));
}

export type Assessment =
  | { readonly status: 'ready'; readonly plan: Plan }
  | { readonly status: 'known'; readonly confirmed: boolean }
  | { readonly status: 'missing'; readonly parents: readonly Txid[] }
  /** Dead rows in the way: to be deleted on their nonces, then once more. */
  | { readonly status: 'blocked'; readonly dead: readonly StoredTx[] }
  | { readonly status: 'rejected'; readonly reject: Reject };

const rejected = (reject: Reject): Assessment => ({ status: 'rejected', reject });

/**
 * `tx` passed checkAlone. `returned`: it was in a block that a reorganisation took off; then its fee
 * is not held against it, its chain may be longer, but it replaces nobody. `isCaughtUp`: what
 * reorganisations took off was brought back, or is being brought back. `dryRun`: dead rows in the way
 * are passed over instead of being named.
 */
export async function assess(
  ctx: MempoolContext,
  cache: PoolCache,
  view: ChainView,
  offer: {
    readonly tx: Tx;
    readonly returned?: boolean;
    readonly isCaughtUp?: boolean;
    readonly dryRun?: boolean;
  },
): Promise<Assessment> {
  const { tx, returned = false, isCaughtUp = false, dryRun = false } = offer;
  const [[cells = []], [ownRow, floorRow]] = await Promise.all([
    readCells(view, [tx]),
    ctx.store.read([poolKey(tx.txid), FLOOR_KEY]),
    cache.freshen(),
  ]);
  const own = ownRow && decodeStored(ownRow);
  const family = await familyOf(ctx, cache, view, { tx, cells, own });
  if (own !== undefined) {
    const health = family.health(tx.txid);
    if (health === undefined || health === 'pending') return { status: 'known', confirmed: false };
    // Without its parent it cannot be admitted anew, so it stays for who may yet bring the parent back.
    const isLacking = health.reason === 'bad-txns-inputs-missingorspent';
    if (!dryRun && !(isLacking && isCaughtUp)) return { status: 'blocked', dead: [own] };
  }
  const { entry: tip } = view.tip;
  if (!isFinal(tx, tip.height + 1, medianTimePast(tip))) return rejected(rejectOf('non-final'));
  const rivals = findRivals(tx, cells, family);
  if (!rivals.ok) return rejected(rivals.reject);
  const found = await findCoins(view, { tx, cells, family });
  if ('status' in found) return found;
  if (own !== undefined && !dryRun) return { status: 'blocked', dead: [own] };
  const { coins } = found;
  const next = await nextBlock(view, ctx.params, [{ tx, coins }]);
  const inPlace = checkInPlace(tx, coins, next);
  if (!inPlace.ok) return rejected(inPlace.reject);
  const feeSats = inPlace.value.fee;
  const floor = decodeFloor(floorRow);
  const fair = returned ? valid() : checkFee(ctx, cache, { tx, feeSats, floor });
  if (!fair.ok) return rejected(fair.reject);
  const { dead, gone, conflicts } = rivals.value;
  if (dead.length > 0 && !dryRun) return { status: 'blocked', dead };
  const draft = { tx, feeSats, cells, goneClaimants: gone, conflicts };
  const plan = await place(cache, family, draft, { policy: ctx.policy, returned });
  if (!plan.ok) return rejected(plan.reject);
  const signed = await checkSignatures(ctx, tx, coins);
  return signed.ok ? { status: 'ready', plan: plan.value } : rejected(signed.reject);
}

interface Subject {
  readonly tx: Tx;
  readonly cells: readonly InputCell[];
}

const claimantsOf = ({ tx, cells }: Subject): Set<Txid> =>
  new Set(
    cells.flatMap(({ cell: { claim } }) =>
      claim === undefined || claim === tx.txid ? [] : [claim as Txid],
    ),
  );

/** Whoever it builds on, collides with, or is. Most transactions have none: then nothing is read. */
async function familyOf(
  ctx: MempoolContext,
  cache: PoolCache,
  view: ChainView,
  subject: Subject & { readonly own: StoredTx | undefined },
): Promise<Family> {
  const { tx, cells, own } = subject;
  const roots = claimantsOf(subject);
  if (own !== undefined) roots.add(tx.txid);
  tx.inputs.forEach(({ prevout }, i) => {
    if (cells[i]?.coin === undefined) roots.add(prevout.txid);
  });
  const { pool } = cache;
  const hints = [...roots].flatMap((txid) => {
    const known = pool.get(txid);
    return known === undefined ? [] : [...pool.ancestors(known)];
  });
  return readFamily(ctx, view, roots, hints);
}

/**
 * Inputs that show another key than their coin's, before no more are looked up: one is enough to
 * refuse for good, and each may cost reading a transaction as long as a block.
 */
const MISNAMED_MAX = 16;

/** The coins, one per input, or what becomes of a transaction that lacks one. */
async function findCoins(
  view: ChainView,
  { tx, cells, family }: Subject & { readonly family: Family },
): Promise<{ readonly coins: readonly Coin[] } | Assessment> {
  const height = view.tip.entry.height + 1;
  const coins: (Coin | undefined)[] = cells.map(({ coin }, i) => {
    const { txid, vout } = (tx.inputs[i] as Tx['inputs'][number]).prevout;
    if (coin !== undefined || family.health(txid) !== undefined) return coin;
    return unconfirmedCoin((family.row(txid) as StoredTx).tx, vout, height);
  });
  const lacking = tx.inputs.flatMap(({ prevout }, i) => (coins[i] === undefined ? [prevout] : []));
  if (lacking.length === 0) return { coins: coins as Coin[] };
  if (await view.isConfirmed(tx.txid)) return { status: 'known', confirmed: true };
  const missing = new Set<Txid>();
  let misnamed = 0;
  for (const [i, { prevout }] of tx.inputs.entries()) {
    if (coins[i] !== undefined) continue;
    if (misnamed >= MISNAMED_MAX) {
      const { reject } = scriptFailure('Script failed an OP_EQUALVERIFY operation');
      return rejected(asMempoolReject(reject));
    }
    const where = await findElsewhere(view, prevout, family);
    if (where === 'unknown') missing.add(prevout.txid);
    else if (where === 'none') {
      const spent = rejectOf('bad-txns-inputs-missingorspent', `${prevout.txid}:${prevout.vout}`);
      return rejected(ofTheMoment(spent));
    } else {
      coins[i] = where;
      misnamed += 1;
    }
  }
  return missing.size > 0
    ? { status: 'missing', parents: [...missing] }
    : { coins: coins as Coin[] };
}

/**
 * A coin that does not lie where the input's key says. It may lie under another key: then the
 * signature check will say so.
 */
async function findElsewhere(
  view: ChainView,
  { txid, vout }: Tx['inputs'][number]['prevout'],
  family: Family,
): Promise<Coin | 'none' | 'unknown'> {
  // Alive, but without such an output: otherwise the coin would have been found.
  if (family.row(txid) !== undefined && family.health(txid) === undefined) return 'none';
  const made = await view.locate(txid);
  if (made === undefined) return 'unknown';
  const coin = unconfirmedCoin(made.tx, vout, made.height);
  if (coin === undefined || (await view.outspend({ txid, vout })) !== undefined) return 'none';
  return { ...coin, coinbase: made.position === 0 };
}

function checkFee(
  { policy, clock }: MempoolContext,
  { pool }: PoolCache,
  of: { readonly tx: Tx; readonly feeSats: Sats; readonly floor: { rate: number; atMs: number } },
): Verdict {
  const bytes = of.tx.raw.length;
  const floor = floorAt(of.floor, { nowMs: clock.nowMs(), bytes: pool.bytes }, policy);
  const told = (rate: number): string => `${of.feeSats} < ${feeAt(rate, bytes)}`;
  if (floor > policy.minRelayFeeRate && of.feeSats < feeAt(floor, bytes)) {
    return refuse('mempool min fee not met', told(floor));
  }
  const { minRelayFeeRate } = policy;
  return of.feeSats < feeAt(minRelayFeeRate, bytes)
    ? refuse('min relay fee not met', told(minRelayFeeRate))
    : valid();
}

interface Rivals {
  readonly dead: readonly StoredTx[];
  readonly gone: readonly Txid[];
  readonly conflicts: readonly StoredTx[];
}

/** Who else claims its coins, by what has become of them; one that may not be replaced refuses. */
function findRivals(tx: Tx, cells: readonly InputCell[], family: Family): Verdict<Rivals> {
  const dead: StoredTx[] = [];
  const gone: Txid[] = [];
  const conflicts: StoredTx[] = [];
  for (const txid of claimantsOf({ tx, cells })) {
    const row = family.row(txid);
    const health: Health | 'pending' = family.health(txid);
    if (row === undefined) gone.push(txid);
    else if (health === 'pending') return refuse('txn-mempool-conflict', `${txid} is coming in`);
    else if (health === undefined) conflicts.push(row);
    else dead.push(row);
  }
  const signals = checkSignals(withAncestors(conflicts, family));
  return signals.ok ? valid({ dead, gone, conflicts }) : signals;
}

const withAncestors = (entries: readonly StoredTx[], family: Family) =>
  entries.map((entry) => ({ entry, ancestors: family.ancestors(entry) }));

type Draft = Omit<Plan, 'parents' | 'descendants'>;

/** Its place among the others: limits of chains, replacement, room. */
async function place(
  cache: PoolCache,
  family: Family,
  draft: Draft,
  { policy, returned }: { readonly policy: MempoolPolicy; readonly returned: boolean },
): Promise<Verdict<Plan>> {
  const { tx, feeSats, conflicts, cells } = draft;
  const bytes = tx.raw.length;
  const candidate = { tx, feeSats, bytes };
  const parentIds = new Set(
    tx.inputs.flatMap(({ prevout }, i) => (cells[i]?.coin === undefined ? [prevout.txid] : [])),
  );
  const parents = [...parentIds].flatMap((txid) => family.row(txid) ?? []);
  if (parents.length + conflicts.length > 0) await cache.sync();
  const { pool } = cache;
  const descendantIds = new Set(conflicts.flatMap(({ txid }) => [...pool.descendants(txid)]));
  for (const { txid } of conflicts) descendantIds.delete(txid);
  const descendants = [...descendantIds].flatMap((txid) => pool.get(txid) ?? []);
  const evicted = [...conflicts, ...descendants];
  const ancestors = family.ancestors({ tx });
  const [rival] = conflicts;
  if (rival !== undefined && returned) return refuse('txn-mempool-conflict', rival.txid);
  if (conflicts.length > 0) {
    const replaceable = checkReplacement(
      {
        candidate,
        parents: parentIds,
        ancestors: new Set(ancestors.map(({ txid }) => txid)),
        conflicts: withAncestors(conflicts, family),
        evicted,
      },
      policy,
    );
    if (!replaceable.ok) return replaceable;
  }
  const chain = { candidate, ancestors, evicted };
  const limits = checkChainLimits(pool, chain, returned ? returnedLimits(policy) : policy);
  if (!limits.ok) return limits;
  const plan = { ...draft, parents, descendants };
  // In parts, a death could come between those that go and the one that takes their place.
  const { all, atLast } = opsNeeded(plan);
  if (all > TRANSACT_OPS_MAX && atLast > TRANSACT_OPS_MAX) {
    return refuse('too many potential replacements', `${atLast} changes at once`);
  }
  const room = checkRoom(cache, { candidate, evicted }, policy.bytesMax);
  return room.ok ? valid(plan) : room;
}

/** A full mempool takes what pays more per byte than its worst package. */
function checkRoom(
  { pool }: PoolCache,
  of: {
    readonly candidate: { readonly feeSats: number; readonly bytes: number };
    readonly evicted: readonly StoredTx[];
  },
  bytesMax: number,
): Verdict {
  const freed = of.evicted.reduce((sum, { bytes }) => sum + bytes, 0);
  if (pool.bytes - freed + of.candidate.bytes <= bytesMax) return valid();
  const worst = pool.worst();
  const isBetter = worst !== undefined && compareFeeRates(of.candidate, worst) > 0;
  return isBetter ? valid() : refuse('mempool full');
}

async function checkSignatures(
  { verifier }: MempoolContext,
  tx: Tx,
  coins: readonly Coin[],
): Promise<Verdict> {
  const byOutpoint = new Map<OutpointKey, Coin>();
  tx.inputs.forEach(({ prevout }, i) => {
    byOutpoint.set(toOutpointKey(prevout.txid, prevout.vout), coins[i] as Coin);
  });
  const checks = signatureChecksOf(tx, (outpoint) => byOutpoint.get(outpoint));
  if (!checks.ok) return { ok: false, reject: asMempoolReject(checks.reject) };
  const failed = await verifier.firstInvalid(checks.value);
  if (failed < 0) return valid();
  const { reject } = scriptFailure('Signature must be zero for failed CHECK(MULTI)SIG operation');
  return { ok: false, reject: { ...asMempoolReject(reject), detail: `input ${failed}` } };
}
