import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  equalBytes,
  fromDisplay,
  fromHex,
  isHash,
  toDisplay,
  toHex,
} from '../../../lib/codec/hex.ts';

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('hex', () => {
  it('goes both ways for any bytes, in either case', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const hex = toHex(bytes);
        expect(hex).toBe(Buffer.from(bytes).toString('hex'));
        expect(fromHex(hex)).toEqual(bytes);
        expect(fromHex(hex.toUpperCase())).toEqual(bytes);
      }),
    );
  });

  it.each(['0', '0g', 'g0', '  ', '0x00', '00 ', 'é0', '０0', '00\n', '-1', '+f'])(
    'refuses %j',
    (text) => {
      expect(fromHex(text)).toBeUndefined();
    },
  );
});

describe('display order', () => {
  it('is the bytes reversed, and goes both ways', () => {
    fc.assert(
      fc.property(bytes32, (bytes) => {
        const hash = toDisplay(bytes);
        expect(hash).toBe(Buffer.from(bytes).reverse().toString('hex'));
        expect(fromDisplay(hash)).toEqual(bytes);
        expect(isHash(hash)).toBe(true);
      }),
    );
  });

  it.each([
    '',
    'ab',
    'A'.repeat(64),
    'g'.repeat(64),
    '0'.repeat(63),
    `${'0'.repeat(64)}\n`,
    7,
    null,
  ])('%j is no hash', (text) => {
    expect(isHash(text)).toBe(false);
  });
});

it('equalBytes compares length and content', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
      expect(equalBytes(a, b)).toBe(Buffer.compare(a, b) === 0);
      expect(equalBytes(a, a.slice())).toBe(true);
    }),
  );
});
