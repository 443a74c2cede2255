/** Who is refused for what, who is not touched by it, and what nobody may use up. */
import { describe, expect, it, vi } from 'vitest';
import { SnapshotView } from '../../../lib/chain/view.ts';
import { Fault } from '../../../lib/faults.ts';
import { toBase64 } from '../../../lib/gossip/envelope.ts';
import type { Message } from '../../../lib/gossip/messages.ts';
import type { Sender } from '../../../lib/gossip/types.ts';
import type { Transport } from '../../../lib/ports/transport.ts';
import type { BlockHash, Tx, Txid } from '../../../lib/types.ts';
import { Story } from '../../helpers/chain-builder.ts';
import { heightOf, NodeNet, tipOf } from '../../helpers/node-net.ts';
import { greeting, LOOPBACK, ping, post, sessionOf } from './stranger.ts';

const AFAR: Sender = { transport: 'http', key: '203.0.113.7' };

describe('blame', () => {
  const badBlock = (net: NodeNet): Message => {
    const story = new Story(net.params);
    return { type: 'block', raw: story.build({ reward: 51e8 }).raw };
  };

  it('a bad block bans the session that posted it, and nobody else on that machine', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const evil = await sessionOf(net, a, 'evil');
    const honest = await sessionOf(net, a, 'honest');
    expect((await post(net, a, [badBlock(net)], { from: evil })).code).toBe('ok');
    expect((await post(net, a, [ping], { from: evil })).code).toBe('banned');
    expect((await post(net, a, [greeting('evil')], { from: evil })).code).toBe('banned');
    expect((await post(net, a, [ping], { from: honest })).code).toBe('ok');
    const peers = await a.node.gossip.peers();
    expect(peers.filter(({ banned }) => banned)).toHaveLength(1);
    expect(peers.filter(({ banned }) => !banned)).toHaveLength(1);
    // Ids are shown to all: they must not give a session away.
    for (const { id } of peers) expect([evil, honest]).not.toContain(id);
  });

  it('a bad block posted from afar bans the address', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const sender: Sender = { transport: 'http', key: '203.0.113.7' };
    await post(net, a, [badBlock(net)], { sender });
    expect((await post(net, a, [ping], { sender, from: 'another-name' })).code).toBe('banned');
    const other: Sender = { transport: 'http', key: '203.0.113.8' };
    expect((await post(net, a, [ping], { sender: other })).code).toBe('ok');
    expect(await a.node.gossip.peers()).toMatchObject([{ banned: true, score: 100 }]);
  });

  it('without a session, on loopback, the name is to blame, but a greeting is still heard', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    await post(net, a, [badBlock(net)], { from: 'node1' });
    expect((await post(net, a, [ping], { from: 'node1' })).code).toBe('banned');
    // The real node1 may shake hands all the same: somebody else used its name.
    const session = await sessionOf(net, a, 'node1');
    expect((await post(net, a, [ping], { from: session })).code).toBe('ok');
  });

  it('a tampered copy of a block that is known bans, and changes nothing', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    await net.mine(a, 2);
    const raw = (await a.node.chain.blockRaw(await tipOf(a)))?.slice() ?? new Uint8Array(0);
    const session = await sessionOf(net, a, 'x');
    expect((await post(net, a, [{ type: 'block', raw }], { from: session })).code).toBe('ok');
    raw[raw.length - 1] = 7;
    await post(net, a, [{ type: 'block', raw }], { from: session });
    expect((await post(net, a, [ping], { from: session })).code).toBe('banned');
    expect(await heightOf(a)).toBe(2);
  });

  it('bytes that are no message cost points, five times a ban', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const bad = net.envelope('inv', toBase64(Uint8Array.of(9)), 'x');
    const codes: string[] = [];
    for (let i = 0; i < 6; i++) {
      const answer = await a.node.gossip.receive([bad], { transport: 'http', key: '203.0.113.9' });
      codes.push(answer.ok ? 'ok' : answer.code);
    }
    expect(codes).toEqual([...Array.from({ length: 5 }, () => 'invalid-request'), 'banned']);
  });

  it('a ban ends after a day', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const sender: Sender = { transport: 'http', key: '203.0.113.7' };
    await post(net, a, [badBlock(net)], { sender });
    net.clock.advance(86_399_000);
    expect((await post(net, a, [ping], { sender })).code).toBe('banned');
    net.clock.advance(2000);
    expect((await post(net, a, [ping], { sender })).code).toBe('ok');
  });

  it('a peer that serves a bad block is left, and the good chain is fetched from another', async () => {
    const net = new NodeNet();
    const good = await net.add('good');
    await net.mine(good, 3);
    const bad = await net.add('bad');
    // It passes on the good headers, and bodies with a changed byte.
    net.hub.listen('bad', async (envelopes, sender) => {
      const answer = await good.node.gossip.receive(envelopes, sender);
      if (!answer.ok) return answer;
      const replies = answer.replies.map((envelope) => {
        if (envelope.type !== 'block') return envelope;
        const raw = Uint8Array.from(Buffer.from(envelope.payload as string, 'base64'));
        raw[raw.length - 1] = 1;
        return { ...envelope, payload: toBase64(raw) };
      });
      return { ok: true, replies };
    });
    // Alone at first: of two that are asked at once, either may be the one that sends the bodies.
    const b = await net.add('b', { peers: ['bad'] });
    await net.pass(1);
    await b.node.gossip.addPeer('good');
    await net.pass(1, 3);
    expect(await tipOf(b)).toBe(await tipOf(good));
    const peers = await b.node.gossip.peers();
    expect(peers.find(({ address }) => address === 'bad')).toMatchObject({ banned: true });
    expect(peers.find(({ address }) => address === 'good')).toMatchObject({ banned: false });
    expect(bad.name).toBe('bad');
  });

  it('refuses another network, itself, and heights that cannot be', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const foreign = { ...net.envelope('ping', 'AAAAAAAAAAA='), network: 'f'.repeat(64) };
    expect(await a.node.gossip.receive([foreign], LOOPBACK)).toMatchObject({
      ok: false,
      code: 'wrong-network',
    });
    const tall: Message = { ...greeting('x'), height: 0xffffffff } as Message;
    expect((await post(net, a, [tall])).code).toBe('invalid-request');
    expect(await a.node.gossip.addPeer('a')).toMatchObject({ ok: false, code: 'invalid-request' });
    expect(await a.node.gossip.addPeer('nobody')).toMatchObject({ ok: false, code: 'unreachable' });
    expect(await a.node.gossip.peers()).toEqual([]);
  });
});

