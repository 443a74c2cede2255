/**
 * The Engine port in WebAssembly with vectors of four words, for browsers and for Node on x86-64 and
 * ARM64. Its code is made at start (wasm/), by rules that can be read. Called in pieces of 65,536
 * nonces at most, so that V8 soon goes on in its optimised code: a call under way never does.
 */
import type { Engine } from '../ports/engine.ts';
import { hashWithNonce, midstateOf, swap, topWord, wordsOf } from './sha256-words.ts';
import { doubleSha256 } from './wasm/double-sha256.ts';
import { makeModule } from './wasm/module.ts';
import type { Lanes } from './wasm/vector-code.ts';

/** As far as we use it; TypeScript has it among the types of browsers only. */
declare const WebAssembly: {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

type Search = (start: number, groups: number) => number;

/** The code of an engine. Passed to another thread, it is compiled no second time. */
export interface Kernel {
  readonly lanes: Lanes;
  /** A WebAssembly.Module. */
  readonly module: object;
}

/** Undefined: this host has no WebAssembly, or none with vectors. */
export function createKernel(lanes: Lanes): Kernel | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  const bytes = makeModule(doubleSha256(lanes).parts());
  return WebAssembly.validate(bytes) ? { lanes, module: new WebAssembly.Module(bytes) } : undefined;
}

export function createWasmEngine({ lanes, module }: Kernel): Engine {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const instance = new WebAssembly.Instance(module, { host: { memory } });
  const { search } = instance.exports as { readonly search: Search };
  const write = doubleSha256(lanes).writer(new Int32Array(memory.buffer));
  return {
    name: lanes === 4 ? 'wasm' : 'wasm-wide',
    search(header, target, start, count) {
      write([...midstateOf(header), ...wordsOf(header, 64, 3), zerosOf(target)]);
      const end = start + count;
      for (let group = start - (start % lanes); group < end; group += lanes) {
        const hit = search(group | 0, Math.ceil((end - group) / lanes));
        if (hit < 0) return -1;
        group += hit * lanes;
        const first = Math.max(start, group);
        for (let nonce = first; nonce < Math.min(end, group + lanes); nonce++) {
          if (hashWithNonce(header, nonce) <= target) return nonce;
        }
      }
      return -1;
    },
  };
}

/** The bits of a hash's last word that are zero in every hash up to the target. */
function zerosOf(target: bigint): number {
  const zeros = Math.clz32(topWord(target));
  return zeros === 0 ? 0 : swap(-1 << (32 - zeros));
}
