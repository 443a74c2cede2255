/** Addresses: what is loopback, what may be learned, what of an address is one sender. */
import { describe, expect, it } from 'vitest';
import {
  addressBlock,
  isLoopback,
  kindOf,
  learnableUrl,
  normalizeUrl,
} from '../../../lib/gossip/address.ts';
import { parsePeer } from '../../../lib/gossip/create-gossip.ts';

describe('addresses', () => {
  it.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['[::1]', true],
    ['::ffff:127.0.0.1', true],
    ['localhost', true],
    ['LOCALHOST', true],
    ['127.0.0.1.example', false],
    ['localhost.example', false],
    ['10.0.0.1', false],
    ['', false],
    ['unknown', false],
  ])('%s is loopback: %s', (host, expected) => {
    expect(isLoopback(host)).toBe(expected);
  });

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2600:1f18:1:2:3:4:5:6', '2600:1f18:1:2::/64'],
    ['2600:1f18:1:2::9', '2600:1f18:1:2::/64'],
    ['2600:1f18::9', '2600:1f18:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['', ''],
  ])('%s is of %s', (key, block) => {
    expect(addressBlock(key)).toBe(block);
  });

  it.each([
    ['https://node.example', false, 'https://node.example'],
    ['https://node.example/stage/', false, 'https://node.example/stage'],
    ['https://NODE.example:443', false, 'https://node.example'],
    ['https://8.8.8.8:8443', false, 'https://8.8.8.8:8443'],
    ['https://[2600:1f18::1]', false, 'https://[2600:1f18::1]'],
    ['http://node.example', false, undefined],
    ['http://node.example', true, undefined],
    ['http://127.0.0.1:8400', false, undefined],
    ['http://127.0.0.1:8400', true, 'http://127.0.0.1:8400'],
    ['https://10.0.0.1', true, undefined],
    ['https://172.31.0.1', false, undefined],
    ['https://172.32.0.1', false, 'https://172.32.0.1'],
    ['https://0x7f000001', false, undefined],
    ['https://2130706433', false, undefined],
    ['https://intranet', false, undefined],
    ['https://printer.local', false, undefined],
    ['https://[fd00::1]', false, undefined],
    ['https://node.example?x=1', false, undefined],
    ['https://user@node.example', false, undefined],
    ['ftp://node.example', false, undefined],
    [`https://${'x'.repeat(200)}.example`, false, undefined],
    [7, true, undefined],
  ])('%s, near %s: learned as %s', (text, loopback, expected) => {
    expect(learnableUrl(text, { loopback })).toBe(expected);
  });

  it('tells kinds apart', () => {
    expect(['http://x', 'HTTPS://x', 'arn:aws:sqs:r:0:q', 'alice'].map(kindOf)).toEqual([
      'http',
      'http',
      'sqs',
      'local',
    ]);
    expect(normalizeUrl('not a url')).toBeUndefined();
  });

  it('a peer is a URL, an address in this process, or a line', () => {
    const network = { name: 'n', genesisHash: 'f'.repeat(64) };
    const line = {
      network: 'n',
      genesis: network.genesisHash,
      name: 'node1',
      url: 'https://node1.example/',
      queue: 'arn:aws:sqs:eu-west-1:000000000000:q',
    };
    const read = (value: unknown): unknown => parsePeer(JSON.stringify(value), network);
    const place = { address: line.queue, url: 'https://node1.example', name: 'node1' };
    expect(read(line)).toEqual({ ok: true, place });
    expect(read({ ...line, queue: undefined })).toEqual({
      ok: true,
      place: { ...place, address: place.url },
    });
    expect(read({ ...line, genesis: 'e'.repeat(64) })).toMatchObject({ code: 'wrong-network' });
    expect(parsePeer(' https://x.example/ ', network)).toMatchObject({
      place: { address: 'https://x.example' },
    });
    expect(parsePeer('alice', network)).toMatchObject({ place: { url: 'alice' } });
    for (const text of ['{', 'two words', '', 'https://', 'arn:aws:sqs:eu-west-1:000000000000:q']) {
      expect(parsePeer(text, network), text).toMatchObject({ ok: false, code: 'invalid-request' });
    }
  });
});