describe('bounds', () => {
  it('unasked bodies beside the tip: 64 an hour a sender', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const story = new Story(net.params);
    const blocks = Array.from({ length: 70 }, (_, i) =>
      story.mine({ on: story.genesis, name: `s${i}` }),
    );
    const sender: Sender = { transport: 'http', key: '203.0.113.7' };
    const [first, ...rest] = blocks;
    await post(net, a, [{ type: 'block', raw: first?.block.raw ?? new Uint8Array(0) }], { sender });
    for (const { block } of rest)
      await post(net, a, [{ type: 'block', raw: block.raw }], { sender });
    expect(await heightOf(a)).toBe(1);
    const kept = await Promise.all(blocks.map(({ entry }) => a.node.chain.hasBody(entry.hash)));
    expect(kept.filter(Boolean).length).toBeLessThanOrEqual(17);
  });

  it('one fetch for a block that three announce', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const inv: Message = {
      type: 'inv',
      items: [{ kind: 'block', hash: 'ab'.repeat(32) as never }],
    };
    const asks: number[] = [];
    for (const key of ['203.0.113.1', '203.0.113.2', '203.0.113.3']) {
      const { replies } = await post(net, a, [inv], { sender: { transport: 'http', key } });
      asks.push(replies.filter(({ type }) => type === 'getdata').length);
    }
    expect(asks).toEqual([1, 0, 0]);
    net.clock.advance(21_000);
    const again = await post(net, a, [inv], { sender: { transport: 'http', key: '203.0.113.3' } });
    expect(again.replies.map(({ type }) => type)).toEqual(['getdata']);
  });

  it('what is named and in the chain is not read for that, however often it is named', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const [hash] = await net.mine(a);
    const coinbase = (await a.node.chain.block(hash as BlockHash))?.txs[0] as Tx;
    const reads = vi.spyOn(SnapshotView.prototype, 'locate');
    const looks = vi.spyOn(SnapshotView.prototype, 'isConfirmed');
    const item = { kind: 'tx', hash: coinbase.txid } as const;
    const { replies } = await post(net, a, [{ type: 'inv', items: Array(1000).fill(item) }], {
      sender: AFAR,
    });
    const counts = [reads.mock.calls.length, looks.mock.calls.length];
    vi.restoreAllMocks();
    expect(replies.filter(({ type }) => type === 'getdata')).toEqual([]);
    expect(counts).toEqual([0, 1]);
  });

  it('one request names no more than a thousand things that are looked up and leased', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const inv = (tag: number): Message => ({
      type: 'inv',
      items: Array.from({ length: 600 }, (_, i) => ({
        kind: 'tx',
        hash: `${tag}`.repeat(56).concat(i.toString(16).padStart(8, '0')) as Txid,
      })),
    });
    const sender: Sender = { transport: 'http', key: '203.0.113.7' };
    const { code } = await post(net, a, [inv(1), inv(2), inv(3)], { sender });
    expect(code).toBe('ok');
    expect(await a.store.list('G#lease', { limit: 10_000 })).toHaveLength(1000);
  });

  it('sessions: about a thousand, the most silent goes', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    for (let i = 0; i < 1200; i++) await sessionOf(net, a, `n${i}`);
    expect((await a.node.gossip.peers()).length).toBeLessThanOrEqual(1100);
  });

  it('a learned peer that never answers is forgotten', async () => {
    const net = new NodeNet();
    const silent = { kind: 'http', send: async () => Promise.reject(new Fault('transport', 'no')) };
    const a = await net.add('a', { more: { transports: [silent as Transport] } });
    const urls = ['https://one.example', 'https://two.example'];
    await post(net, a, [{ type: 'addr', urls }], { sender: AFAR });
    expect((await a.node.gossip.peers()).length).toBe(2);
    for (let i = 0; i < 60; i++) await net.pass(60);
    expect(await a.node.gossip.peers()).toEqual([]);
  });

  it('strangers teach a bounded number of addresses', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    for (let i = 0; i < 10; i++) {
      const urls = Array.from({ length: 100 }, (_, j) => `https://n${i}x${j}.example`);
      await post(net, a, [{ type: 'addr', urls }], { sender: AFAR });
    }
    expect((await a.node.gossip.peers()).length).toBe(128);
  });

  it('addr teaches no private and no plain address from afar', async () => {
    const net = new NodeNet();
    const a = await net.add('a');
    const urls = [
      'https://10.0.0.1',
      'https://192.168.1.1/x',
      'http://node.example',
      'https://localhost:9000',
      'http://127.0.0.1:8400',
      'https://[::1]',
      'https://[fd00::1]',
      'https://user:pw@node.example',
      'https://good.example/stage',
    ];
    const sender: Sender = { transport: 'http', key: '203.0.113.7' };
    await post(net, a, [{ type: 'addr', urls }], { sender });
    expect((await a.node.gossip.peers()).map(({ address }) => address)).toEqual([
      'https://good.example/stage',
    ]);
    await post(net, a, [{ type: 'addr', urls: ['http://127.0.0.1:8400'] }]);
    expect((await a.node.gossip.peers()).length).toBe(2);
  });
});
