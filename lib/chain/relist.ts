/**
 * Blocks and headers whose own row is here, but none that says where they lie: a death or a failing
 * store came between the two writes, and nobody went on from there. They would count as known for
 * ever and never as part of a branch. Owns finding and listing them anew.
 */
import type { BlockEntry } from '../consensus/types.ts';
import type { LooseRow, Snapshot } from '../ports/store.ts';
import {
  blockKey,
  decodeBlockRow,
  decodeHeightRow,
  heightKey,
  OFF_BODIES,
  OFF_HEADERS,
} from '../store/layout.ts';
import { readEntry } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { receivedNow, tipOf } from './context.ts';
import { offKey, offRow } from './off-chain.ts';
import { noteOffChain } from './quota.ts';

const ROWS_EACH = 3;

/** Rows for those of the entries that lie nowhere; `grounded`: the first of them needs none. */
async function missingRows(
  ctx: ChainContext,
  snapshot: Snapshot,
  entries: readonly BlockEntry[],
): Promise<{ readonly rows: LooseRow[]; readonly grounded: boolean }> {
  const heights = await snapshot.getMany(entries.map(({ height }) => heightKey(height)));
  const off = entries.filter((entry, i) => {
    const row = heights[i];
    return row === undefined || decodeHeightRow(row.value).hash !== entry.hash;
  });
  const found = await ctx.store.read(
    off.flatMap((entry) => [
      blockKey(entry.hash),
      offKey(OFF_BODIES, entry),
      offKey(OFF_HEADERS, entry),
    ]),
  );
  const rows: LooseRow[] = [];
  let grounded = off[0] !== entries[0];
  for (const [i, entry] of off.entries()) {
    const [block, body, header] = found.slice(i * ROWS_EACH, (i + 1) * ROWS_EACH);
    const isListed = body !== undefined || header !== undefined;
    if (i === 0) grounded ||= isListed;
    if (isListed) continue;
    const bodyBytes = block === undefined ? 0 : decodeBlockRow(block.value).bodyBytes;
    const pk = block === undefined ? OFF_HEADERS : OFF_BODIES;
    rows.push(offRow(pk, entry, { bodyBytes, receivedAt: receivedNow(ctx) }));
  }
  return { rows, grounded };
}

/**
 * `entries`: stored, one above the other. What lies nowhere below them is listed with them. True: some
 * were.
 */
export async function relist(
  ctx: ChainContext,
  snapshot: Snapshot,
  entries: readonly BlockEntry[],
): Promise<boolean> {
  const [only] = entries;
  if (only === undefined || (entries.length === 1 && only.hash === tipOf(snapshot).hash)) {
    return false;
  }
  let { rows, grounded } = await missingRows(ctx, snapshot, entries);
  for (let lowest = only; !grounded; ) {
    const parent = await readEntry(ctx.store, lowest.header.prevHash);
    if (parent === undefined) break;
    lowest = parent.entry;
    const below = await missingRows(ctx, snapshot, [lowest]);
    rows = [...below.rows, ...rows];
    grounded = below.grounded;
  }
  if (rows.length === 0) return false;
  ctx.telemetry.log('warn', 'blocks were listed nowhere', { count: rows.length });
  await ctx.store.put(rows);
  await noteOffChain(ctx, { rows: rows.length, bytes: 0 });
  return true;
}
