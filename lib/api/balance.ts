/**
 * What an address holds, also on a host without wallets. Owns the counting there; a host with
 * wallets has its wallet service count, so that the command line and this API say the same.
 */
import type { ChainView } from '../chain/types.ts';
import type { Node } from '../node/types.ts';
import { scriptHash } from '../script/index.ts';
import { revealedScript } from '../script/p2pkh.ts';
import type { ScriptHash, Tx } from '../types.ts';
import type { Balance } from '../wallet/types.ts';
import { type AddressScript, addressScript } from './lookups.ts';
import { invalidRequest, rejectProblem } from './problem.ts';
import type { Api } from './row.ts';

const HISTORY_PAGE = 100;

/** Throws Problem `invalid-request` for what is no address of this network. */
export async function balanceOf({ node, options }: Api, address: string): Promise<Balance> {
  if (options.wallet !== undefined) {
    const balance = await options.wallet.balance(address);
    if (!balance.ok) throw rejectProblem(balance.reject);
    const { confirmedSats, immatureSats, spendableSats } = balance.value;
    const { pendingInSats, pendingOutSats, coins } = balance.value;
    return {
      address,
      confirmedSats,
      immatureSats,
      spendableSats,
      pendingInSats,
      pendingOutSats,
      coins,
    };
  }
  const script = addressScript(node, address);
  if (script === undefined) throw invalidRequest('no address of this network');
  return countBalance(node, script);
}

/** Costs what the address got in the last `maturity` blocks, not what it ever held. */
async function countBalance(node: Node, script: AddressScript): Promise<Balance> {
  const hash = script.scriptHash;
  const [chain, pending] = await Promise.all([
    node.chain.view(async (view) => {
      const totals = await view.addressTotals(hash);
      const immatureSats = await immature(view, hash, node.params.maturity);
      return { totals, immatureSats };
    }),
    pendingOf(node, hash),
  ]);
  const { totals, immatureSats } = chain;
  const confirmedSats = totals.fundedSats - totals.spentSats;
  return {
    address: script.address,
    confirmedSats,
    immatureSats,
    spendableSats: Math.max(0, confirmedSats - immatureSats - pending.confirmedOutSats),
    pendingInSats: pending.inSats,
    pendingOutSats: pending.outSats,
    coins: totals.fundedCount - totals.spentCount,
  };
}

const paidTo = (tx: Tx, script: ScriptHash): number =>
  tx.outputs.reduce(
    (sum, output) =>
      scriptHash(output.scriptPubKey) === script ? sum + Number(output.value) : sum,
    0,
  );

/** Coinbases of the last blocks cannot have been spent, so what they paid is still there. */
async function immature(view: ChainView, script: ScriptHash, maturity: number): Promise<number> {
  const lowest = view.tip.entry.height + 2 - maturity;
  let sats = 0;
  let after: Parameters<ChainView['addressHistory']>[1] = {};
  for (;;) {
    const page = await view.addressHistory(script, { ...after, limit: HISTORY_PAGE });
    for (const { txid, height, position } of page) {
      if (height < lowest) return sats;
      if (position > 0) continue;
      const coinbase = await view.locate(txid);
      if (coinbase !== undefined) sats += paidTo(coinbase.tx, script);
    }
    const last = page.at(-1);
    if (page.length < HISTORY_PAGE || last === undefined) return sats;
    after = { after: last.txid };
  }
}

/** What the mempool adds and takes; `confirmedOutSats` is the part of it that is in the chain now. */
async function pendingOf(
  node: Node,
  script: ScriptHash,
): Promise<{ inSats: number; outSats: number; confirmedOutSats: number }> {
  const entries = await node.mempool.byScript(script);
  const unconfirmed = new Map(entries.map((entry) => [entry.txid, entry.tx]));
  let inSats = 0;
  let outSats = 0;
  let confirmedOutSats = 0;
  for (const { tx } of entries) {
    inSats += paidTo(tx, script);
    for (const { prevout, scriptSig } of tx.inputs) {
      const spent = revealedScript(scriptSig);
      if (spent === undefined || scriptHash(spent) !== script) continue;
      const parent = unconfirmed.get(prevout.txid);
      const located = parent ?? (await node.chain.view((view) => view.locate(prevout.txid)))?.tx;
      const sats = Number(located?.outputs[prevout.vout]?.value ?? 0n);
      outSats += sats;
      if (parent === undefined) confirmedOutSats += sats;
    }
  }
  return { inSats, outSats, confirmedOutSats };
}
