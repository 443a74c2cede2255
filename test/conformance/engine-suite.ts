/**
 * The promises of the Engine port as tests, against node:crypto: what is found is the first, nothing
 * is missed, nothing false is reported. Every engine must pass them unchanged.
 */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../../lib/ports/engine.ts';
import { vectorBytes, vectorCases } from '../helpers/vectors.ts';

const ALL = 2n ** 256n - 1n;
const MAX_COUNT = 65_536;
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();

function hashOf(header: Uint8Array, nonce: number): bigint {
  const bytes = Buffer.from(header);
  bytes.writeUInt32LE(nonce, 76);
  return BigInt(`0x${sha256(sha256(bytes)).reverse().toString('hex')}`);
}

/** What the port promises, one nonce after the other. */
function slowSearch(header: Uint8Array, target: bigint, start: number, count: number): number {
  for (let nonce = start; nonce < start + count; nonce++) {
    if (hashOf(header, nonce) <= target) return nonce;
  }
  return -1;
}

const header80 = fc.uint8Array({ minLength: 80, maxLength: 80 });

export function engineSuite(name: string, load: () => Promise<Engine>): void {
  describe(`engine ${name}`, async () => {
    const engine = await load();

    it('has a name', () => {
      expect(engine.name).toMatch(/^[a-z0-9-]+$/);
    });

    it('finds what node:crypto finds, for any header, target and range', () => {
      const target = fc.integer({ min: 240, max: 256 }).map((bits) => 2n ** BigInt(bits) - 1n);
      const start = fc.oneof(
        fc.integer({ min: 0, max: 2 ** 32 - 300 }),
        fc.constant(2 ** 31 - 100),
      );
      fc.assert(
        fc.property(header80, target, start, fc.nat(300), (header, limit, from, count) => {
          const before = header.slice();
          expect(engine.search(header, limit, from, count)).toBe(
            slowSearch(header, limit, from, count),
          );
          expect(header).toEqual(before);
        }),
        { numRuns: 300 },
      );
    });

    it('takes a hash equal to the target, and not one above it', () => {
      fc.assert(
        fc.property(header80, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (header, nonce) => {
          const hash = hashOf(header, nonce);
          expect(engine.search(header, hash, nonce, 1)).toBe(nonce);
          expect(engine.search(header, hash - 1n, nonce, 1)).toBe(-1);
        }),
        { numRuns: 200 },
      );
    });

    it('tries the last nonce, and none when asked for none', () => {
      const header = new Uint8Array(80).fill(3);
      expect(engine.search(header, ALL, 2 ** 32 - 1, 1)).toBe(2 ** 32 - 1);
      expect(engine.search(header, ALL, 0, 0)).toBe(-1);
      expect(engine.search(header, 0n, 2 ** 32 - MAX_COUNT, MAX_COUNT)).toBe(-1);
      expect(engine.search(header, ALL, 7, MAX_COUNT)).toBe(7);
    });

    it('sees the whole header: each byte changes the result', () => {
      const header = Uint8Array.from({ length: 80 }, (_, i) => i);
      const hash = hashOf(header, 99);
      for (let at = 0; at < 76; at++) {
        const changed = header.slice();
        changed[at] = (changed[at] as number) ^ 0x80;
        expect(engine.search(changed, hashOf(changed, 99), 99, 1)).toBe(99);
        expect(engine.search(changed, hash, 99, 1)).toBe(hash >= hashOf(changed, 99) ? 99 : -1);
      }
    });

    it('reads a header that is part of a larger buffer', () => {
      const buffer = new Uint8Array(200).fill(5);
      const header = buffer.subarray(33, 113);
      const hash = hashOf(header, 12);
      expect(engine.search(header, hash, 12, 1)).toBe(12);
      expect(engine.search(Buffer.from(header), hash, 12, 1)).toBe(12);
    });

    const blocks = vectorCases<{ file: string; hash: string; nonce: number }>('blocks');
    it.each(blocks)('mines $hash again', ({ file, hash, nonce }) => {
      const header = vectorBytes(file).subarray(0, 80);
      const start = Math.max(0, nonce - 3000);
      expect(engine.search(header, BigInt(`0x${hash}`), start, MAX_COUNT)).toBe(nonce);
    });
  });
}
