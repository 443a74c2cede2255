/**
 * Headers apart from bodies. Owns which of them buy storage: a chain with enough work; what has less
 * is checked and forgotten (who wants it walks it again).
 */
import { checkHeader, checkHeaderContext } from '../consensus/check-header.ts';
import { work } from '../consensus/pow.ts';
import type { BlockEntry } from '../consensus/types.ts';
import { nowSeconds } from '../ports/clock.ts';
import type { Store } from '../ports/store.ts';
import { withSnapshot } from '../ports/store.ts';
import { rejectOf } from '../rejects.ts';
import { decodeText, OFF_HEADERS } from '../store/layout.ts';
import type { BlockHeader, Reject } from '../types.ts';
import { headerRow, readEntries } from './block-store.ts';
import type { ChainContext } from './context.ts';
import { CHAIN_LIMITS, receivedNow, tipOf } from './context.ts';
import { bestWork } from './header-index.ts';
import { invalidKey, offRow, siblingsOf } from './off-chain.ts';
import { noteOffChain } from './quota.ts';
import { relist } from './relist.ts';
import type { HeadersOutcome } from './types.ts';

/** Headers that are looked up at once, to find the first that is new. */
const LOOK_UP = 100;

/** Work that a chain must have before its headers are stored. */
export function storageThreshold(ctx: ChainContext, tip: BlockEntry): bigint {
  const near = tip.chainwork - CHAIN_LIMITS.thresholdBlocks * work(tip.header.bits);
  const { minimumChainWork } = ctx.params;
  if (near > minimumChainWork) return near;
  return minimumChainWork;
}

const refused = (reject: Reject): HeadersOutcome => ({ status: 'rejected', reject });

/** Proof of work of each, and that each stands on the one before. */
function checkRun(ctx: ChainContext, headers: readonly BlockHeader[]): Reject | undefined {
  if (headers.length > CHAIN_LIMITS.headersMax) {
    return rejectOf('bad-prevblk', `${headers.length} headers, at most ${CHAIN_LIMITS.headersMax}`);
  }
  let last: BlockHeader | undefined;
  for (const header of headers) {
    if (last !== undefined && header.prevHash !== last.hash) {
      return rejectOf('bad-prevblk', 'the headers are not consecutive');
    }
    const verdict = checkHeader(header, ctx.params);
    if (!verdict.ok) return verdict.reject;
    last = header;
  }
  return undefined;
}

/** Entries of the leading headers that are stored already. */
async function knownPrefix(store: Store, headers: readonly BlockHeader[]): Promise<BlockEntry[]> {
  const entries: BlockEntry[] = [];
  for (let at = 0; at < headers.length; at += LOOK_UP) {
    const part = headers.slice(at, at + LOOK_UP);
    const found = await readEntries(
      store,
      part.map(({ hash }) => hash),
    );
    for (const known of found) {
      if (known === undefined) return entries;
      entries.push(known.entry);
    }
  }
  return entries;
}

/** Entries of new headers above `parent`, as far as they may stand today. */
function placeHeaders(
  ctx: ChainContext,
  headers: readonly BlockHeader[],
  parent: BlockEntry,
): { readonly entries: BlockEntry[]; readonly reject?: Reject } {
  const now = nowSeconds(ctx.clock);
  // The median time rule lets six blocks share a second: a chain cannot be higher.
  const ageMax = now + ctx.params.maxFutureSeconds - ctx.genesis.header.time;
  const heightMax = CHAIN_LIMITS.blocksPerSecondMax * ageMax;
  const entries: BlockEntry[] = [];
  let last = parent;
  for (const header of headers) {
    if (last.height + 1 > heightMax) {
      return { entries: [], reject: rejectOf('time-too-new', 'more blocks than seconds allow') };
    }
    const entry = checkHeaderContext(header, last, ctx.params, now);
    if (!entry.ok) {
      // What is before a header of the near future may be stored all the same.
      return { entries: entry.reject.kind === 'early' ? entries : [], reject: entry.reject };
    }
    entries.push(entry.value);
    last = entry.value;
  }
  return { entries };
}

async function storeHeaders(ctx: ChainContext, entries: readonly BlockEntry[]): Promise<void> {
  const off = entries.map((entry) =>
    offRow(OFF_HEADERS, entry, { bodyBytes: 0, receivedAt: receivedNow(ctx) }),
  );
  // The entry first: what lists it must find it.
  await ctx.store.put(entries.map(headerRow));
  await ctx.store.put(off);
  await noteOffChain(ctx, { rows: entries.length, bytes: 0 });
}

/** Whether the chain that ends in `last` may be stored. */
async function buysHeaders(
  ctx: ChainContext,
  tip: BlockEntry,
  entries: readonly BlockEntry[],
  options: { readonly proven?: boolean },
): Promise<boolean> {
  const [first, last] = [entries[0] as BlockEntry, entries.at(-1) as BlockEntry];
  if (options.proven !== true && last.chainwork < storageThreshold(ctx, tip)) return false;
  if ((await siblingsOf(ctx.store, first)) < CHAIN_LIMITS.siblingsMax) return true;
  // The seventeenth child of one block must bring more than all the others.
  return last.chainwork > (await bestWork(ctx.store, tip));
}

/** Consecutive headers, at most 2,000. */
export async function acceptHeaders(
  ctx: ChainContext,
  headers: readonly BlockHeader[],
  options: { readonly proven?: boolean } = {},
): Promise<HeadersOutcome> {
  const { store } = ctx;
  const tip = await withSnapshot(store, async (snapshot) => tipOf(snapshot));
  const [first] = headers;
  if (first === undefined) return { status: 'stored', added: 0, last: tip };
  const broken = checkRun(ctx, headers);
  if (broken !== undefined) return refused(broken);
  const known = await knownPrefix(store, headers);
  const parent =
    known.at(-1) ?? (await readEntries(store, [first.prevHash])).map((found) => found?.entry)[0];
  if (parent === undefined) return { status: 'orphan' };
  const [verdict] = await store.read([invalidKey(parent.hash)]);
  if (verdict !== undefined) {
    const reason = known.length > 0 ? 'duplicate-invalid' : 'bad-prevblk';
    return refused(rejectOf(reason, decodeText(verdict.value)));
  }
  await withSnapshot(store, (view) => relist(ctx, view, known.length > 0 ? known : [parent]));
  const fresh = headers.slice(known.length);
  if (fresh.length === 0) return { status: 'stored', added: 0, last: parent };
  const { entries, reject } = placeHeaders(ctx, fresh, parent);
  const last = entries.at(-1);
  if (last === undefined) return refused(reject as Reject);
  if (!(await buysHeaders(ctx, tip, entries, options))) return { status: 'low-work' };
  await storeHeaders(ctx, entries);
  return { status: 'stored', added: entries.length, last };
}
