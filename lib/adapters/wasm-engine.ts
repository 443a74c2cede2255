/**
 * The Engine port in WebAssembly with vectors of four words, for browsers and for Node on x86-64 and
 * ARM64. Its code is made at start (wasm/), by rules that can be read. Called in pieces of 65,536
 * nonces at most, so that V8 soon goes on in its optimised code: a call under way never does.
 */
import type { Engine } from '../ports/engine.ts';
import { hashWithNonce, midstateOf, topWord, wordsOf } from './sha256-words.ts';
import { doubleSha256 } from './wasm/double-sha256.ts';
import { makeModule } from './wasm/module.ts';
import { LANES } from './wasm/vector-code.ts';

/** As far as we use it; TypeScript has it among the types of browsers only. */
declare const WebAssembly: {
  validate(bytes: Uint8Array<ArrayBuffer>): boolean;
  Memory: new (size: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  Instance: new (module: object, imports: object) => { readonly exports: object };
};

type Search = (start: number, groups: number) => number;

/** Undefined: this host has no WebAssembly, or none with vectors. */
export function createWasmEngine(): Engine | undefined {
  if (typeof WebAssembly === 'undefined') return undefined;
  const code = doubleSha256();
  const bytes = makeModule(code.parts());
  if (!WebAssembly.validate(bytes)) return undefined;
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const module = new WebAssembly.Module(bytes);
  const instance = new WebAssembly.Instance(module, { host: { memory } });
  const { search } = instance.exports as { readonly search: Search };
  const write = code.writer(new Int32Array(memory.buffer));
  return {
    name: 'wasm',
    search(header, target, start, count) {
      write([...midstateOf(header), ...wordsOf(header, 64, 3), topWord(target)]);
      const groups = Math.ceil(count / LANES);
      for (let done = 0; done < groups; ) {
        const hit = search((start + done * LANES) | 0, groups - done);
        if (hit < 0) return -1;
        done += hit;
        const end = Math.min(count, (done + 1) * LANES);
        for (let i = done * LANES; i < end; i++) {
          if (hashWithNonce(header, start + i) <= target) return start + i;
        }
        done += 1;
      }
      return -1;
    },
  };
}
