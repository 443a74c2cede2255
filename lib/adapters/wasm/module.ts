/**
 * WebAssembly's binary format, as far as one module of one exported function and one imported memory
 * goes (WebAssembly Core Specification 2.0, section 5).
 */

export type Bytes = readonly number[];

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  let left = value >>> 0;
  do {
    const low = left & 0x7f;
    left >>>= 7;
    bytes.push(left === 0 ? low : low | 0x80);
  } while (left !== 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit value. */
export function signed(value: number): number[] {
  const bytes: number[] = [];
  let left = value | 0;
  for (;;) {
    const low = left & 0x7f;
    left >>= 7;
    const isLast = (left === 0 && (low & 0x40) === 0) || (left === -1 && (low & 0x40) !== 0);
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return bytes;
  }
}

export const TYPE = { i32: 0x7f, v128: 0x7b, empty: 0x40 } as const;

const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const VERSION = [0x01, 0x00, 0x00, 0x00];
const FUNCTION = 0x60;
const KIND = { function: 0x00, memory: 0x02 } as const;
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 } as const;

const vector = (items: readonly Bytes[]): number[] => [...unsigned(items.length), ...items.flat()];
const name = (text: string): number[] => {
  const bytes = [...new TextEncoder().encode(text)];
  return [...unsigned(bytes.length), ...bytes];
};
const section = (id: number, items: readonly Bytes[]): number[] => {
  const content = vector(items);
  return [id, ...unsigned(content.length), ...content];
};

/** A module that imports memory `host.memory` (one page) and exports the function `search`. */
export function makeModule(parts: {
  readonly params: readonly number[];
  readonly results: readonly number[];
  /** Count and type of the locals after the parameters. */
  readonly locals: readonly (readonly [number, number])[];
  /** Without its `end`. */
  readonly code: Bytes;
}): Uint8Array<ArrayBuffer> {
  const { params, results, locals, code } = parts;
  const type = [FUNCTION, ...vector(params.map((p) => [p])), ...vector(results.map((r) => [r]))];
  const memory = [...name('host'), ...name('memory'), KIND.memory, 0x00, 0x01];
  const declared = vector(locals.map(([count, of]) => [...unsigned(count), of]));
  const size = unsigned(declared.length + code.length + 1);
  const bytes = [
    ...[...MAGIC, ...VERSION],
    ...section(SECTION.type, [type]),
    ...section(SECTION.import, [memory]),
    ...section(SECTION.function, [[0]]),
    ...section(SECTION.export, [[...name('search'), KIND.function, 0]]),
  ];
  const body = [1, ...size, ...declared, ...code, 0x0b];
  const head = [...bytes, SECTION.code, ...unsigned(body.length)];
  const module = new Uint8Array(head.length + body.length);
  module.set(head);
  module.set(body, head.length);
  return module;
}
