import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ByteReader,
  ByteWriter,
  compactSizeBytes,
  DecodeError,
  toHex,
} from '../../../lib/codec/index.ts';
import { bytes } from '../../helpers/vectors.ts';

describe('CompactSize', () => {
  it.each([
    [0, '00'],
    [252, 'fc'],
    [253, 'fdfd00'],
    [0xffff, 'fdffff'],
    [0x1_0000, 'fe00000100'],
    [0xffff_ffff, 'feffffffff'],
    [0x1_0000_0000, 'ff0000000001000000'],
    [Number.MAX_SAFE_INTEGER, 'ffffffffffffff1f00'],
  ])('%d is %s', (value, hex) => {
    expect(toHex(new ByteWriter().compactSize(value).done())).toBe(hex);
    expect(compactSizeBytes(value)).toBe(hex.length / 2);
    expect(new ByteReader(bytes(hex)).compactSize()).toBe(value);
  });

  it.each(['', 'fd', 'fd00', 'fdfc00', 'fe', 'feffff0000', 'ff', 'ffffffffff00000000'])(
    'refuses %j',
    (hex) => {
      expect(() => new ByteReader(bytes(hex)).compactSize()).toThrow(DecodeError);
    },
  );

  it('2^64 - 1 fits nothing', () => {
    const reader = new ByteReader(bytes('ffffffffffffffffff'));
    expect(() => reader.count(1)).toThrow(DecodeError);
  });
});

it('what is written is read', () => {
  const record = fc.record({
    u8: fc.nat(0xff),
    u16: fc.nat(0xffff),
    u32: fc.integer({ min: 0, max: 0xffff_ffff }),
    i32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    i64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    u64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    data: fc.uint8Array({ maxLength: 700 }),
  });
  fc.assert(
    fc.property(record, (value) => {
      const writer = new ByteWriter(1).u8(value.u8).u16(value.u16).u32(value.u32).u32(value.i32);
      const reader = new ByteReader(
        writer.u64(value.i64).u64(value.u64).varBytes(value.data).done(),
      );
      const read = {
        u8: reader.u8(),
        u16: reader.u16(),
        u32: reader.u32(),
        i32: reader.i32(),
        i64: reader.i64(),
        u64: reader.u64(),
        data: reader.varBytes(),
      };
      reader.end();
      expect(read).toEqual(value);
    }),
  );
});

it('nothing is read past the end', () => {
  const reads: ((reader: ByteReader) => unknown)[] = [
    (reader) => reader.u8(),
    (reader) => reader.u16(),
    (reader) => reader.i32(),
    (reader) => reader.u64(),
    (reader) => reader.hash(),
    (reader) => reader.take(1),
  ];
  for (const read of reads) {
    expect(() => read(new ByteReader(new Uint8Array()))).toThrow(DecodeError);
  }
});
