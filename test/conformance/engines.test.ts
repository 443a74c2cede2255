import { describe, expect, it } from 'vitest';
import { agree, firstRight, loadEngine } from '../../lib/adapters/engine.ts';
import { createPlainEngine } from '../../lib/adapters/plain-engine.ts';
import type { Lanes } from '../../lib/adapters/wasm/vector-code.ts';
import { createKernel, createWasmEngine, type Kernel } from '../../lib/adapters/wasm-engine.ts';
import { compileWide } from '../../lib/adapters/wide-kernel.ts';
import type { Engine } from '../../lib/ports/engine.ts';
import { engineSuite } from './engine-suite.ts';

function kernelOf(lanes: Lanes): Kernel {
  const kernel = createKernel(lanes);
  if (kernel === undefined) throw new Error('no WebAssembly with vectors, which every Node has');
  return kernel;
}

// Before any other of eight lanes: V8 compiles the same bytes once in a process.
const wide = compileWide() ?? kernelOf(8);

engineSuite('plain', async () => createPlainEngine());
engineSuite('wasm', async () => createWasmEngine(kernelOf(4)));
engineSuite('wasm-wide', async () => createWasmEngine(wide));
engineSuite('as loaded', loadEngine);

describe('the choice', () => {
  const plain = createPlainEngine();
  const noneOf = (isSeen: (nonce: number) => boolean): Engine => ({
    name: 'blind',
    search(header, target, start, count) {
      for (let from = start; ; ) {
        const found = plain.search(header, target, from, start + count - from);
        if (found < 0 || isSeen(found)) return found;
        from = found + 1;
      }
    },
  });

  it('takes an engine that agrees with the plain one', async () => {
    const header = Uint8Array.from({ length: 80 }, (_, i) => 3 * i + 1);
    const first = plain.search(header, 2n ** 250n, 0, 1024);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(
      agree(
        noneOf(() => true),
        plain,
      ),
    ).toBe(true);
    expect(
      agree(
        noneOf((nonce) => nonce !== first),
        plain,
      ),
    ).toBe(false);
    expect((await loadEngine()).name).toBe('wasm');
    // One a thread: what V8 has optimised serves the next call too.
    expect(await loadEngine()).toBe(await loadEngine());
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])(
    'sees that lane %d of eight overlooks what it holds',
    (lane) => {
      expect(
        agree(
          noneOf((nonce) => nonce % 8 !== lane),
          plain,
        ),
      ).toBe(false);
    },
  );

  it('falls back from a kernel that is wrong, and from one that is not there', () => {
    const narrow = kernelOf(4);
    const wrong: Kernel = { lanes: 8, module: narrow.module };
    expect(agree(createWasmEngine(wrong), plain)).toBe(false);
    expect(firstRight([wide, narrow]).name).toBe('wasm-wide');
    expect(firstRight([wrong, narrow]).name).toBe('wasm');
    expect(firstRight([undefined, narrow]).name).toBe('wasm');
    expect(firstRight([wrong, undefined]).name).toBe('plain');
  });
});
