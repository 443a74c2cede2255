/** Gossip over real sockets and the real HTTP app; and what the transport makes of bad servers. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { createHttpTransport, isPublicAddress } from '../../../lib/adapters/http-transport.ts';
import { toBase64 } from '../../../lib/gossip/envelope.ts';
import { regtest } from '../../../lib/params/index.ts';
import { type Envelope, refusalCode } from '../../../lib/ports/transport.ts';
import { easyNetwork, Story } from '../../helpers/chain-builder.ts';
import { type HttpNode, openHttpNode } from '../../helpers/http-nodes.ts';

const open: { close(): Promise<void> | void }[] = [];
const start = async (options: Parameters<typeof openHttpNode>[0] = {}): Promise<HttpNode> => {
  const node = await openHttpNode(options);
  open.push(node);
  return node;
};
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

const story = new Story(regtest);
const blocks = story.mineMany(30);
const heightOf = async ({ node }: HttpNode): Promise<number> =>
  (await node.chain.tip()).entry.height;
const give = async ({ node }: HttpNode, count: number, from = 0): Promise<void> => {
  for (const { block } of blocks.slice(from, count)) {
    const outcome = await node.acceptBlock(block.raw, { asked: true });
    if (outcome.status !== 'tip') throw new Error(`not accepted: ${outcome.status}`);
  }
};
const envelope = (type: string, payload: unknown, from: string): Envelope => ({
  v: 1,
  network: regtest.genesisHash,
  from,
  type,
  payload,
});
const post = async (
  url: string,
  envelopes: readonly unknown[],
): Promise<{ status: number; body: { code?: string; envelopes?: Envelope[] } }> => {
  const response = await fetch(`${url}/v1/gossip`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ envelopes }),
  });
  return { status: response.status, body: (await response.json()) as never };
};

describe('nodes over HTTP', () => {
  it('one started empty catches up, and hears of the next block at once', async () => {
    const a = await start();
    await give(a, 25);
    const b = await start({ peers: [a.url] });
    await b.node.tick();
    expect(await heightOf(b)).toBe(25);
    // a learned of b from its handshake, and calls it with its own tick.
    await a.node.tick();
    await give(a, 26, 25);
    expect(await heightOf(b)).toBe(26);
    const [peer] = await b.node.gossip.peers();
    expect(peer).toMatchObject({ address: a.url, transport: 'http', banned: false, score: 0 });
  });

  it('one that nobody can reach polls, and posts its own', async () => {
    const a = await start();
    const laptop = await start({ peers: [a.url], reachable: false });
    await laptop.node.tick();
    await give(a, 5);
    expect(await heightOf(laptop)).toBe(0);
    await expect
      .poll(
        async () => {
          await laptop.node.tick();
          return heightOf(laptop);
        },
        { timeout: 120_000, interval: 500 },
      )
      .toBe(5);
    await give(laptop, 6, 5);
    expect(await heightOf(a)).toBe(6);
    expect((await a.node.gossip.peers()).map(({ address }) => address)).toEqual(['']);
  });

  it('learns the peers of its peer', async () => {
    const a = await start();
    const b = await start({ peers: [a.url] });
    await b.node.tick();
    await a.node.tick();
    const c = await start({ peers: [a.url] });
    await c.node.tick();
    expect((await c.node.gossip.peers()).map(({ address }) => address).sort()).toEqual(
      [a.url, b.url].sort(),
    );
  });

  it('a bad block bans who posted it; an honest client of the same machine goes on', async () => {
    const a = await start();
    const sessionOf = async (name: string): Promise<string> => {
      const { body } = await post(a.url, [envelope('version', {}, name)]);
      const verack = body.envelopes?.find(({ type }) => type === 'verack');
      return String((verack?.payload as { session?: string } | undefined)?.session);
    };
    const [evil, honest] = [await sessionOf('evil'), await sessionOf('honest')];
    const bad = new Story(regtest).build({ reward: 51e8 });
    const sent = await post(a.url, [envelope('block', toBase64(bad.raw), evil)]);
    expect(sent.status).toBe(200);
    const nonce = toBase64(new Uint8Array(8));
    const refused = await post(a.url, [envelope('ping', nonce, evil)]);
    expect([refused.status, refused.body.code]).toEqual([403, 'banned']);
    const heard = await post(a.url, [envelope('ping', nonce, honest)]);
    expect([heard.status, heard.body.envelopes?.[0]?.type]).toEqual([200, 'pong']);
    const shown = (await (await fetch(`${a.url}/v1/peers`)).json()) as {
      items: { banned: boolean }[];
    };
    expect(shown.items.map(({ banned }) => banned).sort()).toEqual([false, true]);
  });

  it('one that serves bad bodies is banned by its URL, and so is what it posts', async () => {
    const good = await start();
    await give(good, 3);
    const proxy = createServer(async (incoming, outgoing) => {
      const parts: Buffer[] = [];
      for await (const part of incoming) parts.push(part as Buffer);
      const headers = { 'content-type': 'application/json' };
      const body = Buffer.concat(parts).toString();
      const answer = await fetch(`${good.url}/v1/gossip`, { method: 'POST', headers, body });
      const { envelopes } = (await answer.json()) as { envelopes: Envelope[] };
      const changed = envelopes.map((each) => {
        if (each.type !== 'block') return each;
        const raw = Buffer.from(each.payload as string, 'base64');
        raw[raw.length - 1] = 1;
        return { ...each, payload: raw.toString('base64') };
      });
      outgoing.writeHead(200, headers).end(JSON.stringify({ envelopes: changed }));
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    open.push({
      close: () => {
        proxy.closeAllConnections();
        proxy.close();
      },
    });
    const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const a = await start();
    const { body } = await post(a.url, [envelope('version', { url }, 'evil')]);
    const verack = body.envelopes?.find(({ type }) => type === 'verack');
    const session = String((verack?.payload as { session?: string } | undefined)?.session);
    const nonce = toBase64(new Uint8Array(8));
    expect((await post(a.url, [envelope('ping', nonce, session)])).status).toBe(200);
    // It was learned of by its handshake, is called, and gives bodies that are not the headers'.
    await a.node.tick();
    expect(await heightOf(a)).toBe(0);
    expect(await a.node.gossip.peers()).toMatchObject([{ address: url, banned: true, score: 100 }]);
    const refused = await post(a.url, [envelope('ping', nonce, session)]);
    expect([refused.status, refused.body.code]).toEqual([403, 'banned']);
    // The hashes stay welcome.
    await a.node.gossip.addPeer(good.url);
    await a.node.tick();
    expect(await heightOf(a)).toBe(3);
  });

  it('refuses what is malformed or of another network', async () => {
    const a = await start();
    const cases: [unknown[], number, string][] = [
      [
        [{ ...envelope('ping', 'AAAAAAAAAAA=', 'x'), network: 'f'.repeat(64) }],
        403,
        'wrong-network',
      ],
      [[{ v: 1 }], 400, 'invalid-request'],
      [[], 400, 'invalid-request'],
      [[envelope('inv', 'x', 'x')], 400, 'invalid-request'],
    ];
    for (const [envelopes, status, code] of cases) {
      const answer = await post(a.url, envelopes);
      expect([answer.status, answer.body.code]).toEqual([status, code]);
    }
  });

  it('adds a peer only if it answers as one of this network', async () => {
    const a = await start();
    const b = await start();
    expect(await a.node.gossip.addPeer(b.url)).toMatchObject({
      ok: true,
      peer: { address: b.url },
    });
    expect(await a.node.gossip.addPeer(a.url)).toMatchObject({ code: 'invalid-request' });
    expect(await a.node.gossip.addPeer('ftp://x')).toMatchObject({ code: 'invalid-request' });
    expect(await a.node.gossip.addPeer('http://127.0.0.1:1')).toMatchObject({
      code: 'unreachable',
    });
    const foreign = await start({ params: easyNetwork() });
    expect(await a.node.gossip.addPeer(foreign.url)).toMatchObject({ code: 'wrong-network' });
  });
});

describe('the HTTP transport', () => {
  const serveWith = async (listener: RequestListener): Promise<string> => {
    const server: Server = createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push({
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const failure = async (
    url: string,
    options: Parameters<typeof createHttpTransport>[0] = {},
    publicOnly = false,
  ): Promise<unknown> => {
    const transport = createHttpTransport(options);
    open.push(transport);
    return transport.send(url, [], { publicOnly }).then(
      () => 'no failure',
      (error: unknown) => error,
    );
  };

  it.each<[string, RequestListener]>([
    ['a redirect', (_q, r) => r.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
    ['an error', (_q, r) => r.writeHead(500).end('{"envelopes":[]}')],
    ['no JSON', (_q, r) => r.end('<html>')],
    ['no envelopes', (_q, r) => r.end('{"envelopes":{}}')],
    ['null', (_q, r) => r.end('null')],
    ['a connection cut off', (_q, r) => r.socket?.destroy()],
    ['an answer that never ends', (_q, r) => void r.write('{')],
    ['silence', () => undefined],
    ['too much', (_q, r) => r.end(`{"envelopes":["${'x'.repeat(5000)}"]}`)],
  ])('takes %s for a fault', async (_name, listener) => {
    const url = await serveWith(listener);
    expect(await failure(url, { timeoutMs: 300, bytesMax: 4000 })).toMatchObject({
      name: 'Fault',
      code: 'transport',
    });
  });

  it('tells a refusal from silence', async () => {
    const url = await serveWith((_q, r) => {
      r.writeHead(403, { 'content-type': 'application/problem+json' }).end('{"code":"banned"}');
    });
    expect(refusalCode(await failure(url))).toBe('banned');
    expect(refusalCode(await failure('http://127.0.0.1:1'))).toBeUndefined();
  });

  it('calls no private address that a stranger named', async () => {
    let calls = 0;
    const url = await serveWith((_q, r) => {
      calls += 1;
      r.end('{"envelopes":[]}');
    });
    const port = new URL(url).port;
    for (const place of [url, `https://127.0.0.1:${port}`, `https://localhost:${port}`]) {
      expect(await failure(place, {}, true)).toMatchObject({ code: 'transport' });
    }
    expect(calls).toBe(0);
  });

  it.each([
    ['8.8.8.8', true],
    ['2600:1f18::1', true],
    ['10.1.2.3', false],
    ['127.0.0.1', false],
    ['169.254.169.254', false],
    ['100.64.0.1', false],
    ['192.168.0.1', false],
    ['224.0.0.1', false],
    ['0.0.0.0', false],
    ['::1', false],
    ['::ffff:10.0.0.1', false],
    ['fe80::1', false],
    ['fd00::1', false],
    ['2002:7f00:1::', false],
    ['2001:db8::1', false],
    ['2001:0:1::', false],
    ['::127.0.0.1', false],
    ['no address', false],
  ])('%s is public: %s', (address, isPublic) => {
    expect(isPublicAddress(address)).toBe(isPublic);
  });
});
