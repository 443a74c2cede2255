/** Which Engine a host takes. */
import type { Engine } from '../ports/engine.ts';
import { createPlainEngine } from './plain-engine.ts';
import { createKernel, createWasmEngine, type Kernel } from './wasm-engine.ts';

/** About sixteen hashes of a probe's nonces are under the target: in each lane of each engine some. */
const PROBE_TARGET = 2n ** 250n;
const PROBE_NONCES = 1024;
const PROBES = [0, 2 ** 31 - PROBE_NONCES / 2, 2 ** 32 - PROBE_NONCES];

/**
 * Whether two engines find the same. What an engine reports it has checked; what it overlooked, for a
 * fault of this host's compiler, nobody would ever notice.
 */
export function agree(one: Engine, other: Engine): boolean {
  return PROBES.every((from, probe) => {
    const header = Uint8Array.from({ length: 80 }, (_, i) => (2 * probe + 3) * i + 1);
    const end = from + PROBE_NONCES;
    for (let start = from; start < end; ) {
      const [nonce, same] = [one, other].map((engine) =>
        engine.search(header, PROBE_TARGET, start, end - start),
      ) as [number, number];
      if (nonce !== same) return false;
      if (nonce < 0) return true;
      start = nonce + 1;
    }
    return true;
  });
}

/** The first of the kernels that is right on this machine, as an engine. */
export function firstRight(kernels: readonly (Kernel | undefined)[]): Engine {
  const plain = createPlainEngine();
  for (const kernel of kernels) {
    const engine = kernel === undefined ? undefined : createWasmEngine(kernel);
    if (engine !== undefined && agree(engine, plain)) return engine;
  }
  return plain;
}

let loaded: Engine | undefined;

/**
 * The fastest engine that this machine runs: one a thread, for V8 optimises its code as it is used.
 * `wide`: of wide-kernel.ts, where a host has prepared it.
 */
export async function loadEngine(wide?: Kernel): Promise<Engine> {
  loaded ??= firstRight([wide, createKernel(4)]);
  return loaded;
}
