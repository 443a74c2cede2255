import { execFileSync } from 'node:child_process';
import { cachedDataVersionTag } from 'node:v8';
import { expect, it } from 'vitest';
import { createKernel, createWasmEngine, type Kernel } from '../../../lib/adapters/wasm-engine.ts';
import { compileWide, prepareWide } from '../../../lib/adapters/wide-kernel.ts';

/** Of V8's version and flags. */
const flagsOfV8 = cachedDataVersionTag;
const flagsAtFirst = flagsOfV8();
const v8Options = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
const isKnown = v8Options.includes('--experimental-wasm-revectorize ');
const isHere = process.arch === 'x64' && isKnown;

const kernelOf = (lanes: 4 | 8): Kernel => {
  const kernel = createKernel(lanes);
  if (kernel === undefined) throw new Error('no WebAssembly with vectors, which every Node has');
  return kernel;
};

/** As it is read: for the end, at the loop's head, before and after the one engine and the other. */
function* readings(wideMs: number, narrowMs: number): Generator<number, never> {
  let ms = 0;
  yield ms;
  for (;;) {
    yield ms;
    yield ms;
    ms += wideMs;
    yield ms;
    yield ms;
    ms += narrowMs;
    yield ms;
  }
}
function clock(wideMs: number, narrowMs: number): { ms: number; now: () => number } {
  const times = readings(wideMs, narrowMs);
  return { ms: 5, now: () => times.next().value };
}

it('is there where V8 has the flag, and nowhere else', () => {
  expect(compileWide() !== undefined).toBe(isHere);
  expect(compileWide({ arch: 'arm64', v8Options: () => v8Options })).toBeUndefined();
  const without = v8Options.replaceAll('wasm-revectorize', 'wasm-something');
  expect(compileWide({ arch: 'x64', v8Options: () => without })).toBeUndefined();
  expect(compileWide({ arch: 'x64', v8Options: () => '' })).toBeUndefined();
});

it('leaves the flags of the process as they were', () => {
  compileWide();
  expect(flagsOfV8()).toBe(flagsAtFirst);
});

it('is taken only where it is faster', () => {
  const wide = kernelOf(8);
  expect(prepareWide(() => wide, clock(1, 2))).toBe(wide);
  expect(prepareWide(() => wide, clock(2, 1))).toBeUndefined();
  expect(prepareWide(() => wide, clock(1, 1))).toBeUndefined();
});

it('is not taken where it is wrong or not there', () => {
  const wrong: Kernel = { lanes: 8, module: kernelOf(4).module };
  expect(prepareWide(() => wrong, clock(1, 2))).toBeUndefined();
  expect(prepareWide(() => undefined, clock(1, 2))).toBeUndefined();
});

it.runIf(isHere)('finds nothing less after millions of nonces than at first', () => {
  const kernel = compileWide() as Kernel;
  const engine = createWasmEngine(kernel);
  const header = new Uint8Array(80).fill(9);
  const target = 2n ** 242n;
  const found = (): number[] => {
    const all: number[] = [];
    for (let start = 0; start < 2 ** 18; ) {
      const nonce = engine.search(header, target, start, Math.min(2 ** 16, 2 ** 18 - start));
      if (nonce >= 0) all.push(nonce);
      start = nonce < 0 ? start + 2 ** 16 : nonce + 1;
    }
    return all;
  };
  const atFirst = found();
  expect(atFirst.length).toBeGreaterThan(4);
  for (let chunk = 0; chunk < 64; chunk++) engine.search(header, 0n, chunk * 2 ** 16, 2 ** 16);
  expect(found()).toEqual(atFirst);
});
