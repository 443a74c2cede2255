/**
 * Which unconfirmed transactions touch a script: one loose row for each script that a transaction
 * spends from or pays to, put after its admission. A hint counts only while the transaction is there.
 * Spent scripts have rows too: finding them by their claims would read all coins of an address.
 */
import type { LooseRow } from '../ports/store.ts';
import { matchP2pkh, revealedScript, scriptHash } from '../script/index.ts';
import { RowReader, RowWriter } from '../store/row-bytes.ts';
import type { ScriptHash, Tx, Txid } from '../types.ts';
import type { MempoolContext } from './context.ts';
import { inParallel, MEMPOOL_LIMITS } from './context.ts';
import { readRows } from './family.ts';
import { HINT_PREFIX, hintKey, type StoredTx, scriptPartition } from './rows.ts';

const MS_PER_SECOND = 1000;
/** Hints of one script that are looked at. */
const HINTS_MAX = 10_000;

/** All scripts that a transaction touches. */
export function scriptsOf(tx: Tx): Set<ScriptHash> {
  const scripts = new Set<ScriptHash>();
  for (const { scriptSig } of tx.inputs) {
    const script = revealedScript(scriptSig);
    if (script !== undefined) scripts.add(scriptHash(script));
  }
  for (const { scriptPubKey } of tx.outputs) {
    if (matchP2pkh(scriptPubKey) !== undefined) scripts.add(scriptHash(scriptPubKey));
  }
  return scripts;
}

export function hintRows({ policy }: MempoolContext, entry: StoredTx): LooseRow[] {
  const expiresAt =
    Math.floor(entry.addedMs / MS_PER_SECOND) +
    policy.expirySeconds +
    MEMPOOL_LIMITS.afterlifeSeconds;
  const value = new RowWriter().u53(entry.addedMs).done();
  const { nonce, txid } = entry;
  return [...scriptsOf(entry.tx)].map((script) => ({
    ...hintKey(script, txid),
    value,
    nonce,
    expiresAt,
  }));
}

/** Transactions of the mempool that touch the script, dead or alive. Clears away old hints. */
export async function touching(ctx: MempoolContext, script: string): Promise<StoredTx[]> {
  const hints = await ctx.store.list(scriptPartition(script), {
    prefix: HINT_PREFIX,
    limit: HINTS_MAX,
  });
  const rows = await readRows(
    ctx,
    hints.map(({ sk }) => sk.slice(HINT_PREFIX.length) as Txid),
  );
  const oldest = ctx.clock.nowMs() - MEMPOOL_LIMITS.hintMs;
  const stale = hints.filter(
    ({ value }, i) => rows[i] === undefined && new RowReader(value).u53() < oldest,
  );
  await inParallel(stale, async ({ pk, sk, nonce }) => {
    if (nonce === undefined) return;
    await ctx.store.transact([{ op: 'delete', pk, sk, if: { nonce } }]);
  });
  return rows.filter((row) => row !== undefined && row.pendingUntil === undefined) as StoredTx[];
}
