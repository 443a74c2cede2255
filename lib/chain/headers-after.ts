/** Headers that a peer asks for with a locator (BIP: getheaders). Reads height rows only. */
import { decodeHeader } from '../codec/header.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { Fault } from '../faults.ts';
import type { Snapshot, Store } from '../ports/store.ts';
import { decodeHeightRow, heightKey } from '../store/layout.ts';
import type { BlockHash, BlockHeader, Height } from '../types.ts';
import { readEntries } from './block-store.ts';
import { CHAIN_LIMITS } from './context.ts';

/** Height of the newest hash of the locator that is on the best chain; genesis if none is. */
async function startHeight(
  store: Store,
  snapshot: Snapshot,
  tip: BlockEntry,
  locator: readonly BlockHash[],
): Promise<Height> {
  // A peer that has what we have, the usual case, costs no reading.
  if (locator[0] === tip.hash) return tip.height;
  const hashes = locator.slice(0, CHAIN_LIMITS.locatorMax);
  const entries = await readEntries(store, hashes);
  const known = entries.flatMap((found) => found?.entry ?? []);
  const rows = await snapshot.getMany(known.map((entry) => heightKey(entry.height)));
  const on = known.filter((entry, i) => {
    const row = rows[i];
    return row !== undefined && decodeHeightRow(row.value).hash === entry.hash;
  });
  return on.reduce((most, entry) => Math.max(most, entry.height), 0);
}

function toHeader(raw: Uint8Array): BlockHeader {
  const header = decodeHeader(raw);
  if (!header.ok) throw new Fault('store-damaged', 'a stored header does not decode');
  return header.value;
}

/** At most 2,000, the block `stop` the last of them. */
export async function headersAfter(
  store: Store,
  snapshot: Snapshot,
  tip: BlockEntry,
  query: {
    readonly locator: readonly BlockHash[];
    readonly stop: BlockHash | undefined;
    readonly limit: number;
  },
): Promise<readonly BlockHeader[]> {
  const limit = Math.min(query.limit, CHAIN_LIMITS.headersMax);
  const headers: BlockHeader[] = [];
  let last = await startHeight(store, snapshot, tip, query.locator);
  while (headers.length < limit && last < tip.height) {
    const { pk } = heightKey(last + 1);
    const sameOld = heightKey(last);
    const rows = await snapshot.range(pk, {
      limit: limit - headers.length,
      ...(sameOld.pk === pk && { after: sameOld.sk }),
    });
    if (rows.length === 0) break;
    for (const { value } of rows) {
      const header = toHeader(decodeHeightRow(value).header);
      headers.push(header);
      if (header.hash === query.stop) return headers;
    }
    last += rows.length;
  }
  return headers;
}
