/**
 * The coinbase of a block of ours: the height (BIP34), then one push of eight bytes of the genesis
 * hash and an extra nonce, so that no two networks and no two miners make the same one. Owns its
 * form; what it may be worth is consensus/subsidy.ts.
 */
import { fromHex, makeTx } from '../codec/index.ts';
import { heightPush } from '../consensus/check-block.ts';
import { checkOutput } from '../consensus/connect.ts';
import { COINBASE_SCRIPT_BYTES_MAX, SEQUENCE_FINAL } from '../consensus/limits.ts';
import { assert } from '../faults.ts';
import { isWitnessCommitment, opReturnScript, pushData } from '../script/index.ts';
import type { BlockHash, Height, Sats, Tx, Txid } from '../types.ts';

const FLAG_DIGITS = 16;
const NULL_PREVOUT = { txid: '0'.repeat(64) as Txid, vout: 0xffff_ffff } as const;
const COINBASE_VERSION = 1;
/** Opcode of the extra nonce's push, at most. */
const PUSH_OVERHEAD = 2;

/** Bytes of extra nonce of our own miners. */
export const EXTRA_NONCE_BYTES = 8;

/** Leaves a reward unclaimed: an OP_RETURN bears no value. */
export const UNCLAIMED = opReturnScript(new TextEncoder().encode('stackchain'));

/** The first eight bytes of the genesis hash as it is shown, hex. */
export const coinbaseFlags = (genesis: BlockHash): string => genesis.slice(0, FLAG_DIGITS);

/** Height push, then flags and extra nonce in one push. */
export function coinbaseScript(height: Height, flags: string, extraNonce: Uint8Array): Uint8Array {
  const flagBytes = fromHex(flags);
  assert(flagBytes !== undefined, 'coinbase flags are hex');
  const head = heightPush(height);
  const data = new Uint8Array(flagBytes.length + extraNonce.length);
  data.set(flagBytes);
  data.set(extraNonce, flagBytes.length);
  assert(
    head.length + data.length + PUSH_OVERHEAD <= COINBASE_SCRIPT_BYTES_MAX,
    'the extra nonce fits the coinbase script',
  );
  const push = pushData(data);
  const script = new Uint8Array(head.length + push.length);
  script.set(head);
  script.set(push, head.length);
  return script;
}

/** Pays all to one script, which must be P2PKH or OP_RETURN: no other output is valid here. */
export function makeCoinbase(of: {
  readonly height: Height;
  readonly flags: string;
  readonly extraNonce: Uint8Array;
  readonly payTo: Uint8Array;
  readonly value: Sats;
}): Tx {
  const isBurned = checkOutput({ value: 0n, scriptPubKey: of.payTo }).ok;
  assert(isBurned && !isWitnessCommitment(of.payTo), 'a coinbase pays to P2PKH or OP_RETURN');
  // An OP_RETURN output holds no value: then the reward is left unclaimed.
  const value = checkOutput({ value: 1n, scriptPubKey: of.payTo }).ok ? BigInt(of.value) : 0n;
  return makeTx({
    version: COINBASE_VERSION,
    inputs: [
      {
        prevout: NULL_PREVOUT,
        scriptSig: coinbaseScript(of.height, of.flags, of.extraNonce),
        sequence: SEQUENCE_FINAL,
      },
    ],
    outputs: [{ value, scriptPubKey: of.payTo }],
    lockTime: 0,
  });
}
