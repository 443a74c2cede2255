import { expect, it } from 'vitest';
import { agree, loadEngine } from '../../lib/adapters/engine.ts';
import { createPlainEngine } from '../../lib/adapters/plain-engine.ts';
import { createWasmEngine } from '../../lib/adapters/wasm-engine.ts';
import type { Engine } from '../../lib/ports/engine.ts';
import { engineSuite } from './engine-suite.ts';

engineSuite('plain', async () => createPlainEngine());
engineSuite('wasm', async () => {
  const engine = createWasmEngine();
  if (engine === undefined) throw new Error('no WebAssembly with vectors, which every Node has');
  return engine;
});
engineSuite('as loaded', loadEngine);

it('the fast engine is taken where it agrees with the plain one', async () => {
  const plain = createPlainEngine();
  const overlooking = (nonce: number): Engine => ({
    name: 'blind',
    search(header, target, start, count) {
      const found = plain.search(header, target, start, count);
      if (found !== nonce) return found;
      return plain.search(header, target, found + 1, start + count - found - 1);
    },
  });
  const header = Uint8Array.from({ length: 80 }, (_, i) => 3 * i + 1);
  const first = plain.search(header, 2n ** 250n, 0, 1024);
  expect(first).toBeGreaterThanOrEqual(0);
  expect(agree(overlooking(-2), plain)).toBe(true);
  expect(agree(overlooking(first), plain)).toBe(false);
  expect((await loadEngine()).name).toBe('wasm');
  // One a thread: what V8 has optimised serves the next call too.
  expect(await loadEngine()).toBe(await loadEngine());
});
