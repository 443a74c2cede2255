/** Headers, blocks and transactions as Core's RPC shows them. Owns the forms; reads little. */
import { toHex } from '../../codec/index.ts';
import { isCoinbase } from '../../consensus/check-transaction.ts';
import { medianTimePast } from '../../consensus/context.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import type { Node } from '../../node/types.ts';
import { scriptAddress } from '../../script/index.ts';
import type { Block, BlockHash, Coin, Tx, TxIn } from '../../types.ts';
import { descriptorOf } from '../descriptor.ts';
import { bitsText, difficultyOf, targetText } from '../difficulty.ts';
import { feeOf, spentCoins, toPrevout } from '../lookups.ts';
import { scriptAsm, scriptSigAsm, scriptType } from '../script-text.ts';
import { type ExactNumber, exactNumber } from '../seed-json.ts';

const SATS_PER_COIN = 100_000_000n;
/** Without witness a byte weighs four. */
export const WEIGHT_PER_BYTE = 4;

/** Coins with all 8 places, as Core prints amounts. */
export function coins(sats: number | bigint): ExactNumber {
  const amount = BigInt(sats);
  const size = amount < 0n ? -amount : amount;
  const places = (size % SATS_PER_COIN).toString().padStart(8, '0');
  return exactNumber(`${amount < 0n ? '-' : ''}${size / SATS_PER_COIN}.${places}`);
}

const hex32 = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** What of a block depends on the chain around it. */
export interface BlockPlace {
  /** -1 off the best chain. */
  readonly confirmations: number;
  readonly next: BlockHash | undefined;
}

export function placeOf(node: Node, entry: BlockEntry): Promise<BlockPlace> {
  return node.chain.view(async (view) => {
    if (!(await view.isOnBestChain(entry))) return { confirmations: -1, next: undefined };
    const confirmations = view.tip.entry.height - entry.height + 1;
    return { confirmations, next: await view.hashAt(entry.height + 1) };
  });
}

export function headerJson(entry: BlockEntry, place: BlockPlace, txCount: number): object {
  const { header, height } = entry;
  return {
    hash: entry.hash,
    confirmations: place.confirmations,
    height,
    version: header.version,
    versionHex: hex32(header.version),
    merkleroot: header.merkleRoot,
    time: header.time,
    mediantime: medianTimePast(entry),
    nonce: header.nonce,
    bits: bitsText(header.bits),
    target: targetText(header.bits),
    difficulty: difficultyOf(header.bits),
    chainwork: entry.chainwork.toString(16).padStart(64, '0'),
    nTx: txCount,
    ...(height > 0 ? { previousblockhash: header.prevHash } : {}),
    ...(place.next === undefined ? {} : { nextblockhash: place.next }),
  };
}

/** `verbosity` 1: ids; 2: transactions with fees; 3: also with what their inputs spent. */
export async function blockJson(
  node: Node,
  found: { entry: BlockEntry; block: Block },
  verbosity: number,
): Promise<object> {
  const { entry, block } = found;
  const size = block.raw.length;
  return {
    ...headerJson(entry, await placeOf(node, entry), block.txs.length),
    strippedsize: size,
    size,
    weight: size * WEIGHT_PER_BYTE,
    tx: verbosity >= 2 ? await txsOf(node, block, verbosity >= 3) : block.txs.map((tx) => tx.txid),
  };
}

async function txsOf(node: Node, block: Block, prevouts: boolean): Promise<object[]> {
  const spent = await spentCoins(node, block);
  return block.txs.map((tx, i) => txJson(node, tx, { spent: spent?.[i], prevouts }));
}

export function scriptJson(node: Node, script: Uint8Array): object {
  const address = scriptAddress(script, node.params.addressVersion);
  const hex = toHex(script);
  return {
    asm: scriptAsm(script, 'core'),
    desc: descriptorOf(hex, address),
    hex,
    ...(address === undefined ? {} : { address }),
    type: scriptType(script, 'core'),
  };
}

/** What the inputs spent, where it is known: with it stands the fee, and each coin if asked for. */
interface Spending {
  readonly spent?: readonly Coin[] | undefined;
  readonly prevouts?: boolean;
}

const prevoutJson = (node: Node, { coinbase, height, value, scriptPubKey }: Coin): object => ({
  generated: coinbase,
  height,
  value: coins(value),
  scriptPubKey: scriptJson(node, scriptPubKey),
});

function inputJson(node: Node, input: TxIn, spent: Coin | undefined): object {
  const { prevout, scriptSig, sequence } = input;
  return {
    txid: prevout.txid,
    vout: prevout.vout,
    scriptSig: { asm: scriptSigAsm(scriptSig), hex: toHex(scriptSig) },
    ...(spent === undefined ? {} : { prevout: prevoutJson(node, spent) }),
    sequence,
  };
}

/** `prevouts` of a coinbase, or without `spent`, adds nothing, as with Core where there is no undo data. */
export function txJson(node: Node, tx: Tx, { spent, prevouts = false }: Spending = {}): object {
  const size = tx.raw.length;
  const isGenerated = isCoinbase(tx);
  const fee = isGenerated || spent === undefined ? undefined : feeOf(tx, spent.map(toPrevout));
  return {
    txid: tx.txid,
    hash: tx.txid,
    version: tx.version >>> 0,
    size,
    vsize: size,
    weight: size * WEIGHT_PER_BYTE,
    locktime: tx.lockTime,
    vin: tx.inputs.map((input, i) =>
      isGenerated
        ? { coinbase: toHex(input.scriptSig), sequence: input.sequence }
        : inputJson(node, input, prevouts ? spent?.[i] : undefined),
    ),
    vout: tx.outputs.map(({ value, scriptPubKey }, n) => ({
      value: coins(value),
      n,
      scriptPubKey: scriptJson(node, scriptPubKey),
    })),
    ...(fee === undefined ? {} : { fee: coins(fee) }),
    hex: toHex(tx.raw),
  };
}
