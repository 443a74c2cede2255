import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withSignatureCache } from '../../lib/adapters/caching-verifier.ts';
import { createNativeVerifier } from '../../lib/adapters/native-verifier.ts';
import { createNobleVerifier } from '../../lib/adapters/noble-verifier.ts';
import { createThreadedVerifier } from '../../lib/adapters/threaded-verifier.ts';
import { createVerifier } from '../../lib/adapters/verifier.ts';
import { createWasmVerifier } from '../../lib/adapters/wasm-verifier.ts';
import type { SignatureCheck } from '../../lib/types.ts';
import { verifierSuite } from './verifier-suite.ts';

verifierSuite({ name: 'noble', open: createNobleVerifier });
verifierSuite({
  name: 'native',
  open: createNativeVerifier,
  absent: 'no prebuilt binding for this platform',
});
verifierSuite({ name: 'wasm', open: createWasmVerifier, absent: 'no WebAssembly here' });
verifierSuite({ name: 'the best of this machine', open: createVerifier });
verifierSuite({ name: 'cached, room for four', open: () => createVerifier({ cacheMax: 4 }) });
const threaded = createThreadedVerifier({ threads: 2, sharedMin: 1, cacheMax: 4 });
verifierSuite({ name: 'two threads, whatever there is', open: () => threaded });
beforeAll(async () => expect(await threaded.ready()).toBe(2), 60_000);

describe('createVerifier', () => {
  it('bears the name of what does the work', () => {
    const native = createNativeVerifier();
    expect(createVerifier().name).toBe(native === undefined ? 'libsecp256k1-wasm' : 'libsecp256k1');
    expect(createNobleVerifier().name).toBe('noble');
  });
});

/** As in Lambda: one bundled file, no package beside it, the native one among those missing. */
describe('createVerifier in a bundle', () => {
  const dir = mkdtempSync(join(tmpdir(), 'stackchain-verifier-'));
  const bundle = join(dir, 'index.mjs');
  const source = `
    import { createVerifier } from './lib/adapters/verifier.ts';
    import { publicKey, sign } from './lib/crypto/ecdsa.ts';
    const key = new Uint8Array(32).fill(7);
    const digest = new Uint8Array(32).fill(9);
    const good = { digest, publicKey: publicKey(key), signature: sign(digest, key) };
    const bad = { ...good, digest: new Uint8Array(32).fill(8) };
    const verifier = createVerifier();
    const verdicts = [];
    for (const checks of [[], [good], [good, bad, good]]) {
      verdicts.push(await verifier.firstInvalid(checks));
    }
    console.log(JSON.stringify({ name: verifier.name, verdicts }));`;
  const run = (...flags: string[]): unknown =>
    JSON.parse(execFileSync(process.execPath, [...flags, bundle], { encoding: 'utf8', cwd: dir }));

  beforeAll(() => {
    buildSync({
      stdin: { contents: source, resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
      outfile: bundle,
      bundle: true,
      minify: true,
      platform: 'node',
      format: 'esm',
      external: ['secp256k1'],
      logLevel: 'error',
    });
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  it('WebAssembly does the work, without a file beside', () => {
    expect(run()).toEqual({ name: 'libsecp256k1-wasm', verdicts: [-1, -1, 1] });
    // The curve's 240 kB and not libauth's 2 MB.
    expect(statSync(bundle).size).toBeLessThan(400_000);
  });

  it('plain JavaScript does where there is no WebAssembly, and says so', () => {
    expect(run('--jitless')).toEqual({ name: 'noble', verdicts: [-1, -1, 1] });
  });
});

describe('withSignatureCache', () => {
  const checks = Array.from(
    { length: 10 },
    (_, i): SignatureCheck => ({
      publicKey: new Uint8Array(33).fill(i),
      digest: new Uint8Array(32).fill(i),
      signature: new Uint8Array(64).fill(i),
    }),
  );
  /** Says that checks are invalid whose digest begins with a byte above 100, and counts. */
  const counting = () => {
    const asked: number[] = [];
    return {
      asked,
      name: 'counting',
      async firstInvalid(given: readonly SignatureCheck[]) {
        asked.push(given.length);
        return given.findIndex((check) => (check.digest[0] as number) > 100);
      },
    };
  };

  it('asks for nothing twice that was valid', async () => {
    const inner = counting();
    const cached = withSignatureCache(inner, 100);
    await cached.firstInvalid(checks.slice(0, 4));
    expect(await cached.firstInvalid(checks)).toBe(-1);
    expect(await cached.firstInvalid(checks)).toBe(-1);
    expect(inner.asked).toEqual([4, 6, 0]);
  });

  it('the verdict depends on every byte', async () => {
    const inner = counting();
    const cached = withSignatureCache(inner, 100);
    const [check] = checks as [SignatureCheck];
    await cached.firstInvalid([check]);
    for (const part of ['publicKey', 'digest', 'signature'] as const) {
      const changed = check[part].slice();
      changed[changed.length - 1] = 9;
      await cached.firstInvalid([{ ...check, [part]: changed }]);
    }
    expect(inner.asked).toEqual([1, 1, 1, 1]);
  });

  it('remembers what came before a bad one, never a bad one', async () => {
    const inner = counting();
    const cached = withSignatureCache(inner, 100);
    const bad = { ...(checks[0] as SignatureCheck), digest: new Uint8Array(32).fill(200) };
    const list = [...checks.slice(0, 3), bad, ...checks.slice(3)];
    expect(await cached.firstInvalid(list)).toBe(3);
    expect(await cached.firstInvalid(list)).toBe(3);
    expect(inner.asked).toEqual([11, 8]);
  });

  it('holds no more than it may, the newest longest', async () => {
    const inner = counting();
    const cached = withSignatureCache(inner, 4);
    for (const check of checks) await cached.firstInvalid([check]);
    inner.asked.length = 0;
    await cached.firstInvalid(checks.slice(-2));
    await cached.firstInvalid(checks.slice(0, 6));
    expect(inner.asked).toEqual([0, 6]);
  });
});
