/** The template of outputs that carry data: `6a`, alone or with one shortest push of 1 to 80 bytes. */
import { DIRECT_PUSH_MAX, pushData } from './push.ts';

const OP_RETURN = 0x6a;
const OP_PUSHDATA1 = 0x4c;
export const DATA_BYTES_MAX = 80;

/** Whether the script begins as one, whatever follows: such an output can never be spent. */
export const isOpReturn = (script: Uint8Array): boolean => script[0] === OP_RETURN;

export function matchOpReturn(script: Uint8Array): boolean {
  if (script[0] !== OP_RETURN) return false;
  if (script.length === 1) return true;
  const first = script[1] as number;
  if (first >= 1 && first <= DIRECT_PUSH_MAX) return script.length === 2 + first;
  if (first !== OP_PUSHDATA1 || script.length < 3) return false;
  const length = script[2] as number;
  return length > DIRECT_PUSH_MAX && length <= DATA_BYTES_MAX && script.length === 3 + length;
}

/** Data of 1 to 80 bytes. */
export function opReturnScript(data: Uint8Array): Uint8Array {
  const push = pushData(data);
  const script = new Uint8Array(1 + push.length);
  script[0] = OP_RETURN;
  script.set(push, 1);
  return script;
}

/** What Bitcoin takes for a commitment to a witness (BIP141) when a coinbase bears it. */
export function isWitnessCommitment(script: Uint8Array): boolean {
  const head = [0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
  return script.length >= 38 && head.every((byte, i) => script[i] === byte);
}
