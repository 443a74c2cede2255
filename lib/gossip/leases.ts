/**
 * Leases: who fetches what, so that three peers that announce one block cost one fetch; what we
 * asked of whom, so that an answer counts as asked for; what was refused lately. Owns these rows.
 */
import type { Op, RowKey } from '../ports/store.ts';
import { LIMITS } from './limits.ts';
import { decodeJson, encodeJson, idOf, newNonce, ROWS, type RowTools, readOne } from './rows.ts';

interface LeaseRow {
  /** Score key of whoever was asked. */
  readonly holder: string;
}

const leaseKey = (hash: string): RowKey => ({ pk: ROWS.leases, sk: hash });

/** Takes the leases that are free, and answers their ids: these, and only these, are to be asked for. */
export async function takeLeases<T extends string>(
  tools: RowTools,
  hashes: readonly T[],
  holder: string,
): Promise<T[]> {
  const taken = await Promise.all(hashes.map((hash) => takeLease(tools, hash, holder)));
  return hashes.filter((_, i) => taken[i]);
}

async function takeLease(tools: RowTools, hash: string, holder: string): Promise<boolean> {
  const now = tools.now();
  const key = leaseKey(hash);
  const [row] = await tools.store.read([key]);
  if (row !== undefined && (row.expiresAt ?? 0) > now) return false;
  const put: Op = {
    op: 'put',
    ...key,
    value: encodeJson({ holder } satisfies LeaseRow),
    nonce: newNonce(tools.random),
    expiresAt: now + LIMITS.leaseSeconds,
    if: row?.nonce === undefined ? { row: 'absent' } : { nonce: row.nonce },
  };
  return (await tools.store.transact([put])).ok;
}

/** Whether we asked this sender for it. */
export async function isAskedOf(tools: RowTools, hash: string, holder: string): Promise<boolean> {
  return (await readOne<LeaseRow>(tools, leaseKey(hash)))?.holder === holder;
}

/** Gives up what this holder was asked for and did not, or not rightly, deliver. */
export async function releaseLeases(
  tools: RowTools,
  hashes: readonly string[],
  holder: string,
): Promise<void> {
  const rows = await tools.store.read(hashes.map(leaseKey));
  const held = rows.filter(
    (row) => row !== undefined && decodeJson<LeaseRow>(row).holder === holder,
  );
  await tools.store.remove(held.flatMap((row) => (row === undefined ? [] : [row])));
}

/** Gives up all of them: whoever asked is dead. */
export async function giveUpLeases({ store }: RowTools): Promise<void> {
  const rows = await store.list(ROWS.leases, { limit: LIMITS.leasesListed });
  if (rows.length > 0) await store.remove(rows.map(({ pk, sk }) => ({ pk, sk })));
}

const askKey = (holder: string): RowKey => ({ pk: ROWS.asks, sk: idOf(holder) });

/** Notes that this sender was asked for headers. */
export const noteHeadersAsked = (tools: RowTools, holder: string): Promise<void> =>
  tools.store.put([
    { ...askKey(holder), value: encodeJson({}), expiresAt: tools.now() + LIMITS.askSeconds },
  ]);

export const areHeadersAsked = async (tools: RowTools, holder: string): Promise<boolean> =>
  (await readOne(tools, askKey(holder))) !== undefined;

/** Notes that a transaction was refused: it is not fetched again for a while. */
export const noteRefused = (tools: RowTools, txid: string): Promise<void> =>
  tools.store.put([
    {
      pk: ROWS.refused,
      sk: txid,
      value: encodeJson({}),
      expiresAt: tools.now() + LIMITS.refusedSeconds,
    },
  ]);

export async function refusedLately(
  tools: RowTools,
  txids: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await tools.store.read(txids.map((sk) => ({ pk: ROWS.refused, sk })));
  const now = tools.now();
  return new Set(
    rows.flatMap((row) => (row !== undefined && (row.expiresAt ?? 0) > now ? [row.sk] : [])),
  );
}
