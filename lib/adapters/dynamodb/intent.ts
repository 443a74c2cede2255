/**
 * The change list of a large commit as bytes: written before the commit is decided, read again by
 * whoever finishes it. Owns this form: counts as 32 bits, big-endian,
 *
 *   version 1 (1 byte), head (length, bytes), log (length, bytes), rows (count), then for each row
 *   partition (length, ASCII), sort key (length, ASCII), value's length + 1 (0: deleted), value
 *
 * deflated as one stream and cut into chunks of at most 390 KB.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Fault } from '../../faults.ts';
import type { Change, Commit } from '../../ports/store.ts';

const FORMAT = 1;
export const CHUNK_BYTES_MAX = 390_000;

export function encodeIntent({ head, log, changes }: Commit): Uint8Array[] {
  let size = 1 + 4 + head.length + 4 + log.length + 4;
  for (const { pk, sk, value } of changes)
    size += 12 + pk.length + sk.length + (value?.length ?? 0);
  const raw = Buffer.alloc(size);
  let at = raw.writeUInt8(FORMAT, 0);
  const bytes = (part: Uint8Array, count = part.length): void => {
    at = raw.writeUInt32BE(count, at);
    raw.set(part, at);
    at += part.length;
  };
  const ascii = (text: string): void => {
    at = raw.writeUInt32BE(text.length, at);
    at += raw.write(text, at, 'latin1');
  };
  bytes(head);
  bytes(log);
  at = raw.writeUInt32BE(changes.length, at);
  for (const { pk, sk, value } of changes) {
    ascii(pk);
    ascii(sk);
    if (value === undefined) at = raw.writeUInt32BE(0, at);
    else bytes(value, value.length + 1);
  }
  const packed = deflateRawSync(raw, { level: 1 });
  const chunks: Uint8Array[] = [];
  for (let from = 0; from < packed.length; from += CHUNK_BYTES_MAX) {
    chunks.push(packed.subarray(from, from + CHUNK_BYTES_MAX));
  }
  return chunks;
}

/** Throws Fault `store-damaged` for what `encodeIntent` did not write. */
export function decodeIntent(chunks: readonly Uint8Array[]): Commit {
  try {
    return decode(inflateRawSync(Buffer.concat(chunks)));
  } catch (cause) {
    throw cause instanceof Fault ? cause : damaged(cause);
  }
}

const damaged = (cause?: unknown): Fault =>
  new Fault('store-damaged', 'an intent of the table cannot be read', { cause });

function decode(raw: Buffer): Commit {
  if (raw[0] === undefined || raw[0] > FORMAT) {
    throw new Fault('store-newer', 'an intent of the table was written by a newer version');
  }
  let at = 1;
  const count = (): number => {
    at += 4;
    return raw.readUInt32BE(at - 4);
  };
  const bytes = (length: number): Uint8Array => {
    at += length;
    if (at > raw.length) throw damaged();
    return new Uint8Array(raw.subarray(at - length, at));
  };
  const ascii = (): string => Buffer.from(bytes(count())).toString('latin1');
  const head = bytes(count());
  const log = bytes(count());
  const changes: Change[] = [];
  for (let left = count(); left > 0; left--) {
    const [pk, sk, length] = [ascii(), ascii(), count()];
    changes.push(length === 0 ? { pk, sk } : { pk, sk, value: bytes(length - 1) });
  }
  if (at !== raw.length) throw damaged();
  return { head, log, changes };
}
