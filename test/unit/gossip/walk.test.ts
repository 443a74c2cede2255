/** Chains with too little work are walked, not stored; buckets; the same over queues. */
import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import { work } from '../../../lib/consensus/pow.ts';
import { encodePayload, type Message } from '../../../lib/gossip/messages.ts';
import { readWalk } from '../../../lib/gossip/walk.ts';
import type { Envelope, Transport } from '../../../lib/ports/transport.ts';
import type { BlockHash } from '../../../lib/types.ts';
import { easyNetwork, Story } from '../../helpers/chain-builder.ts';
import { heightOf, NodeNet, tipOf } from '../../helpers/node-net.ts';

describe('a chain with little work', () => {
  const BLOCKS = 2100;
  const base = easyNetwork({ maturity: 2, reorgLimit: 0, maxFutureSeconds: 7200 });
  const story = new Story(base);
  const blocks = story.mineMany(BLOCKS);
  const each = work(base.powLimitBits);

  /** A node that has all of it, and one that wants so much work. */
  const open = async (minimumChainWork: bigint, more: Partial<typeof base> = {}) => {
    const clock = { nowMs: () => 1_900_000_000_000, advance: () => undefined };
    const net = new NodeNet({ params: base, clock });
    const full = await net.add('full');
    const windows = [blocks.slice(0, 1000), blocks.slice(1000)];
    for (const window of windows) {
      await full.node.chain.acceptBlocks(window.map(({ block }) => block.raw));
    }
    const wary = await net.add('wary', {
      peers: ['full'],
      more: { params: { ...base, minimumChainWork, ...more } },
    });
    return { net, full, wary };
  };

  it('is stored at the second fetch when it has enough at its end', async () => {
    const { full, wary } = await open(each * BigInt(BLOCKS - 50));
    expect(await heightOf(full)).toBe(BLOCKS);
    expect(await wary.node.gossip.sync(1_900_000_060_000)).toBe(false);
    expect(await tipOf(wary)).toBe(await tipOf(full));
  });

  it('leaves nothing behind when it has not', async () => {
    const { wary } = await open(each * BigInt(2 * BLOCKS));
    expect(await wary.node.gossip.sync(1_900_000_060_000)).toBe(false);
    expect(await heightOf(wary)).toBe(0);
    const usage = await wary.node.chain.offChainUsage();
    expect(usage).toEqual({ headers: 0, bytes: 0 });
    const [peer] = await wary.node.gossip.peers();
    const ctx = { ...wary, now: () => 0 } as never;
    expect(await readWalk(ctx, peer?.id ?? '')).toBeUndefined();
    expect(peer).toMatchObject({ banned: false, score: 0 });
  });

  it("an operator's checkpoint that it misses is no fault of the peer's", async () => {
    const hash = 'f'.repeat(64) as BlockHash;
    const { wary } = await open(each * BigInt(BLOCKS - 50), {
      checkpoints: [{ height: BLOCKS - 10, hash }],
    });
    await wary.node.gossip.sync(1_900_000_060_000);
    expect(await heightOf(wary)).toBe(0);
    expect(await wary.node.gossip.peers()).toMatchObject([{ banned: false, score: 0 }]);
  });

  it('a chain that differs at the second fetch is not stored, and its sender scored', async () => {
    const { net, full, wary } = await open(each * BigInt(BLOCKS - 50));
    const other = new Story(base);
    other.miner = 'somebody else';
    const headers = other.mineMany(2000).map(({ block }) => block.header);
    const fromGenesis = new Map<string, number>();
    net.hub.listen('full', async (envelopes, sender) => {
      const answer = await full.node.gossip.receive(envelopes, sender);
      if (!answer.ok) return answer;
      const replies = answer.replies.map((reply) => {
        if (reply.type !== 'headers') return reply;
        const key = (reply.payload as string).slice(0, 200);
        fromGenesis.set(key, (fromGenesis.get(key) ?? 0) + 1);
        // The first batch comes twice at first (found to have little work, walked), then again.
        return (fromGenesis.get(key) ?? 0) < 2
          ? reply
          : { ...reply, payload: encodePayload({ type: 'headers', headers }) };
      });
      return { ok: true, replies };
    });
    await wary.node.gossip.sync(1_900_000_060_000);
    expect(await heightOf(wary)).toBe(0);
    expect(await wary.node.chain.offChainUsage()).toEqual({ headers: 0, bytes: 0 });
    const [peer] = await wary.node.gossip.peers();
    expect(peer?.score).toBeGreaterThan(0);
  });
});

