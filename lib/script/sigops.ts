/** Legacy signature operations, as Bitcoin counts them without looking at what is executed. */
import { scriptOps } from './push.ts';

const OP_CHECKSIG = 0xac;
const OP_CHECKSIGVERIFY = 0xad;
const OP_CHECKMULTISIG = 0xae;
const OP_CHECKMULTISIGVERIFY = 0xaf;
const MULTISIG_COST = 20;

/** Up to the first push that is broken. */
export function countSigops(script: Uint8Array): number {
  let count = 0;
  for (const { opcode } of scriptOps(script)) {
    if (opcode === OP_CHECKSIG || opcode === OP_CHECKSIGVERIFY) count += 1;
    else if (opcode === OP_CHECKMULTISIG || opcode === OP_CHECKMULTISIGVERIFY)
      count += MULTISIG_COST;
  }
  return count;
}
