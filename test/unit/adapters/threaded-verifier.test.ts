import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { getPublicKey } from '@noble/secp256k1';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createThreadedVerifier } from '../../../lib/adapters/threaded-verifier.ts';
import { packChecks, verdictOf, workOff } from '../../../lib/adapters/verify-batch.ts';
import { publicKey, sign } from '../../../lib/crypto/ecdsa.ts';
import type { SignatureCheck } from '../../../lib/types.ts';

const COUNT = 100;
const START_MS = 60_000;
const filled = (length: number, i: number): Uint8Array => new Uint8Array(length).fill(i + 1);

const good = Array.from({ length: COUNT }, (_, i): SignatureCheck => {
  const [key, digest] = [filled(32, i), filled(32, i + 50)];
  return { digest, publicKey: publicKey(key), signature: sign(digest, key) };
});
const withBad = (...indexes: number[]): SignatureCheck[] =>
  good.map((check, i) => (indexes.includes(i) ? { ...check, digest: filled(32, 201) } : check));

/** A thread of another kind: says that it is ready, and answers a job by `code`. */
const threadThat = (code: string): URL =>
  new URL(
    `data:text/javascript,${encodeURIComponent(`
      import { parentPort } from 'node:worker_threads';
      parentPort.on('message', ({ id, shared }) => { ${code} });
      parentPort.postMessage('ready');`)}`,
  );
const says = (index: number): URL =>
  threadThat(`new Int32Array(shared, 0, 2)[1] = ${index}; parentPort.postMessage(id);`);

describe('createThreadedVerifier', () => {
  it('many checks are the threads’ work, few are done in place', async () => {
    const verifier = createThreadedVerifier({ threads: 2, module: says(7), cacheMax: 1 });
    expect(await verifier.firstInvalid(good), 'before they are ready').toBe(-1);
    expect(await verifier.ready()).toBe(2);
    expect(await verifier.firstInvalid(withBad(40))).toBe(7);
    expect(await verifier.firstInvalid(withBad(4).slice(0, 15))).toBe(4);
  });

  it('one thread is the calling one', async () => {
    const verifier = createThreadedVerifier({ threads: 1, module: says(7) });
    expect(await verifier.ready()).toBe(0);
    expect(await verifier.firstInvalid(withBad(40))).toBe(40);
  });

  it.each([
    ['ends at its first job', threadThat('process.exit()')],
    ['fails at its first job', threadThat('throw new Error("trouble")')],
    ['cannot be loaded', pathToFileURL('/nowhere/at-all.js')],
    ['ends before it can work', new URL('data:text/javascript,')],
  ])('a thread that %s costs no verdict', async (_what, module) => {
    const verifier = createThreadedVerifier({ threads: 2, module, cacheMax: 1 });
    await verifier.ready();
    const asked = [withBad(40), good, withBad(99)];
    expect(await Promise.all(asked.map(verifier.firstInvalid))).toEqual([40, -1, 99]);
    expect(await verifier.firstInvalid(withBad(3, 50))).toBe(3);
  });

  it.each([0, 1, 3])(
    'keeps a process alive while it checks, and no longer: %i times',
    { timeout: START_MS },
    (times) => {
      const module = new URL('../../../lib/adapters/threaded-verifier.ts', import.meta.url);
      const script = `
      import { createThreadedVerifier } from ${JSON.stringify(module.href)};
      const verifier = createThreadedVerifier({ threads: 2, cacheMax: 1 });
      const check = { publicKey: new Uint8Array(33), digest: new Uint8Array(32), signature: new Uint8Array(64) };
      console.log(await verifier.ready());
      for (let i = 0; i < ${times}; i++) console.log(await verifier.firstInvalid(Array(100).fill(check)));`;
      const file = join(mkdtempSync(join(tmpdir(), 'stackchain-verifier-')), 'checks.mjs');
      writeFileSync(file, script);
      const ended = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: START_MS });
      expect(ended).toMatchObject({ status: 0, stdout: `2\n${'0\n'.repeat(times)}` });
    },
  );

  describe('real threads', () => {
    const verifier = createThreadedVerifier({ threads: 3, cacheMax: 1 });
    beforeAll(async () => expect(await verifier.ready()).toBe(3), START_MS);

    it('the lowest that fails is named, in any company, many asking at once', async () => {
      const bad = fc.uniqueArray(fc.nat({ max: COUNT - 1 }), { maxLength: 5 });
      await fc.assert(
        fc.asyncProperty(fc.array(bad, { minLength: 1, maxLength: 4 }), async (lists) => {
          const verdicts = await Promise.all(
            lists.map((list) => verifier.firstInvalid(withBad(...list))),
          );
          expect(verdicts).toEqual(
            lists.map((list) => (list.length === 0 ? -1 : Math.min(...list))),
          );
        }),
        { numRuns: 30 },
      );
    });
  });
});

describe('a batch', () => {
  it('what is taken is what was packed', async () => {
    const long = { ...(good[0] as SignatureCheck), publicKey: getPublicKey(filled(32, 0), false) };
    const checks = [...good.slice(0, 20), long];
    const shared = packChecks(checks) as SharedArrayBuffer;
    const seen: SignatureCheck[] = [];
    await workOff(shared, async (taken) => {
      seen.push(...taken);
      return -1;
    });
    expect(seen).toEqual(checks);
    expect(verdictOf(shared)).toBe(-1);
  });

  it('of several failures the lowest counts, and nothing behind it is taken any more', async () => {
    const shared = packChecks(good) as SharedArrayBuffer;
    let taken = 0;
    // The second worker has taken its part when the first one fails.
    const slow = workOff(shared, async (checks) => {
      taken += checks.length;
      await workOff(shared, async (more) => {
        taken += more.length;
        return 1;
      });
      return 5;
    });
    await slow;
    expect(verdictOf(shared)).toBe(5);
    expect(taken).toBe(16);
  });

  it('what has other lengths is not packed', () => {
    const [check] = good as [SignatureCheck];
    expect(packChecks([{ ...check, digest: filled(31, 0) }])).toBeUndefined();
    expect(packChecks([{ ...check, signature: filled(65, 0) }])).toBeUndefined();
    expect(packChecks([{ ...check, publicKey: filled(66, 0) }])).toBeUndefined();
  });
});