describe('over queues', () => {
  /** Messages lie in a list until somebody hands them over: nothing is answered at once. */
  class Queues {
    readonly inboxes = new Map<string, { readonly envelope: Envelope }[]>();
    transport(): Transport {
      return {
        kind: 'sqs',
        send: async (address, envelopes) => {
          const inbox = this.inboxes.get(address) ?? [];
          for (const envelope of envelopes) {
            // As a queue holds it: text.
            inbox.push({ envelope: JSON.parse(JSON.stringify(envelope)) as Envelope });
          }
          this.inboxes.set(address, inbox);
          return [];
        },
      };
    }
  }

  const arn = (name: string): string => `arn:aws:sqs:eu-west-1:000000000000:${name}`;

  it('two nodes keep each other up to date, and who forges is blamed in no other’s name', async () => {
    const net = new NodeNet();
    const queues = new Queues();
    const line = (name: string): string =>
      JSON.stringify({
        network: 'easynet',
        genesis: net.params.genesisHash,
        name,
        url: `https://${name}.example`,
        queue: arn(name),
        roles: [],
      });
    // The HTTP side: the other's gossip, answered at once.
    const http = (from: string): Transport => ({
      kind: 'http',
      send: async (address, envelopes) => {
        const name = new URL(address).hostname.split('.')[0] ?? '';
        const answer = await net.nodes.get(name)?.node.gossip.receive(envelopes, {
          transport: 'http',
          key: `203.0.113.${from.length}`,
        });
        return answer?.ok ? answer.replies : [];
      },
    });
    const add = (name: string, peer: string) =>
      net.add(name, {
        peers: [line(peer)],
        store: createMemoryStore({ clock: net.clock }),
        more: { transports: [http(name), queues.transport()], url: `https://${name}.example` },
      });
    const a = await add('aa', 'bbb');
    const b = await add('bbb', 'aa');
    const drain = async (): Promise<number> => {
      let count = 0;
      for (const [name, node] of [
        ['aa', a],
        ['bbb', b],
      ] as const) {
        for (const { envelope } of (queues.inboxes.get(arn(name)) ?? []).splice(0)) {
          count += 1;
          const answer = await node.node.gossip.receive([envelope], {
            transport: 'sqs',
            key: arn(envelope.from),
          });
          expect(answer).toEqual({ ok: true, replies: [] });
        }
      }
      return count;
    };
    await net.pass(1);
    await net.mine(a);
    expect(await heightOf(b)).toBe(0);
    await drain();
    expect(await tipOf(b)).toBe(await tipOf(a));

    // b misses two, then hears of the third: it asks by its own queue's way, and gets them.
    await net.mine(a, 2);
    queues.inboxes.clear();
    await net.mine(a);
    for (let i = 0; i < 10 && (await drain()) > 0; i++);
    expect(await tipOf(b)).toBe(await tipOf(a));
    // And it ends: no message goes round for ever.
    expect(await drain()).toBe(0);

    const forged = net.envelope('block', 'AAAA', 'aa');
    const before = await heightOf(b);
    const stranger = { transport: 'sqs', key: arn('stranger') } as const;
    for (let i = 0; i < 20; i++) await b.node.gossip.receive([forged], stranger);
    expect(await heightOf(b)).toBe(before);
    expect((await b.node.gossip.peers()).find(({ banned }) => banned)).toMatchObject({
      transport: 'sqs',
    });
    const inv: Message = {
      type: 'inv',
      items: [{ kind: 'block', hash: 'a'.repeat(64) as BlockHash }],
    };
    const refused = await b.node.gossip.receive(
      [net.envelope('inv', encodePayload(inv), 'aa')],
      stranger,
    );
    expect(refused).toMatchObject({ ok: false, code: 'banned' });
    // The one whose name it used is heard as before.
    await net.mine(a);
    for (let i = 0; i < 10 && (await drain()) > 0; i++);
    expect(await tipOf(b)).toBe(await tipOf(a));
  });
});
