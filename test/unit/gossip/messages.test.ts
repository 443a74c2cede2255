/** Payloads both ways, their bounds, and what never may throw. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/codec/hex.ts';
import { checkEnvelopes, fromBase64, toBase64 } from '../../../lib/gossip/envelope.ts';
import { decodeMessage, encodePayload, type Message } from '../../../lib/gossip/messages.ts';
import type { BlockHash, Txid } from '../../../lib/types.ts';
import { Story } from '../../helpers/chain-builder.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';

const story = new Story();
const blocks = [story.mine({}), story.mine({}), story.mine({})];
const hashes = blocks.map(({ entry }) => entry.hash);
const [first] = blocks;
const hash = (digit: string): string => digit.repeat(64);

const EXAMPLES: readonly Message[] = [
  {
    type: 'inv',
    items: [
      { kind: 'tx', hash: hash('a') as Txid },
      { kind: 'block', hash: hash('b') as BlockHash },
      { kind: 'other', hash: hash('c'), code: 0x40000002 },
    ],
  },
  { type: 'getdata', items: hashes.map((each) => ({ kind: 'block', hash: each }) as const) },
  { type: 'notfound', items: [{ kind: 'tx', hash: hash('d') as Txid }] },
  { type: 'getheaders', locator: hashes },
  { type: 'getheaders', locator: hashes, stop: hash('e') as BlockHash },
  { type: 'getblocks', locator: [] },
  { type: 'headers', headers: blocks.map(({ block }) => block.header) },
  { type: 'headers', headers: [] },
  { type: 'block', raw: first?.block.raw ?? new Uint8Array(0) },
  { type: 'tx', raw: first?.block.txs[0]?.raw ?? new Uint8Array(0) },
  { type: 'ping', nonce: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
  { type: 'pong', nonce: new Uint8Array(8) },
  { type: 'mempool', cursor: '' },
  { type: 'mempool', cursor: '00001700000000000' },
  {
    type: 'version',
    name: 'n',
    genesis: hash('1'),
    height: 7,
    tip: hash('2'),
    work: hash('3'),
    url: 'https://node.example',
    node: 'me',
  },
  { type: 'verack', session: 'ab'.repeat(16), push: true },
  { type: 'addr', urls: ['https://a.example', 'https://b.example/x'] },
];
const TYPES = [...new Set(EXAMPLES.map(({ type }) => type))];
const decoded = (type: string, payload: unknown): Message | undefined | string => {
  const result = decodeMessage(type, payload);
  return result.ok ? result.message : result.detail;
};

describe('messages', () => {
  it.each(EXAMPLES.map((message) => [message.type, message] as const))(
    '%s comes back as it was',
    (type, message) => {
      // Over JSON, as on the wire.
      const payload = JSON.parse(JSON.stringify(encodePayload(message))) as unknown;
      expect(decoded(type, payload)).toEqual(message);
    },
  );

  it("has Bitcoin's bytes", () => {
    const bytesOf = (message: Message): string =>
      toHex(fromBase64(encodePayload(message) as string) ?? new Uint8Array(0));
    expect(bytesOf({ type: 'inv', items: [{ kind: 'block', hash: hashes[0] as BlockHash }] })).toBe(
      `0102000000${toHex(Uint8Array.from(Buffer.from(hashes[0] ?? '', 'hex').reverse()))}`,
    );
    expect(bytesOf({ type: 'getheaders', locator: [] })).toBe(`0100000000${'00'.repeat(32)}`);
    const header = blocks[0]?.block.header;
    if (header === undefined) throw new Error('no block');
    expect(bytesOf({ type: 'headers', headers: [header] })).toBe(`01${toHex(header.raw)}00`);
  });

  it('fills in what an object leaves out', () => {
    expect(decoded('version', {})).toMatchObject({ height: 0, tip: '', work: '0'.repeat(64) });
    expect(decoded('version', { chainwork: '2a' })).toMatchObject({ work: `${'0'.repeat(62)}2a` });
    expect(decoded('verack', {})).toEqual({ type: 'verack', session: '', push: false });
    expect(decoded('addr', {})).toEqual({ type: 'addr', urls: [] });
  });

  it('passes over a type that it does not know', () => {
    expect(decoded('sendcmpct', 'anything')).toBeUndefined();
    expect(decoded('constructor', 'AAAA')).toBeUndefined();
  });

  it.each([
    ['inv', '!!!', 'the payload is base64'],
    ['inv', 5, 'the payload is base64'],
    ['ping', toBase64(new Uint8Array(7)), 'end too early'],
    ['ping', toBase64(new Uint8Array(9)), 'too many'],
    ['inv', toBase64(Uint8Array.of(0xfd, 1, 0)), 'shortest'],
    ['inv', toBase64(Uint8Array.of(3, 0, 0)), 'beyond the bytes'],
    ['block', toBase64(new Uint8Array(80)), '80 bytes'],
    ['mempool', toBase64(Uint8Array.of(1, 0x20)), 'printable'],
    ['version', 'AAAA', 'an object'],
    ['version', { height: -1 }, 'height'],
    ['version', { tip: 'xyz' }, 'tip'],
    ['version', { work: 7 }, 'work'],
    ['verack', { session: 7 }, 'session'],
    ['addr', { urls: 'x' }, 'urls'],
    ['addr', { urls: Array.from({ length: 101 }, () => '') }, 'urls'],
  ])('refuses %s %j', (type, payload, why) => {
    expect(decoded(type, payload)).toContain(why);
  });

  it('bounds counts', () => {
    const items = Array.from({ length: 1001 }, () => ({ kind: 'tx', hash: hash('a') as Txid }));
    const inv = encodePayload({ type: 'inv', items: items as never });
    expect(decoded('inv', inv)).toContain('at most 1000');
    const locator = Array.from({ length: 102 }, () => hash('b') as BlockHash);
    expect(decoded('getheaders', encodePayload({ type: 'getheaders', locator }))).toContain('101');
    const apart = [blocks[0], blocks[2]].flatMap((each) => each?.block.header ?? []);
    expect(decoded('headers', encodePayload({ type: 'headers', headers: apart }))).toContain(
      'consecutive',
    );
  });

  it.each(TYPES)('%s: any bytes are decoded or refused', (type) => {
    const seed = fuzzSeed(type);
    const binary = EXAMPLES.filter((message) => message.type === type).flatMap((message) => {
      const payload = encodePayload(message);
      return typeof payload === 'string' ? [fromBase64(payload) ?? new Uint8Array(0)] : [];
    });
    const payload =
      binary.length > 0
        ? fc.oneof(mangled(binary).map(toBase64), fc.string())
        : fc.oneof(
            fc.jsonValue(),
            fc.record(
              {
                name: fc.jsonValue(),
                genesis: fc.jsonValue(),
                height: fc.oneof(fc.double(), fc.integer()),
                tip: fc.jsonValue(),
                work: fc.jsonValue(),
                url: fc.string(),
                node: fc.string(),
                session: fc.jsonValue(),
                push: fc.jsonValue(),
                urls: fc.oneof(fc.array(fc.string()), fc.jsonValue()),
              },
              { requiredKeys: [] },
            ),
          );
    fc.assert(
      fc.property(payload, (value) => {
        const result = decodeMessage(type, value);
        if (!result.ok) return result.detail.startsWith(type);
        // What is accepted has one form only, so it is encoded to what came.
        if (typeof value !== 'string' || result.message === undefined) return true;
        const again = decodeMessage(type, encodePayload(result.message));
        return again.ok && JSON.stringify(again.message) === JSON.stringify(result.message);
      }),
      { seed, numRuns: FUZZ_RUNS },
    );
  });
});

describe('envelopes', () => {
  const network = hash('f');
  const good = { v: 1, network, from: 'x', type: 'ping', payload: '' };
  const codeOf = (values: unknown): string => {
    const checked = checkEnvelopes(values, network);
    return checked.ok ? 'ok' : checked.code;
  };

  it.each([
    ['one', [good], 'ok'],
    ['a hundred', Array.from({ length: 100 }, () => good), 'ok'],
    ['none', [], 'invalid-request'],
    ['a hundred and one', Array.from({ length: 101 }, () => good), 'invalid-request'],
    ['no list', { 0: good }, 'invalid-request'],
    ['null', [null], 'invalid-request'],
    ['another version', [{ ...good, v: 2 }], 'invalid-request'],
    ['no type', [{ ...good, type: undefined }], 'invalid-request'],
    ['a long type', [{ ...good, type: 'x'.repeat(33) }], 'invalid-request'],
    ['a sender with a line break', [{ ...good, from: 'a\nb' }], 'invalid-request'],
    ['no sender', [{ ...good, from: '' }], 'invalid-request'],
    ['a long sender', [{ ...good, from: 'x'.repeat(201) }], 'invalid-request'],
    ['two senders', [good, { ...good, from: 'y' }], 'invalid-request'],
    ['another network', [{ ...good, network: hash('0') }], 'wrong-network'],
    ['another network among ours', [good, { ...good, network: hash('0') }], 'wrong-network'],
  ])('%s', (_name, values, code) => {
    expect(codeOf(values)).toBe(code);
  });

  it('never throws', () => {
    const seed = fuzzSeed('envelopes');
    const field = fc.oneof(fc.jsonValue(), fc.constantFrom(1, network, 'x', 'ping'));
    const value = fc.record(
      { v: field, network: field, from: field, type: field, payload: field },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(fc.oneof(value, fc.jsonValue()))), (values) => {
        expect(['ok', 'invalid-request', 'wrong-network']).toContain(codeOf(values));
      }),
      { seed, numRuns: FUZZ_RUNS },
    );
  });
});
