/** Esplora's calls about an address or a script hash (SHA-256 of the script, not reversed). */
import type { AddressCoin } from '../../chain/types.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import type { MempoolEntry } from '../../mempool/types.ts';
import type { Node } from '../../node/types.ts';
import { revealedScript, scriptHash } from '../../script/index.ts';
import { type ScriptHash, type TxIn, type Txid, toOutpointKey } from '../../types.ts';
import { type FoundTx, prevoutsOf } from '../lookups.ts';
import { statusOf, type TxStatus, UNCONFIRMED } from './forms.ts';
import { bad, hashOf, type Params, type Route } from './server.ts';
import { txForms } from './txs.ts';

const CHAIN_PAGE = 25;
const MEMPOOL_PAGE = 50;
const COINS_PAGE = 1000;
const COINS_MAX = 10_000;
/** Blocks that are read at the same time. */
const READS_AT_ONCE = 100;

interface Stats {
  funded_txo_count: number;
  funded_txo_sum: number;
  spent_txo_count: number;
  spent_txo_sum: number;
  tx_count: number;
}

/** Inputs of an entry that spend from the script. */
const spends = (entry: MempoolEntry, script: ScriptHash): TxIn[] =>
  entry.tx.inputs.filter(({ scriptSig }) => {
    const spent = revealedScript(scriptSig);
    return spent !== undefined && scriptHash(spent) === script;
  });

const pays = (entry: MempoolEntry, script: ScriptHash): { vout: number; value: number }[] =>
  entry.tx.outputs.flatMap(({ value, scriptPubKey }, vout) =>
    scriptHash(scriptPubKey) === script ? [{ vout, value: Number(value) }] : [],
  );

async function chainStats(node: Node, script: ScriptHash): Promise<Stats> {
  const totals = await node.chain.view((view) => view.addressTotals(script));
  return {
    funded_txo_count: totals.fundedCount,
    funded_txo_sum: totals.fundedSats,
    spent_txo_count: totals.spentCount,
    spent_txo_sum: totals.spentSats,
    tx_count: totals.txCount,
  };
}

async function mempoolStats(node: Node, script: ScriptHash): Promise<Stats> {
  const entries = await node.mempool.byScript(script);
  const prevoutOf = await prevoutsOf(
    node,
    entries.map(({ tx }) => tx),
  );
  const stats: Stats = {
    funded_txo_count: 0,
    funded_txo_sum: 0,
    spent_txo_count: 0,
    spent_txo_sum: 0,
    tx_count: entries.length,
  };
  for (const entry of entries) {
    for (const { value } of pays(entry, script)) {
      stats.funded_txo_count += 1;
      stats.funded_txo_sum += value;
    }
    for (const { prevout } of spends(entry, script)) {
      stats.spent_txo_count += 1;
      stats.spent_txo_sum += prevoutOf(prevout)?.valueSats ?? 0;
    }
  }
  return stats;
}

async function chainCoins(node: Node, script: ScriptHash): Promise<AddressCoin[]> {
  return node.chain.view(async (view) => {
    const coins: AddressCoin[] = [];
    for (;;) {
      const last = coins.at(-1)?.outpoint;
      const after = last === undefined ? {} : { after: toOutpointKey(last.txid, last.vout) };
      const page = await view.addressCoins(script, { ...after, limit: COINS_PAGE });
      coins.push(...page);
      if (page.length < COINS_PAGE) return coins;
      if (coins.length > COINS_MAX) throw bad('Too many unspent transaction outputs');
    }
  });
}

async function entriesAt(node: Node, heights: Iterable<number>): Promise<Map<number, BlockEntry>> {
  const entries = new Map<number, BlockEntry>();
  const wanted = [...heights];
  for (let at = 0; at < wanted.length; at += READS_AT_ONCE) {
    const part = wanted.slice(at, at + READS_AT_ONCE);
    const hashes = await node.chain.view((view) =>
      Promise.all(part.map((height) => view.hashAt(height))),
    );
    const found = await Promise.all(hashes.map((hash) => hash && node.chain.entry(hash)));
    for (const entry of found) if (entry) entries.set(entry.height, entry);
  }
  return entries;
}

