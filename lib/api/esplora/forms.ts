/**
 * Blocks and transactions as Esplora shows them (Blockstream's API.md). Amounts are integers in base
 * units. Owns the forms; reads nothing.
 */
import { ByteReader, toHex } from '../../codec/index.ts';
import { isCoinbase } from '../../consensus/check-transaction.ts';
import { medianTimePast } from '../../consensus/context.ts';
import type { BlockEntry } from '../../consensus/types.ts';
import { scriptAddress } from '../../script/index.ts';
import type { Tx, TxOut } from '../../types.ts';
import { difficultyOf } from '../difficulty.ts';
import { feeOf, type Prevout } from '../lookups.ts';
import { scriptAsm, scriptType } from '../script-text.ts';

const HEADER_BYTES = 80;
const COINBASE_VOUT = 0xffffffff;
const WEIGHT_PER_BYTE = 4;

export interface TxStatus {
  readonly confirmed: boolean;
  readonly block_height?: number;
  readonly block_hash?: string;
  readonly block_time?: number;
}

export const UNCONFIRMED: TxStatus = { confirmed: false };

export const statusOf = (entry: BlockEntry): TxStatus => ({
  confirmed: true,
  block_height: entry.height,
  block_hash: entry.hash,
  block_time: entry.header.time,
});

/** The count of transactions, without decoding them. */
function txCountOf(raw: Uint8Array): number {
  const reader = new ByteReader(raw);
  reader.take(HEADER_BYTES);
  return reader.compactSize();
}

export function blockForm(entry: BlockEntry, raw: Uint8Array): object {
  const { header } = entry;
  return {
    id: entry.hash,
    height: entry.height,
    version: header.version,
    timestamp: header.time,
    tx_count: txCountOf(raw),
    size: raw.length,
    weight: raw.length * WEIGHT_PER_BYTE,
    merkle_root: header.merkleRoot,
    previousblockhash: entry.height === 0 ? null : header.prevHash,
    mediantime: medianTimePast(entry),
    nonce: header.nonce,
    bits: header.bits,
    difficulty: difficultyOf(header.bits),
  };
}

function outputForm(output: { value: number; scriptPubKey: Uint8Array }, version: number): object {
  const { value, scriptPubKey } = output;
  const address = scriptAddress(scriptPubKey, version);
  return {
    scriptpubkey: toHex(scriptPubKey),
    scriptpubkey_asm: scriptAsm(scriptPubKey, 'esplora'),
    scriptpubkey_type: scriptType(scriptPubKey, 'esplora'),
    ...(address === undefined ? {} : { scriptpubkey_address: address }),
    value,
  };
}

const paid = ({ value, scriptPubKey }: TxOut) => ({ value: Number(value), scriptPubKey });

/** `prevouts`: one for each input, none for a coinbase's. */
export function txForm(
  tx: Tx,
  context: {
    readonly prevouts: readonly (Prevout | undefined)[];
    readonly status: TxStatus;
    readonly addressVersion: number;
  },
): object {
  const { prevouts, status, addressVersion } = context;
  const coinbase = isCoinbase(tx);
  return {
    txid: tx.txid,
    version: tx.version,
    locktime: tx.lockTime,
    vin: tx.inputs.map((input, i) => {
      const prevout = coinbase ? undefined : prevouts[i];
      const spent = prevout && { value: prevout.valueSats, scriptPubKey: prevout.scriptPubKey };
      return {
        txid: input.prevout.txid,
        vout: coinbase ? COINBASE_VOUT : input.prevout.vout,
        prevout: spent === undefined ? null : outputForm(spent, addressVersion),
        scriptsig: toHex(input.scriptSig),
        scriptsig_asm: scriptAsm(input.scriptSig, 'esplora'),
        is_coinbase: coinbase,
        sequence: input.sequence,
      };
    }),
    vout: tx.outputs.map((output) => outputForm(paid(output), addressVersion)),
    size: tx.raw.length,
    weight: tx.raw.length * WEIGHT_PER_BYTE,
    // Always there, or BDK refuses the whole answer.
    fee: feeOf(tx, prevouts) ?? 0,
    status,
  };
}
