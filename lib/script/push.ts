/** Pushes of data in scripts, on their raw bytes. */
const OP_PUSHDATA1 = 0x4c;
const OP_PUSHDATA2 = 0x4d;
const OP_PUSHDATA4 = 0x4e;
/** Longest data that its own length byte pushes. */
export const DIRECT_PUSH_MAX = 0x4b;

export interface ScriptOp {
  readonly opcode: number;
  readonly data?: Uint8Array;
}

/** Operations in order; ends without a word at the first push that is longer than what is left. */
export function* scriptOps(script: Uint8Array): Generator<ScriptOp> {
  for (let at = 0; at < script.length; ) {
    const opcode = script[at++] as number;
    if (opcode === 0 || opcode > OP_PUSHDATA4) {
      yield { opcode };
      continue;
    }
    let length = opcode;
    if (opcode >= OP_PUSHDATA1) {
      const width = opcode === OP_PUSHDATA1 ? 1 : opcode === OP_PUSHDATA2 ? 2 : 4;
      if (at + width > script.length) return;
      length = 0;
      for (let i = width - 1; i >= 0; i--) length = length * 256 + (script[at + i] as number);
      at += width;
    }
    if (length > script.length - at) return;
    yield { opcode, data: script.subarray(at, at + length) };
    at += length;
  }
}

/** One push in its shortest form, of 1 to 255 bytes. */
export function pushData(data: Uint8Array): Uint8Array {
  const head = data.length <= DIRECT_PUSH_MAX ? [data.length] : [OP_PUSHDATA1, data.length];
  const script = new Uint8Array(head.length + data.length);
  script.set(head);
  script.set(data, head.length);
  return script;
}