async function utxos(node: Node, script: ScriptHash): Promise<object[]> {
  const waiting = await node.mempool.byScript(script);
  const spent = new Set(
    waiting
      .flatMap((entry) => spends(entry, script))
      .map(({ prevout: { txid, vout } }) => toOutpointKey(txid, vout)),
  );
  const free = (txid: Txid, vout: number): boolean => !spent.has(toOutpointKey(txid, vout));
  const coins = await chainCoins(node, script);
  const entries = await entriesAt(node, new Set(coins.map(({ coin }) => coin.height)));
  const form = (txid: Txid, vout: number, status: TxStatus, value: number) => ({
    txid,
    vout,
    status,
    value,
  });
  const confirmed = coins.flatMap(({ outpoint: { txid, vout }, coin }) => {
    const entry = entries.get(coin.height);
    return entry !== undefined && free(txid, vout)
      ? [form(txid, vout, statusOf(entry), coin.value)]
      : [];
  });
  const unconfirmed = waiting.flatMap((entry) =>
    pays(entry, script)
      .filter(({ vout }) => free(entry.txid, vout))
      .map(({ vout, value }) => form(entry.txid, vout, UNCONFIRMED, value)),
  );
  return [...confirmed, ...unconfirmed];
}

/** 25 of the chain, newest first, after the transaction `after`. */
async function chainTxs(node: Node, script: ScriptHash, after?: Txid): Promise<FoundTx[]> {
  return node.chain.view(async (view) => {
    const options = { limit: CHAIN_PAGE, ...(after === undefined ? {} : { after }) };
    const history = await view.addressHistory(script, options);
    const located = await Promise.all(history.map(({ txid }) => view.locate(txid)));
    return located.flatMap((found) => (found ? [{ tx: found.tx, place: found }] : []));
  });
}

/** Newest first. */
async function mempoolTxs(node: Node, script: ScriptHash): Promise<FoundTx[]> {
  const entries = await node.mempool.byScript(script);
  return [...entries]
    .sort((a, b) => b.addedAt - a.addedAt)
    .slice(0, MEMPOOL_PAGE)
    .map((entry) => ({ tx: entry.tx, entry }));
}

/** The chain is read last: what a block takes from the mempool in between is listed once, not lost. */
async function allTxs(node: Node, script: ScriptHash): Promise<FoundTx[]> {
  const waiting = await mempoolTxs(node, script);
  const confirmed = await chainTxs(node, script);
  const ids = new Set(confirmed.map(({ tx }) => tx.txid));
  return [...waiting.filter(({ tx }) => !ids.has(tx.txid)), ...confirmed];
}

const stats = async (node: Node, params: Params): Promise<object> => {
  const { scriptHash: script, named } = params.script();
  const [chain_stats, mempool_stats] = await Promise.all([
    chainStats(node, script),
    mempoolStats(node, script),
  ]);
  return { ...named, chain_stats, mempool_stats };
};

const routesBelow = (base: string): Route[] => [
  { method: 'GET', path: base, handle: ({ node }, params) => stats(node, params) },
  {
    method: 'GET',
    path: `${base}/utxo`,
    handle: ({ node }, params) => utxos(node, params.script().scriptHash),
  },
  {
    method: 'GET',
    path: `${base}/txs`,
    async handle({ node }, params, request) {
      const { scriptHash: script } = params.script();
      // How mempool.space's clients page; what is not looked at is page one without end.
      const after = new URL(request.url).searchParams.get('after_txid');
      const found =
        after === null ? allTxs(node, script) : chainTxs(node, script, hashOf(after) as Txid);
      return txForms(node, await found);
    },
  },
  {
    method: 'GET',
    path: `${base}/txs/chain`,
    handle: async ({ node }, params) =>
      txForms(node, await chainTxs(node, params.script().scriptHash)),
  },
  {
    method: 'GET',
    path: `${base}/txs/chain/:last`,
    handle: async ({ node }, params) =>
      txForms(node, await chainTxs(node, params.script().scriptHash, params.txid('last'))),
  },
  {
    method: 'GET',
    path: `${base}/txs/mempool`,
    handle: async ({ node }, params) =>
      txForms(node, await mempoolTxs(node, params.script().scriptHash)),
  },
];

export const addressRoutes: readonly Route[] = [
  ...routesBelow('/address/:address'),
  ...routesBelow('/scripthash/:scripthash'),
];
