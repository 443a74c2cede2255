/** Bytes of stored values: what is written is read back, and a short value is damage. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromDisplay, toHex } from '../../../lib/codec/hex.ts';
import { genesisEntry } from '../../../lib/consensus/context.ts';
import { regtest } from '../../../lib/params/index.ts';
import { decodeHead, encodeHead, SCHEMA } from '../../../lib/store/layout.ts';
import { RowReader, RowWriter } from '../../../lib/store/row-bytes.ts';

const SAFE = Number.MAX_SAFE_INTEGER;

describe('rows', () => {
  it('read back what was written, whatever size was guessed', () => {
    fc.assert(
      fc.property(
        fc.record({
          size: fc.nat({ max: 200 }),
          u8: fc.integer({ min: 0, max: 255 }),
          u32: fc.integer({ min: 0, max: 0xffffffff }),
          u53: fc.integer({ min: 0, max: SAFE }),
          u64: fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
          varint: fc.integer({ min: 0, max: SAFE }),
          bytes: fc.uint8Array({ maxLength: 100 }),
        }),
        ({ size, u8, u32, u53, u64, varint, bytes }) => {
          const to = new RowWriter(size).u8(u8).u32(u32).u53(u53).u64(u64).varint(varint);
          const value = to.bytes(bytes).done();
          const from = new RowReader(value);
          expect(from.u8()).toBe(u8);
          expect(from.u32()).toBe(u32);
          expect(from.u53()).toBe(u53);
          expect(from.u64()).toBe(u64);
          expect(from.varint()).toBe(varint);
          expect(toHex(from.rest())).toBe(toHex(bytes));
          expect(from.left).toBe(0);
          // One byte less is damage, not another value.
          const short = new RowReader(value.subarray(0, value.length - 1));
          const readAll = () => {
            short.u8();
            short.u32();
            short.u53();
            short.u64();
            short.varint();
            return short.bytes(bytes.length);
          };
          expect(readAll).toThrow('too short');
        },
      ),
    );
  });

  it('an id is written in wire order', () => {
    const id = Array.from({ length: 32 }, (_, i) => (i * 7 + 3).toString(16).padStart(2, '0')).join(
      '',
    );
    expect(toHex(new RowWriter(32).hash(id).done())).toBe(toHex(fromDisplay(id)));
  });

  it('newer data are refused in a sentence', () => {
    const head = encodeHead(genesisEntry(regtest));
    head[0] = SCHEMA + 1;
    expect(() => decodeHead(head)).toThrow(`the data has version ${SCHEMA + 1}`);
    head[0] = SCHEMA - 1;
    expect(decodeHead(head)).toEqual(genesisEntry(regtest));
    expect(() => decodeHead(encodeHead(genesisEntry(regtest)).slice(0, 40))).toThrow('too short');
  });
});
