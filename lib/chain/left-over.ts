/**
 * What a process left that died before its commit, or lost it to another: a block that was stored to
 * extend the tip and lies nowhere, or a part of a body. `P` names the last block that was stored so,
 * and others of which only a part may be here. Owns this row: finding what it names before it is
 * overwritten, and taking away what is in part.
 */
import type { BlockEntry } from '../consensus/types.ts';
import type { LooseRow, Snapshot, Store } from '../ports/store.ts';
import { decodePending, encodePending, PENDING_KEY, type Pending } from '../store/layout.ts';
import type { BlockHash } from '../types.ts';
import { blockKeys, loadRaw, readEntries } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, tipOf } from './context.ts';
import { commitRemoval } from './quota.ts';
import { relist } from './relist.ts';

type Parts = Pending['parts'];

/** Each block once; the oldest parts make room. */
export function pendingRow({ newest, parts }: Pending): LooseRow {
  const known = new Set<BlockHash>([newest]);
  const others = parts.filter(({ hash }) => !known.has(hash) && known.add(hash));
  const value = encodePending({ newest, parts: others.slice(0, CHAIN_LIMITS.pendingMax) });
  return { ...PENDING_KEY, value };
}

export async function readPending(store: Store): Promise<Pending | undefined> {
  const [row] = await store.read([PENDING_KEY]);
  return row && decodePending(row.value);
}

/** The row that names this block, too, as one of which only a part is here. */
export function partRow(
  { clock }: ChainContext,
  pending: Pending | undefined,
  tip: BlockEntry,
  hash: BlockHash,
): LooseRow {
  const { newest, parts } = pending ?? { newest: tip.hash, parts: [] };
  const others = parts.filter((part) => part.hash !== hash);
  return pendingRow({
    newest: newest === hash ? tip.hash : newest,
    parts: [{ hash, at: clock.nowMs() }, ...others],
  });
}

/**
 * Before `P` names another block: lists those that it names now and that lie nowhere, off the chain,
 * where they are found, counted and given up like any other. Answers those that are not here, or in
 * part: their writers may live, so they are named on.
 */
export async function takeUp(
  ctx: ChainContext,
  snapshot: Snapshot,
  pending: Pending | undefined,
): Promise<Parts> {
  const { store, clock } = ctx;
  const tip = tipOf(snapshot);
  if (pending === undefined) return [];
  const { newest, parts } = pending;
  const named = newest === tip.hash ? parts : [{ hash: newest, at: clock.nowMs() }, ...parts];
  if (named.length === 0) return [];
  const entries = await readEntries(
    store,
    named.map(({ hash }) => hash),
  );
  const left: Parts[number][] = [];
  for (const [i, part] of named.entries()) {
    const found = entries[i];
    if (found === undefined || found.bodyBytes === 0) left.push(part);
    else await relist(ctx, snapshot, [found.entry]);
  }
  return left;
}

/**
 * What the host's periodic call does: afterwards `P` names the tip, or what may still be finished, and
 * parts that are young.
 */
export async function clearLeftOver(ctx: ChainContext, snapshot: Snapshot): Promise<void> {
  const { store, clock } = ctx;
  const tip = tipOf(snapshot);
  const pending = await readPending(store);
  if (pending === undefined || (pending.newest === tip.hash && pending.parts.length === 0)) return;
  const named = [{ hash: pending.newest, at: clock.nowMs() }, ...pending.parts];
  const entries = await readEntries(
    store,
    named.map(({ hash }) => hash),
  );
  const left: Parts[number][] = [];
  let newest = tip.hash;
  let version: number | undefined = snapshot.version;
  for (const [i, part] of named.entries()) {
    const { hash, at } = part;
    const found = entries[i];
    if (hash === tip.hash) continue;
    // Whoever looks for the best branch finishes it.
    if (i === 0 && found !== undefined && found.entry.chainwork > tip.chainwork) newest = hash;
    else if (found !== undefined && (await loadRaw(store, hash)) !== undefined) {
      await relist(ctx, snapshot, [found.entry]);
    } else if (clock.nowMs() - at < CHAIN_LIMITS.pendingMs) left.push(part);
    else {
      const keys = await blockKeys(store, hash);
      // If its writer lives all the same, it finds the version changed.
      if (keys.length > 0)
        version = await commitRemoval(store, { version, head: snapshot.head }, keys);
      if (version === undefined) return;
    }
  }
  await store.put([pendingRow({ newest, parts: left })]);
}
