/**
 * What an address holds and what of it a wallet may spend, read from a node in this process. Owns
 * when a coin counts as spendable; keys play no part here.
 */
import type { AddressCoin, ChainView } from '../chain/types.ts';
import { isCoinbase } from '../consensus/check-transaction.ts';
import type { Gossip } from '../gossip/types.ts';
import { revealedScript, scriptHash } from '../script/index.ts';
import {
  type Coin,
  type OutpointKey,
  type Sats,
  type ScriptHash,
  type Tx,
  type Txid,
  toOutpointKey,
} from '../types.ts';
import type { Balance, SpendableCoin } from '../wallet/types.ts';
import type { Node } from './types.ts';

const COINS_PAGE = 1000;
const HISTORY_PAGE = 100;
/**
 * Blocks that a coinbase waits while there are peers, whatever its network's maturity: a fork of a
 * few blocks is common where blocks are seconds apart, and takes the coinbase and all it paid with it.
 */
const COINBASE_AGE_WITH_PEERS = 10;

/** As much of a node as the counting needs. */
export type CoinNode = Pick<Node, 'params' | 'chain' | 'mempool'> & {
  readonly gossip: Pick<Gossip, 'peers'>;
};

/** Unconfirmed transactions that touch the script, as of one moment. */
interface Waiting {
  /** Outpoints of the script that they spend. */
  readonly spent: ReadonlySet<OutpointKey>;
  readonly txs: readonly Tx[];
}

/** Least age of a coinbase at which this node's wallets spend it, in blocks. */
export async function coinbaseAge(node: CoinNode): Promise<number> {
  const { maturity } = node.params;
  if (maturity >= COINBASE_AGE_WITH_PEERS) return maturity;
  const peers = await node.gossip.peers();
  const hasPeers = peers.some(({ banned, lastSeen }) => !banned && lastSeen > 0);
  return hasPeers ? COINBASE_AGE_WITH_PEERS : maturity;
}

/** A coinbase that the next block may spend. Block 0 no fork takes away: only the rule counts there. */
const isOldEnough = (
  coin: { readonly height: number },
  next: number,
  ages: { readonly age: number; readonly maturity: number },
): boolean => next - coin.height >= (coin.height === 0 ? ages.maturity : ages.age);

function spendsOf(tx: Tx, script: ScriptHash): OutpointKey[] {
  return tx.inputs.flatMap(({ prevout, scriptSig }) => {
    const spent = revealedScript(scriptSig);
    const isOurs = spent !== undefined && scriptHash(spent) === script;
    return isOurs ? [toOutpointKey(prevout.txid, prevout.vout)] : [];
  });
}

async function waitingFor(node: CoinNode, script: ScriptHash): Promise<Waiting> {
  const txs = (await node.mempool.byScript(script)).map(({ tx }) => tx);
  return { txs, spent: new Set(txs.flatMap((tx) => spendsOf(tx, script))) };
}

/** The mempool was read before: what a block took since then is in the chain, not waiting. */
async function stillWaiting(view: ChainView, waiting: Waiting): Promise<readonly Tx[]> {
  const txs: Tx[] = [];
  for (const tx of waiting.txs) {
    if (!(await view.isConfirmed(tx.txid))) txs.push(tx);
  }
  return txs;
}

const outputsTo = (tx: Tx, script: ScriptHash): { vout: number; sats: number }[] =>
  tx.outputs.flatMap(({ value, scriptPubKey }, vout) =>
    scriptHash(scriptPubKey) === script ? [{ vout, sats: Number(value) }] : [],
  );

/** Outputs back to the script of transactions that it alone paid for: its own change. */
function changeOf(
  txs: readonly Tx[],
  spent: ReadonlySet<OutpointKey>,
  script: ScriptHash,
): SpendableCoin[] {
  return txs.flatMap((tx) => {
    if (spendsOf(tx, script).length !== tx.inputs.length) return [];
    return outputsTo(tx, script).flatMap(({ vout, sats }) => {
      const scriptPubKey = tx.outputs[vout]?.scriptPubKey;
      if (scriptPubKey === undefined || spent.has(toOutpointKey(tx.txid, vout))) return [];
      return [
        {
          outpoint: { txid: tx.txid, vout },
          valueSats: sats as Sats,
          scriptPubKey,
          unconfirmed: true as const,
        },
      ];
    });
  });
}

/** Coins of one moment, and where the next page begins. */
export interface SpendablePage {
  readonly coins: readonly SpendableCoin[];
  /** Absent: this was the last. */
  readonly next?: string;
}

/**
 * One page of what the script's owner may spend now: of `limit` confirmed coins those that are free,
 * by outpoint after `after`; with the last of them its unconfirmed change. May be empty though more
 * follow.
 */
export async function spendablePage(
  node: CoinNode,
  script: ScriptHash,
  { after, limit }: { readonly after?: string | undefined; readonly limit: number },
): Promise<SpendablePage> {
  const waiting = await waitingFor(node, script);
  const ages = { age: await coinbaseAge(node), maturity: node.params.maturity };
  return node.chain.view(async (view) => {
    const options = { limit, ...(after !== undefined && { after }) };
    const page = await view.addressCoins(script, options);
    const nextHeight = view.tip.entry.height + 1;
    const coins = page
      .filter(({ outpoint, coin }) => {
        const isClaimed = waiting.spent.has(toOutpointKey(outpoint.txid, outpoint.vout));
        return !isClaimed && (!coin.coinbase || isOldEnough(coin, nextHeight, ages));
      })
      .map(toSpendable);
    const last = page.at(-1)?.outpoint;
    if (page.length === limit && last !== undefined) {
      return { coins, next: toOutpointKey(last.txid, last.vout) };
    }
    const txs = await stillWaiting(view, waiting);
    return { coins: [...coins, ...changeOf(txs, waiting.spent, script)] };
  });
}

