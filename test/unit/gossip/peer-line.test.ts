/** The one reader of peer lines: what it takes, what it refuses and with which words. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseStackLine } from '../../../functions/stack-line.ts';
import { parsePeerLine } from '../../../lib/gossip/peer-line.ts';
import { fuzzSeed } from '../../helpers/fuzz.ts';

const OF = { name: 'stacknet', genesisHash: `${'0'.repeat(60)}abcd` };
const ROLE = 'AROA0123456789ABCDEFG';
const LINE = {
  network: 'stacknet',
  genesis: OF.genesisHash,
  name: 'node0',
  url: 'https://a1b2c3.execute-api.eu-west-1.amazonaws.com',
  queue: 'arn:aws:sqs:eu-west-1:222222222222:stackchain-stacknet-node0-inbox',
  roles: [ROLE],
};
const read = (change: object) => parsePeerLine(JSON.stringify({ ...LINE, ...change }), OF);

describe('a peer line', () => {
  it('is read as it is printed, and what it says beyond is left out', () => {
    expect(read({ extra: 1, toString: 'x' })).toEqual({ ok: true, line: LINE });
    expect(read({ queue: undefined, roles: undefined })).toEqual({
      ok: true,
      line: {
        network: LINE.network,
        genesis: LINE.genesis,
        name: LINE.name,
        url: LINE.url,
        roles: [],
      },
    });
    expect(read({ roles: [ROLE, ROLE] })).toEqual({ ok: true, line: LINE });
  });

  it.each([
    'http://127.0.0.1:4600/_aws/execute-api/stackchain-node0',
    'http://localhost:4566',
    'http://localhost.localstack.cloud:4566/_aws/execute-api/x',
    'http://ministack:4566',
    'http://10.1.2.3',
  ])('may name plain http where only neighbours are: %s', (url) => {
    expect(read({ url })).toMatchObject({ ok: true, line: { url } });
  });

  it.each<[object, RegExp]>([
    [{ network: '*' }, /network is no name/],
    [{ network: undefined }, /network is no name/],
    [{ genesis: 'ABCD' }, /genesis is no block hash/],
    [{ name: '*' }, /name is not that of a node/],
    [{ name: 'node0-*' }, /name/],
    [{ name: 'Node0' }, /name/],
    [{ name: 'n'.repeat(21) }, /name/],
    [{ name: ['node0'] }, /name/],
    [{ name: 'node0\n' }, /name/],
    [{ url: 'http://node.example' }, /https/],
    [{ url: 'http://8.8.8.8' }, /https/],
    [{ url: 'http://localhost.example' }, /https/],
    [{ url: 'https://user:secret@node.example' }, /https/],
    [{ url: 'https://node.example/?x=1' }, /https/],
    [{ url: 'ftp://node.example' }, /https/],
    [{ url: 7 }, /https/],
    [{ queue: null }, /ARN/],
    [{ queue: 'arn:aws:sqs:eu-west-1:*:q' }, /ARN/],
    [{ queue: 'arn:aws:sqs:eu-west-1:222222222222:*' }, /ARN/],
    [{ queue: 'arn:aws:sns:eu-west-1:222222222222:q' }, /ARN/],
    [{ queue: `${LINE.queue},arn:aws:sqs:eu-west-1:1:x` }, /ARN/],
    [{ roles: ROLE }, /roles/],
    [{ roles: ['AIDA0123456789ABCDEFG'] }, /roles/],
    [{ roles: ['222222222222'] }, /roles/],
    [{ roles: [null] }, /roles/],
    [{ roles: Array.from({ length: 17 }, (_, i) => `${ROLE}${i}`) }, /roles/],
  ])('with %j is refused', (change, words) => {
    const verdict = read(change);
    expect(verdict).toMatchObject({ ok: false, code: 'invalid-request' });
    expect(verdict.ok ? '' : verdict.detail).toMatch(words);
  });

  it.each([{ genesis: 'f'.repeat(64) }, { network: 'othernet' }])('of another network %j', (it) => {
    expect(read(it)).toMatchObject({ ok: false, code: 'wrong-network' });
  });

  it.each(['', '{', 'null', '[]', '"line"', '7', `{"name":"${'x'.repeat(2000)}"}`])(
    '%j is none',
    (text) => {
      expect(parsePeerLine(text, OF)).toMatchObject({ ok: false, code: 'invalid-request' });
    },
  );

  it('junk is refused with a sentence, and what is taken is taken again unchanged', () => {
    const junk = fc.oneof(fc.string(), fc.json(), fc.jsonValue(), fc.constant(undefined));
    const fields = fc.record({
      network: fc.oneof(fc.constant(LINE.network), junk),
      genesis: fc.oneof(fc.constant(LINE.genesis), junk),
      name: fc.oneof(fc.constant(LINE.name), fc.stringMatching(/^[a-z0-9*?-]{1,22}$/), junk),
      url: fc.oneof(fc.webUrl({ validSchemes: ['http', 'https'] }), junk),
      queue: fc.oneof(fc.constant(LINE.queue), fc.constant(undefined), junk),
      roles: fc.oneof(fc.constant([ROLE]), fc.array(junk), junk),
    });
    const texts = fc.oneof(
      { weight: 3, arbitrary: fields.map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: fc.string() },
    );
    let taken = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const verdict = parsePeerLine(text, OF);
        if (!verdict.ok) {
          expect(verdict.detail).toMatch(/^it[s ]/);
          return;
        }
        taken += 1;
        const { line } = verdict;
        expect(line.name).toMatch(/^[a-z][a-z0-9-]{0,19}$/);
        expect(parsePeerLine(JSON.stringify(line), OF)).toEqual(verdict);
      }),
      { numRuns: 1000, seed: fuzzSeed('peer lines') },
    );
    expect(taken).toBeGreaterThan(0);
  });
});

describe('a line of a stack', () => {
  const stackLine = (change: object) => parseStackLine(JSON.stringify({ ...LINE, ...change }), OF);

  it('is a peer line whose queue bears the name of the node', () => {
    expect(stackLine({})).toEqual({ ok: true, line: LINE });
  });

  // Else who hands us a line has our roles write to any queue, one of our own account too.
  it.each([
    undefined,
    'arn:aws:sqs:eu-west-1:222222222222:orders',
    'arn:aws:sqs:eu-west-1:222222222222:stackchain-stacknet-node1-inbox',
    'arn:aws:sqs:eu-west-1:222222222222:stackchain-stacknet-node0-inbox-dlq',
  ])('with the queue %s is refused', (queue) => {
    expect(stackLine({ queue })).toMatchObject({
      ok: false,
      detail: 'its queue is not called stackchain-stacknet-node0-inbox',
    });
  });
});
