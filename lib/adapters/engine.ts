/** Which Engine a host takes. Today there is one. */
import type { Engine } from '../ports/engine.ts';
import { createPlainEngine } from './plain-engine.ts';

/** The fastest engine that this machine runs. */
export async function loadEngine(): Promise<Engine> {
  return createPlainEngine();
}
