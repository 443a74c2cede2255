/**
 * Signature checks a second and core, of each verifier that this machine has, against the native
 * binding of libsecp256k1 in the same run; by the clock, what all cores together do; and what the
 * first check of a fresh process waits for.
 *
 *   npx node bench/verifiers.ts [--checks 500] [--rounds 5] [--json]
 */
import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { createNativeVerifier } from '../lib/adapters/native-verifier.ts';
import { createNobleVerifier } from '../lib/adapters/noble-verifier.ts';
import { createThreadedVerifier } from '../lib/adapters/threaded-verifier.ts';
import { createWasmVerifier } from '../lib/adapters/wasm-verifier.ts';
import { publicKey, sign } from '../lib/crypto/ecdsa.ts';
import type { Verifier } from '../lib/ports/verifier.ts';
import type { SignatureCheck } from '../lib/types.ts';
import { loadText, median, printTable, round } from './figures.ts';

const { values } = parseArgs({
  options: {
    checks: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
    /** The first check of one verifier, in a process of its own. */
    first: { type: 'string' },
  },
});

const threaded = createThreadedVerifier({ cacheMax: 1 });
const MAKERS: Readonly<Record<string, () => Verifier | undefined>> = {
  native: createNativeVerifier,
  wasm: createWasmVerifier,
  noble: createNobleVerifier,
  threads: () => threaded,
};
/** Of plain JavaScript so many fewer a round: it is that much slower. */
const NOBLE_SHARE = 10;

function makeChecks(count: number): SignatureCheck[] {
  return Array.from({ length: count }, (_, i) => {
    const key = new Uint8Array(32).fill(7);
    new DataView(key.buffer).setUint32(28, i + 1);
    const digest = new Uint8Array(32).fill(9);
    new DataView(digest.buffer).setUint32(0, i);
    return { digest, publicKey: publicKey(key), signature: sign(digest, key) };
  });
}

interface Times {
  /** Of the processor, all threads: what a busy machine does not change. */
  readonly cpu: number;
  readonly clock: number;
}

async function rateOf(verifier: Verifier, checks: readonly SignatureCheck[]): Promise<Times> {
  const [from, before] = [performance.now(), process.cpuUsage()];
  if ((await verifier.firstInvalid(checks)) !== -1) throw new Error('a good signature fails');
  const clockMs = performance.now() - from;
  const { user, system } = process.cpuUsage(before);
  const perSecond = checks.length * 1000;
  return { cpu: perSecond / ((user + system) / 1000), clock: perSecond / clockMs };
}

/** Milliseconds that the first check takes in a fresh process, loading included. */
function firstMs(name: string): number {
  const args = [import.meta.filename, '--first', name];
  const { stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  return Number(stdout);
}

async function measure(): Promise<void> {
  const all = makeChecks(Number(values.checks));
  const threads = await threaded.ready();
  const found = Object.entries(MAKERS).flatMap(([key, make]) => {
    const verifier = make();
    return verifier === undefined ? [] : [{ key, verifier, rates: [] as Times[] }];
  });
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const { key, verifier, rates } of found) {
      const checks = key === 'noble' ? all.slice(0, all.length / NOBLE_SHARE) : all;
      const rate = await rateOf(verifier, checks);
      if (round > 0) rates.push(rate);
    }
  }
  const limit = median(found[0]?.rates.map(({ cpu }) => cpu) ?? []);
  const rows = found.map(({ key, verifier, rates }) => ({
    verifier: verifier.name + (key === 'threads' ? `, ${threads} threads` : ''),
    'checks/s and core': round(median(rates.map(({ cpu }) => cpu))),
    [`of ${found[0]?.verifier.name}`]: round(median(rates.map(({ cpu }) => cpu)) / limit, 2),
    'by the clock': round(median(rates.map(({ clock }) => clock))),
    'first check, ms': round(median([1, 2, 3].map(() => firstMs(key))), 1),
  }));
  if (values.json) console.log(JSON.stringify({ bench: 'verifiers', load: loadText(), rows }));
  else printTable(rows);
}

if (values.first === undefined) await measure();
else {
  const checks = makeChecks(1);
  const from = performance.now();
  await MAKERS[values.first]?.()?.firstInvalid(checks);
  console.log(performance.now() - from);
}