/** All pages. A coin that is spent in between is refused when it is used. */
export async function* spendableCoins(
  node: CoinNode,
  script: ScriptHash,
): AsyncGenerator<readonly SpendableCoin[]> {
  let after: string | undefined;
  do {
    const page = await spendablePage(node, script, { after, limit: COINS_PAGE });
    if (page.coins.length > 0) yield page.coins;
    after = page.next;
  } while (after !== undefined);
}

const toSpendable = ({
  outpoint,
  coin: { value, scriptPubKey },
}: {
  readonly outpoint: AddressCoin['outpoint'];
  readonly coin: Coin;
}): SpendableCoin => ({ outpoint, valueSats: value, scriptPubKey });

/** Costs what the address got in the last blocks and what waits, not what it ever held. */
export async function addressBalance(
  node: CoinNode,
  { address, script }: { readonly address: string; readonly script: ScriptHash },
): Promise<Balance> {
  const waiting = await waitingFor(node, script);
  const ages = { age: await coinbaseAge(node), maturity: node.params.maturity };
  return node.chain.view(async (view) => {
    const totals = await view.addressTotals(script);
    const confirmedSats = totals.fundedSats - totals.spentSats;
    const txs = await stillWaiting(view, waiting);
    const young = await youngCoinbases(view, script, ages);
    const spent = await valuesOf(view, txs, script);
    const immatureSats = sum(young.values());
    // What somebody spends although it is young counts once.
    const claimedSats = sum(
      [...spent.confirmed].flatMap(([key, sats]) => (young.has(key) ? [] : [sats])),
    );
    const changeSats = sum(changeOf(txs, waiting.spent, script).map(({ valueSats }) => valueSats));
    return {
      address,
      confirmedSats,
      immatureSats,
      spendableSats: confirmedSats - immatureSats - claimedSats + changeSats,
      pendingInSats: sum(txs.flatMap((tx) => outputsTo(tx, script).map(({ sats }) => sats))),
      pendingOutSats: sum([...spent.confirmed.values(), ...spent.unconfirmed.values()]),
      coins: totals.fundedCount - totals.spentCount,
    };
  });
}

const sum = (values: Iterable<number>): number => [...values].reduce((a, b) => a + b, 0);

/** Coinbase outputs that wallets leave alone, by outpoint: from the newest back to the age. */
async function youngCoinbases(
  view: ChainView,
  script: ScriptHash,
  ages: { readonly age: number; readonly maturity: number },
): Promise<ReadonlyMap<OutpointKey, number>> {
  const young = new Map<OutpointKey, number>();
  const next = view.tip.entry.height + 1;
  let after: Parameters<ChainView['addressHistory']>[1] = {};
  for (;;) {
    const page = await view.addressHistory(script, { ...after, limit: HISTORY_PAGE });
    for (const item of page) {
      if (next - item.height >= Math.max(ages.age, ages.maturity)) return young;
      const tx = item.position === 0 ? (await view.locate(item.txid))?.tx : undefined;
      if (tx === undefined || !isCoinbase(tx) || isOldEnough(item, next, ages)) continue;
      for (const { vout, sats } of outputsTo(tx, script)) {
        young.set(toOutpointKey(item.txid, vout), sats);
      }
    }
    const last = page.at(-1);
    if (page.length < HISTORY_PAGE || last === undefined) return young;
    after = { after: last.txid };
  }
}

/** What the script's coins are worth that waiting transactions spend. */
async function valuesOf(
  view: ChainView,
  txs: readonly Tx[],
  script: ScriptHash,
): Promise<{
  readonly confirmed: ReadonlyMap<OutpointKey, number>;
  readonly unconfirmed: ReadonlyMap<OutpointKey, number>;
}> {
  const byId = new Map(txs.map((tx) => [tx.txid, tx]));
  const confirmed = new Map<OutpointKey, number>();
  const unconfirmed = new Map<OutpointKey, number>();
  // Each once: inputs share parents, and a parent may be long.
  const parents = new Map<Txid, Tx | undefined>();
  for (const tx of txs) {
    const ours = new Set(spendsOf(tx, script));
    for (const { prevout } of tx.inputs) {
      const key = toOutpointKey(prevout.txid, prevout.vout);
      if (!ours.has(key)) continue;
      const waiting = byId.get(prevout.txid);
      if (waiting === undefined && !parents.has(prevout.txid)) {
        parents.set(prevout.txid, (await view.locate(prevout.txid))?.tx);
      }
      const parent = waiting ?? parents.get(prevout.txid);
      const sats = Number(parent?.outputs[prevout.vout]?.value ?? 0n);
      (waiting === undefined ? confirmed : unconfirmed).set(key, sats);
    }
  }
  return { confirmed, unconfirmed };
}
