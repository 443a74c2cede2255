/**
 * Reads that `/v1`, Esplora and JSON-RPC share: addresses, transactions wherever they are, and what
 * their inputs spent. Owns no form of an answer.
 */
import { parseAddress } from '../codec/index.ts';
import { isCoinbase } from '../consensus/check-transaction.ts';
import type { MempoolEntry } from '../mempool/types.ts';
import type { Node } from '../node/types.ts';
import { p2pkhScript, scriptHash } from '../script/index.ts';
import {
  type Block,
  type BlockHash,
  type Coin,
  type Height,
  type OutpointKey,
  type ScriptHash,
  type Tx,
  type Txid,
  toOutpointKey,
} from '../types.ts';

/** Previous transactions that are read at the same time. */
const READS_AT_ONCE = 16;
export interface AddressScript {
  readonly address: string;
  readonly scriptPubKey: Uint8Array;
  readonly scriptHash: ScriptHash;
}

/** The script of an address of this network; undefined for anything else. */
export function addressScript(node: Node, address: string): AddressScript | undefined {
  const parsed = parseAddress(address);
  if (!parsed.ok || parsed.value.version !== node.params.addressVersion) return undefined;
  const scriptPubKey = p2pkhScript(parsed.value.hash160);
  return { address, scriptPubKey, scriptHash: scriptHash(scriptPubKey) };
}

export interface TxPlace {
  readonly blockHash: BlockHash;
  readonly height: Height;
  readonly position: number;
}

export interface FoundTx {
  readonly tx: Tx;
  /** Absent while it is unconfirmed. */
  readonly place?: TxPlace;
  readonly entry?: MempoolEntry;
}

const locate = (node: Node, txid: Txid): Promise<FoundTx | undefined> =>
  node.chain.view(async (view) => {
    const found = await view.locate(txid);
    return found && { tx: found.tx, place: found };
  });

/**
 * A transaction in the chain or the mempool. The chain is asked again after the mempool: what moved
 * into a block between the two reads must never look lost (a wallet would pay again).
 */
export async function findTx(node: Node, txid: Txid): Promise<FoundTx | undefined> {
  const confirmed = await locate(node, txid);
  if (confirmed !== undefined) return confirmed;
  const entry = await node.mempool.get(txid);
  if (entry !== undefined) return { tx: entry.tx, entry };
  return (await locate(node, txid)) ?? disconnected(node, txid);
}

/** On its way from a block that lost back into the mempool; a coinbase has no way back. */
async function disconnected(node: Node, txid: Txid): Promise<FoundTx | undefined> {
  const tx = await node.chain.view((view) => view.disconnectedTx(txid));
  return tx === undefined || isCoinbase(tx) ? undefined : { tx };
}

/** What an input spends. */
export interface Prevout {
  readonly valueSats: number;
  readonly scriptPubKey: Uint8Array;
}

export const toPrevout = ({ value, scriptPubKey }: Coin): Prevout => ({
  valueSats: value,
  scriptPubKey,
});

/** By outpoint, for many transactions at once; what is not known is left out. */
export async function prevoutsOf(
  node: Node,
  txs: readonly Tx[],
): Promise<(outpoint: { txid: Txid; vout: number }) => Prevout | undefined> {
  const known = new Map<Txid, Tx | undefined>(txs.map((tx) => [tx.txid, tx]));
  const wanted = new Set<Txid>();
  for (const tx of txs) {
    if (isCoinbase(tx)) continue;
    for (const input of tx.inputs)
      if (!known.has(input.prevout.txid)) wanted.add(input.prevout.txid);
  }
  const ids = [...wanted];
  for (let at = 0; at < ids.length; at += READS_AT_ONCE) {
    const part = ids.slice(at, at + READS_AT_ONCE);
    const found = await Promise.all(part.map((txid) => findTx(node, txid)));
    part.forEach((txid, i) => {
      known.set(txid, found[i]?.tx);
    });
  }
  return ({ txid, vout }) => {
    const output = known.get(txid)?.outputs[vout];
    return output && { valueSats: Number(output.value), scriptPubKey: output.scriptPubKey };
  };
}

/**
 * Coins that each transaction of a block spent, by its undo data: none for the coinbase. Undefined for
 * a block that was never connected.
 */
export async function spentCoins(
  node: Node,
  block: Block,
): Promise<readonly (readonly Coin[])[] | undefined> {
  const undo = await node.chain.undo(block.header.hash);
  if (undo === undefined) return undefined;
  let at = 0;
  return block.txs.map((tx, i) => {
    const from = at;
    at += i === 0 ? 0 : tx.inputs.length;
    return undo.slice(from, at);
  });
}

/** Prevouts per transaction of a block: from its undo data, one read, else one by one. */
export async function blockPrevouts(
  node: Node,
  block: Block,
): Promise<readonly (readonly (Prevout | undefined)[])[]> {
  const spent = await spentCoins(node, block);
  if (spent === undefined) {
    const prevoutOf = await prevoutsOf(node, block.txs);
    return block.txs.map((tx) => tx.inputs.map((input) => prevoutOf(input.prevout)));
  }
  return spent.map((coins) => coins.map(toPrevout));
}

/** Inputs less outputs; 0 for a coinbase; undefined when an input's coin is not known. */
export function feeOf(tx: Tx, prevouts: readonly (Prevout | undefined)[]): number | undefined {
  if (isCoinbase(tx)) return 0;
  let sats = 0n;
  for (const prevout of prevouts) {
    if (prevout === undefined) return undefined;
    sats += BigInt(prevout.valueSats);
  }
  for (const output of tx.outputs) sats -= output.value;
  return Number(sats);
}

/** The fee of a transaction wherever it is. */
export async function feeOfFound(node: Node, found: FoundTx): Promise<number | undefined> {
  if (found.entry !== undefined) return found.entry.feeSats;
  const prevoutOf = await prevoutsOf(node, [found.tx]);
  return feeOf(
    found.tx,
    found.tx.inputs.map((input) => prevoutOf(input.prevout)),
  );
}

/** Who spends which output, and with which input. */
export type Claims = ReadonlyMap<OutpointKey, { readonly txid: Txid; readonly vin: number }>;

/** Of transactions that do not contradict each other: the mempool's. */
export function claimsIn(entries: readonly Pick<MempoolEntry, 'txid' | 'tx'>[]): Claims {
  return new Map(
    entries.flatMap(({ txid, tx }) =>
      tx.inputs.map(({ prevout }, vin) => [
        toOutpointKey(prevout.txid, prevout.vout),
        { txid, vin },
      ]),
    ),
  );
}
