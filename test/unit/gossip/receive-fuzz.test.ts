/** Anything at all, given to a whole node: it answers or refuses, and nothing has changed. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { toBase64 } from '../../../lib/gossip/envelope.ts';
import { Story } from '../../helpers/chain-builder.ts';
import { FUZZ_RUNS, fuzzSeed, mangled } from '../../helpers/fuzz.ts';
import { NodeNet, tipOf } from '../../helpers/node-net.ts';

const TYPES = [
  ...['version', 'verack', 'addr', 'inv', 'getheaders', 'headers', 'getblocks', 'getdata'],
  ...['block', 'tx', 'notfound', 'ping', 'pong', 'mempool', 'unheard-of'],
];

it('a node under any envelopes stays where it is', async () => {
  const seed = fuzzSeed('receive');
  const net = new NodeNet();
  const a = await net.add('a');
  await net.mine(a, 3);
  const tip = await tipOf(a);
  const story = new Story(net.params);
  const blocks = story.mineMany(2).map(({ block }) => block.raw);
  const txs = blocks.map((raw) => raw.subarray(81));
  const header = Uint8Array.from([1, ...(blocks[0]?.subarray(0, 80) ?? []), 0]);
  const inv = Uint8Array.from([1, 2, 0, 0, 0, ...new Uint8Array(32).fill(7)]);
  const payload = fc.oneof(
    mangled([...blocks, ...txs, header, inv]).map(toBase64),
    fc.jsonValue(),
    fc.record({ height: fc.jsonValue(), url: fc.webUrl(), urls: fc.array(fc.webUrl()) }),
  );
  const envelope = fc.record({
    v: fc.constantFrom(1, 1, 1, 2),
    network: fc.constantFrom(net.params.genesisHash, net.params.genesisHash, 'x'),
    from: fc.constantFrom('x', 'y', 'a'.repeat(32)),
    type: fc.constantFrom(...TYPES),
    payload,
  });
  let count = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(envelope, { minLength: 1, maxLength: 3 }), async (envelopes) => {
      // A new sender each time, or all but the first few would be banned.
      count += 1;
      const key = `203.0.${count >> 8}.${count & 255}`;
      const answer = await a.node.gossip.receive(envelopes, { transport: 'http', key });
      if (!answer.ok) {
        expect(['invalid-request', 'wrong-network', 'banned']).toContain(answer.code);
      }
    }),
    { seed, numRuns: FUZZ_RUNS },
  );
  expect(await tipOf(a)).toBe(tip);
  expect(await a.node.mempool.list()).toEqual([]);
  // What strangers may leave behind is bounded: they were more than ten thousand.
  const { bytes } = await a.node.chain.offChainUsage();
  expect(bytes).toBeLessThan(2_000_000);
  expect((await a.node.gossip.peers()).length).toBeLessThan(2_500);
}, 240_000);
