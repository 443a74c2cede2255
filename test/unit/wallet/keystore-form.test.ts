/** The keystore's two forms: the sealed file, and the record in it. */
import { createHash } from 'node:crypto';
import { scrypt as nobleScrypt } from '@noble/hashes/scrypt.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMemoryVault } from '../../../lib/adapters/keystore.ts';
import {
  decodeSealed,
  encodeSealed,
  keyFileKey,
  openSealed,
  scryptKey,
} from '../../../lib/adapters/keystore-seal.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { decodeRing, encodeRing } from '../../../lib/wallet/key-ring.ts';
import { createKeystore } from '../../../lib/wallet/keystore.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';

const PHRASE = 'all all all all all all all all all all all all';

describe('the sealed form', () => {
  const seal = keyFileKey(new Uint8Array(32).fill(1));
  const data = new TextEncoder().encode('a record');
  const file = encodeSealed(data, {
    revision: 3,
    writes: ['00', '11'],
    seal,
    nonce: new Uint8Array(24).fill(2),
  });

  it('opens with its key only', () => {
    const read = decodeSealed(file);
    if (typeof read === 'string') throw new Error(read);
    expect(read).toMatchObject({ revision: 3, writes: ['00', '11'], kdf: { name: 'key-file' } });
    expect(openSealed(read, seal)).toEqual(data);
    expect(openSealed(read, keyFileKey(new Uint8Array(32).fill(9)))).toBeUndefined();
    const header = Uint8Array.from(read.header);
    header[10] = (header[10] ?? 0) ^ 1;
    expect(openSealed({ ...read, header }, seal), 'the header is sealed with it').toBeUndefined();
  });

  it('takes no changed byte', () => {
    fc.assert(
      fc.property(mangled([file]), (bytes) => {
        const isSame = Buffer.from(bytes).equals(file);
        expect(decodeSealed(bytes) === 'damaged').toBe(!isSame);
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('keystore file') },
    );
  });

  it('asks for no memory that is not there', () => {
    const text = Buffer.from(file).toString();
    const scrypt = (N: number): string =>
      `{"name":"scrypt","N":${N},"r":8,"p":1,"salt":"${'00'.repeat(16)}"}`;
    const withKdf = (N: number): Uint8Array => {
      const lines = text.replace('{"name":"key-file"}', scrypt(N)).split('\n').slice(0, 2);
      const body = `${lines.join('\n')}\n`;
      return Buffer.from(`${body}${createHash('sha256').update(body).digest('hex')}\n`);
    };
    expect(decodeSealed(withKdf(2 ** 20))).toMatchObject({ kdf: { N: 2 ** 20 } });
    for (const N of [2 ** 21, 2 ** 40, 3, 1, 0, -2, 1.5]) {
      expect(decodeSealed(withKdf(N)), String(N)).toBe('damaged');
    }
  });

  it('stretches as another scrypt does', async () => {
    const salt = new Uint8Array(16).fill(5);
    const { key, check } = await scryptKey('pass', { N: 1024, salt });
    const other = nobleScrypt('pass', salt, { N: 1024, r: 8, p: 1, dkLen: 40 });
    expect(Buffer.concat([key, check])).toEqual(Buffer.from(other));
  });
});

describe('the record', () => {
  const ring = decodeRing(
    encodeRing({
      addressVersion: 0,
      phrase: PHRASE,
      next: 1,
      keys: new Map([
        ['a', { address: 'a', secret: 0 }],
        ['b', { address: 'b', secret: new Uint8Array(32).fill(7) }],
      ]),
    }),
  );

  it('comes back as it was', () => {
    if (typeof ring !== 'object') throw new Error('not read');
    expect([...ring.keys.values()]).toEqual([
      { address: 'a', secret: 0 },
      { address: 'b', secret: new Uint8Array(32).fill(7) },
    ]);
    expect(decodeRing(encodeRing(ring))).toEqual(ring);
  });

  it('is refused where it is not one, never thrown at', () => {
    if (typeof ring !== 'object') throw new Error('not read');
    const json = JSON.parse(new TextDecoder().decode(encodeRing(ring)));
    const zero = '00'.repeat(32);
    for (const change of [
      { format: 0 },
      { addressVersion: 256 },
      { next: -1 },
      { next: 1.5 },
      { phrase: 7 },
      { keys: {} },
      { keys: [['a']] },
      { keys: [['a', 'xyz']] },
      { keys: [['a', zero]] },
      { keys: [['a', null]] },
      {
        keys: [
          ['a', 0],
          ['a', 1],
        ],
      },
    ]) {
      const bytes = new TextEncoder().encode(JSON.stringify({ ...json, ...change }));
      expect(decodeRing(bytes), JSON.stringify(change)).toBeUndefined();
    }
    const later = new TextEncoder().encode(JSON.stringify({ ...json, format: 2 }));
    expect(decodeRing(later)).toBe('newer');
    fc.assert(
      fc.property(mangled([encodeRing(ring)]), (bytes) => {
        decodeRing(bytes);
      }),
      { numRuns: FUZZ_RUNS, seed: fuzzSeed('key ring') },
    );
  });

  it('makes a Fault of a vault that holds something else', async () => {
    const vault = createMemoryVault();
    await vault.save(new TextEncoder().encode('{}'), 0);
    const opening = createKeystore({
      vault,
      random: systemRandom,
      addressVersion: 0,
      wifVersion: 0x80,
    });
    await expect(opening).rejects.toMatchObject({ code: 'keystore' });
  });
});
