/**
 * The kernel of eight lanes, for processes that mine and do little else. V8 makes one vector of 256
 * bits (AVX2) of two of 128, if it is told to by a flag that it calls experimental and that is the
 * whole process's. So the flag is on only while this one kernel is compiled, in a synchronous stretch,
 * and other WebAssembly (a verifier's, that of Node's fetch) is compiled before or after, without it.
 * To be called before the process has other threads: what they compile meanwhile would have the flag.
 *
 * V8's baseline compiler is off meanwhile: the code that is checked here is the code that will run.
 */
import { spawnSync } from 'node:child_process';
import { setFlagsFromString } from 'node:v8';
import { agree } from './engine.ts';
import { createPlainEngine } from './plain-engine.ts';
import { createKernel, createWasmEngine, type Kernel } from './wasm-engine.ts';

const FLAG = 'experimental-wasm-revectorize';
const OPTIONS_MS_MAX = 5_000;
const CALIBRATION_MS = 200;
/** One to two milliseconds. */
const CHUNK = 16_384;

export interface WideHost {
  readonly arch: string;
  /** What `node --v8-options` prints. V8 has no other way to ask, and complains of an unknown flag. */
  readonly v8Options: () => string;
}

const THIS_HOST: WideHost = {
  arch: process.arch,
  v8Options: () =>
    spawnSync(process.execPath, ['--v8-options'], { encoding: 'utf8', timeout: OPTIONS_MS_MAX })
      .stdout ?? '',
};

/** Undefined: this host has no such vectors, or its V8 not the flag. */
export function compileWide({ arch, v8Options }: WideHost = THIS_HOST): Kernel | undefined {
  // ARM64 has vectors of 128 bits only.
  if (arch !== 'x64' || !v8Options().includes(`--${FLAG} `)) return undefined;
  try {
    setFlagsFromString(`--${FLAG}`);
    setFlagsFromString('--no-liftoff');
    const kernel = createKernel(8);
    // V8 compiles a function when it is first called.
    if (kernel !== undefined) createWasmEngine(kernel).search(new Uint8Array(80), 0n, 0, 1);
    return kernel;
  } finally {
    setFlagsFromString('--liftoff');
    setFlagsFromString(`--no-${FLAG}`);
  }
}

/** The wide kernel for `loadEngine`, if this machine is right with it, and faster than without. */
export function prepareWide(
  compile: () => Kernel | undefined = compileWide,
  clock: { readonly ms: number; readonly now: () => number } = { ms: CALIBRATION_MS, now },
): Kernel | undefined {
  const wide = compile();
  const narrow = createKernel(4);
  if (wide === undefined || narrow === undefined) return undefined;
  const engine = createWasmEngine(wide);
  if (!agree(engine, createPlainEngine())) return undefined;
  const engines = [engine, createWasmEngine(narrow)];
  /** Of each, its best: what else runs on the machine disturbs that least. */
  const bestMs = [Infinity, Infinity] as [number, number];
  const header = new Uint8Array(80);
  for (const end = clock.now() + clock.ms; clock.now() < end; ) {
    for (const [i, { search }] of engines.entries()) {
      const before = clock.now();
      search(header, 0n, 0, CHUNK);
      bestMs[i] = Math.min(bestMs[i] as number, clock.now() - before);
    }
  }
  return bestMs[0] < bestMs[1] ? wide : undefined;
}

function now(): number {
  return performance.now();
}
