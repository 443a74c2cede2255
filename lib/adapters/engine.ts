/** Which Engine a host takes. */
import type { Engine } from '../ports/engine.ts';
import { createPlainEngine } from './plain-engine.ts';
import { createWasmEngine } from './wasm-engine.ts';

/** About sixteen hashes of the nonces below are under the target. */
const PROBE_TARGET = 2n ** 250n;
const PROBE_NONCES = 1024;

/**
 * Whether two engines find the same. What an engine reports it has checked; what it overlooked, for a
 * fault of this host's compiler, nobody would ever notice.
 */
export function agree(one: Engine, other: Engine): boolean {
  const header = Uint8Array.from({ length: 80 }, (_, i) => 3 * i + 1);
  for (let start = 0; start < PROBE_NONCES; ) {
    const [nonce, same] = [one, other].map((engine) =>
      engine.search(header, PROBE_TARGET, start, PROBE_NONCES - start),
    ) as [number, number];
    if (nonce !== same) return false;
    if (nonce < 0) return true;
    start = nonce + 1;
  }
  return true;
}

function choose(): Engine {
  const plain = createPlainEngine();
  const wasm = createWasmEngine();
  return wasm !== undefined && agree(wasm, plain) ? wasm : plain;
}

let loaded: Engine | undefined;

/** The fastest engine that this machine runs: one a thread, for V8 optimises its code as it is used. */
export async function loadEngine(): Promise<Engine> {
  loaded ??= choose();
  return loaded;
}
