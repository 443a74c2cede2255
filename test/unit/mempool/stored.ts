/** Transactions for tests of pure functions: unsigned, named, with a fee that is simply said. */
import { makeTx } from '../../../lib/codec/index.ts';
import type { StoredTx } from '../../../lib/mempool/rows.ts';
import { p2pkhScript } from '../../../lib/script/index.ts';
import type { Sats, Txid } from '../../../lib/types.ts';

let serial = 0;

/** `parents`: others of these, their output 0, or `tx:vout` of something outside. */
export function stored(of: {
  readonly fee: number;
  readonly parents?: readonly (StoredTx | { txid: Txid; vout: number })[];
  /** Bytes of the first input's script: sets the size. */
  readonly padding?: number;
  readonly outputs?: number;
  readonly addedMs?: number;
  readonly sequence?: number;
}): StoredTx {
  serial += 1;
  const outside = { txid: serial.toString(16).padStart(64, '0') as Txid, vout: 0 };
  const parents = of.parents?.length ? of.parents : [outside];
  const tx = makeTx({
    version: 1,
    inputs: parents.map((parent, i) => ({
      prevout: 'tx' in parent ? { txid: parent.txid, vout: serial % 2 ** 20 } : parent,
      scriptSig: new Uint8Array(i === 0 ? (of.padding ?? 0) : 0),
      sequence: of.sequence ?? 0xffff_ffff,
    })),
    outputs: Array.from({ length: of.outputs ?? 1 }, () => ({
      value: 1000n,
      scriptPubKey: p2pkhScript(new Uint8Array(20)),
    })),
    lockTime: 0,
  });
  return {
    tx,
    txid: tx.txid,
    feeSats: of.fee as Sats,
    bytes: tx.raw.length,
    addedMs: of.addedMs ?? serial,
    nonce: serial.toString(16),
  };
}
