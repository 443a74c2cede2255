/**
 * The one place where the tip moves: a fold's draft becomes a commit. Owns what must be durable
 * before it (undo data, where disconnected blocks lie) and what is tidied after it.
 */
import type { BlockEntry } from '../consensus/types.ts';
import type { LooseRow, RowKey, Snapshot, Store } from '../ports/store.ts';
import {
  encodeHead,
  encodeLog,
  headerKey,
  OFF_BODIES,
  OFF_HEADERS,
  schemaOf,
  UNPARKED,
} from '../store/layout.ts';
import { undoRows } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, receivedNow } from './context.ts';
import type { Totals } from './effects-rows.ts';
import type { Draft } from './fold.ts';
import { offKey, offRow } from './off-chain.ts';
import type { ChainChange } from './types.ts';

export interface Move {
  readonly from: BlockEntry;
  readonly to: BlockEntry;
  readonly forkHeight: number;
}

/** Undo data of the connected blocks and the places of the disconnected ones. */
function rowsBefore(ctx: ChainContext, draft: Draft): LooseRow[] {
  const rows: LooseRow[] = [];
  for (const { hash, coins } of draft.undo) {
    for (const row of undoRows(hash, coins)) rows.push(row);
  }
  for (const { entry, bodyBytes } of draft.disconnected) {
    rows.push(
      offRow(OFF_BODIES, entry, { bodyBytes, receivedAt: receivedNow(ctx), validated: true }),
    );
  }
  return rows;
}

/** The next block touches many of the same addresses: their totals need not be read again. */
function rememberTotals(ctx: ChainContext, before: number, version: number, draft: Draft): void {
  const { hints } = ctx;
  const goesOn = hints.totals.version === before && draft.disconnected.length === 0;
  const byAddress = goesOn ? hints.totals.byAddress : new Map<string, Totals>();
  for (const [script, totals] of draft.totals) {
    // Those not touched for long go first.
    byAddress.delete(script);
    byAddress.set(script, totals);
  }
  for (const script of byAddress.keys()) {
    if (byAddress.size <= CHAIN_LIMITS.totalsMax) break;
    byAddress.delete(script);
  }
  hints.totals = { version, byAddress };
}

/** Rows that say a block lies off the chain. */
export const offKeysOf = (entry: BlockEntry): RowKey[] => [
  offKey(OFF_BODIES, entry),
  offKey(OFF_HEADERS, entry),
  headerKey(entry.hash),
  { pk: UNPARKED, sk: entry.hash },
];

export async function tidyAfter(store: Store, joined: readonly BlockEntry[]): Promise<void> {
  if (joined.length > 0) await store.remove(joined.flatMap(offKeysOf));
}

/**
 * Commits the draft on the snapshot's version; undefined on a conflict. `rows` are loose rows that
 * must be durable before it besides the draft's own.
 */
export async function commitDraft(
  ctx: ChainContext,
  snapshot: Snapshot,
  draft: Draft,
  move: Move,
  rows: readonly LooseRow[] = [],
): Promise<ChainChange | undefined> {
  const { store, telemetry } = ctx;
  const before = [...rows, ...rowsBefore(ctx, draft)];
  if (before.length > 0) await store.put(before);
  const { from, to, forkHeight } = move;
  const schema = schemaOf(snapshot.head);
  const result = await store.commit(snapshot.version, {
    head: encodeHead(to, schema),
    log: encodeLog({ from: from.hash, to: to.hash, forkHeight, height: to.height }, schema),
    changes: draft.changes.list(),
  });
  if (!result.ok) return undefined;
  rememberTotals(ctx, snapshot.version, result.version, draft);
  telemetry.metric('TipHeight', to.height);
  telemetry.metric('BlocksConnected', draft.connected.length);
  if (draft.connected.length > 0) {
    telemetry.metric('BlockInterval', to.header.time - (to.times.at(-2) ?? to.header.time));
  }
  if (draft.disconnected.length > 0) telemetry.metric('ReorgDepth', draft.disconnected.length);
  return {
    version: result.version,
    from,
    to,
    disconnected: draft.disconnected.map(({ entry }) => entry.hash),
    connected: draft.connected.map(({ hash }) => hash),
    returned: draft.returned,
    confirmed: draft.confirmed,
  };
}

/**
 * Two moves as one; the second goes on from where the first ended and takes off nothing that the
 * first put on.
 */
export function joinChanges(first: ChainChange | undefined, second: ChainChange): ChainChange {
  if (first === undefined) return second;
  return {
    version: second.version,
    from: first.from,
    to: second.to,
    disconnected: [...first.disconnected, ...second.disconnected],
    connected: [...first.connected, ...second.connected],
    returned: [...second.returned, ...first.returned],
    confirmed: [...first.confirmed, ...second.confirmed],
  };
}
