/** What holds for every request: token, Host, origins, methods, limits, prefix. */
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { OPEN_BODIES_BYTES_MAX } from '../../../lib/api/request.ts';
import { Fault } from '../../../lib/faults.ts';
import {
  BASIC,
  BEARER,
  codeOf,
  createHarness,
  JSON_TYPE,
  OTHER,
  OURS,
  post,
  TOKEN,
} from './harness.ts';

type TokenRow = readonly [method: string, path: string, body?: unknown];
const TOKEN_ROWS: readonly TokenRow[] = [
  ['POST', '/v1/wallets', {}],
  ['GET', '/v1/wallets'],
  ['POST', `/v1/wallets/${OURS}/send`, { to: OTHER, amountSats: 1 }],
  ['POST', '/v1/peers', { address: 'http://127.0.0.1:9' }],
  ['DELETE', '/v1/peers/nobody'],
  ['POST', '/v1/mine', { blocks: 1, address: OURS }],
];
const request = ([method, , body]: TokenRow, headers: Record<string, string>): RequestInit =>
  body === undefined
    ? { method, headers }
    : { method, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) };

describe.each(TOKEN_ROWS.map((row) => ({ name: `${row[0]} ${row[1]}`, row })))(
  '$name',
  ({ row }) => {
    const path = row[1];
    const fresh = () => createHarness();

    it('is closed without the token and with a wrong one', async () => {
      const { app, wallet, script } = fresh();
      const wrong: Record<string, string>[] = [
        {},
        { Authorization: `Bearer ${'00'.repeat(32)}` },
        { Authorization: 'Bearer' },
        { Authorization: TOKEN },
        { Authorization: `Basic ${btoa(`__cookie__:${'00'.repeat(32)}`)}` },
        { Authorization: `Basic ${btoa(`root:${TOKEN}`)}` },
        { Authorization: 'Basic ???' },
        { Cookie: `token=${TOKEN}` },
      ];
      for (const headers of wrong) {
        const response = await app.request(path, request(row, headers));
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
        expect(await codeOf(response)).toBe('401 unauthorized');
      }
      expect(wallet).toMatchObject({ sends: 0, made: 0 });
      expect(script.peers).toEqual([]);
    });

    it('opens to the token, as bearer and as RPC’s password', async () => {
      for (const headers of [BEARER, BASIC]) {
        const response = await fresh().app.request(path, request(row, headers));
        expect([200, 201, 202, 404]).toContain(response.status);
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
      }
    });

    it('is closed to pages of another origin, token or not', async () => {
      const { app } = fresh();
      const foreign: Record<string, string>[] = [
        { Origin: 'https://evil.example' },
        { Origin: 'http://localhost:3000' },
        { Origin: 'null' },
        { 'Sec-Fetch-Site': 'cross-site' },
      ];
      for (const headers of foreign) {
        const response = await app.request(path, request(row, { ...BEARER, ...headers }));
        expect(await codeOf(response)).toBe('403 forbidden-host');
      }
      const own = { ...BEARER, Origin: 'http://localhost', 'Sec-Fetch-Site': 'same-origin' };
      expect([200, 201, 202, 404]).toContain((await app.request(path, request(row, own))).status);
    });
  },
);

describe('a form of another site', () => {
  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'])(
    'as %s changes nothing',
    async (type) => {
      const { app, wallet, script } = createHarness();
      for (const [method, path, body] of TOKEN_ROWS) {
        if (method !== 'POST') continue;
        const init = {
          method,
          headers: { 'Content-Type': type, ...BEARER },
          body: JSON.stringify(body),
        };
        expect(await codeOf(await app.request(path, init))).toBe('415 unsupported-media-type');
      }
      for (const path of ['/v1/blocks', '/v1/transactions', '/v1/gossip']) {
        const init = { method: 'POST', headers: { 'Content-Type': type }, body: '{"hex":"00"}' };
        expect(await codeOf(await app.request(path, init))).toBe('415 unsupported-media-type');
      }
      expect(wallet).toMatchObject({ sends: 0, made: 0 });
      expect(script.submitted).toEqual([]);
      expect(script.received).toEqual([]);
    },
  );
});

describe('Host', () => {
  const ask = (host: string, options = {}) =>
    createHarness(options).app.request('/v1/node', { headers: { Host: host } });

  it.each([
    'localhost',
    'localhost:8400',
    '127.0.0.1:8400',
    '127.1.2.3',
    '[::1]:8400',
    'LOCALHOST',
  ])('%s is loopback', async (host) => {
    expect((await ask(host)).status).toBe(200);
  });

  it.each([
    'evil.example',
    'evil.example:8400',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '192.168.0.7:8400',
    '0.0.0.0:8400',
    '',
  ])('%s is refused on loopback', async (host) => {
    const response = await ask(host);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    expect(await codeOf(response)).toBe('403 forbidden-host');
  });

  it('holds for all paths', async () => {
    const { app } = createHarness();
    for (const path of ['/', '/docs', '/openapi.json', '/healthz', '/api/blocks', '/nothing']) {
      const response = await app.request(path, { headers: { Host: 'evil.example' } });
      expect(`${path} ${response.status}`).toBe(`${path} 403`);
    }
    const rpc = await app.request(
      '/',
      post({ method: 'uptime' }, { ...BASIC, Host: 'evil.example' }),
    );
    expect(rpc.status).toBe(403);
  });

  it('may be any where the host says so', async () => {
    expect((await ask('node.example', { hosts: 'any' })).status).toBe(200);
  });
});

describe('other origins', () => {
  it('may read', async () => {
    const { app } = createHarness();
    for (const path of ['/v1/node', '/v1/blocks', '/v1/blocks/999', '/v1/nothing', '/healthz']) {
      const response = await app.request(path, { headers: { Origin: 'https://a.example' } });
      expect(response.headers.get('access-control-allow-origin')).toBe('*');
    }
  });

  it('are told so before they ask', async () => {
    const { app } = createHarness();
    const preflight = async (path: string) => {
      const response = await app.request(path, { method: 'OPTIONS' });
      expect(response.status).toBe(204);
      return [
        response.headers.get('allow'),
        response.headers.get('access-control-allow-origin'),
        response.headers.get('access-control-allow-methods'),
      ];
    };
    const wanting = async (path: string, method: string) => {
      const headers = { 'Access-Control-Request-Method': method };
      const response = await app.request(path, { method: 'OPTIONS', headers });
      return response.headers.get('access-control-allow-origin');
    };
    expect(await wanting('/v1/blocks', 'GET')).toBe('*');
    expect(await wanting('/v1/blocks', 'POST')).toBeNull();
    expect(await wanting('/v1/peers', 'POST')).toBeNull();
    expect(await wanting('/v1/transactions', 'POST')).toBe('*');
    expect(await preflight('/v1/node')).toEqual(['GET, HEAD, OPTIONS', '*', 'GET, HEAD']);
    expect(await preflight('/v1/transactions')).toEqual(['POST, OPTIONS', '*', 'POST']);
    expect(await preflight('/v1/peers')).toEqual(['GET, HEAD, POST, OPTIONS', '*', 'GET, HEAD']);
    expect(await preflight('/v1/wallets')).toEqual(['POST, GET, HEAD, OPTIONS', null, null]);
    expect(await preflight('/v1/mine')).toEqual(['POST, OPTIONS', null, null]);
    expect(await preflight('/v1/gossip')).toEqual(['POST, OPTIONS', null, null]);
    expect(await preflight('/api/tx')).toEqual(['POST, OPTIONS', '*', 'POST, OPTIONS']);
  });
});

describe('methods', () => {
  it('refuses others with what is allowed', async () => {
    const { app } = createHarness();
    const cases: readonly (readonly [string, string, string])[] = [
      ['PUT', '/v1/blocks', 'GET, HEAD, POST, OPTIONS'],
      ['DELETE', '/v1/node', 'GET, HEAD, OPTIONS'],
      ['GET', '/v1/mine', 'POST, OPTIONS'],
      ['GET', '/v1/peers/x', 'DELETE, OPTIONS'],
      ['PATCH', '/v1/wallets', 'POST, GET, HEAD, OPTIONS'],
      ['PUT', '/', 'GET, HEAD, POST'],
      ['POST', '/docs', 'GET, HEAD'],
    ];
    for (const [method, path, allow] of cases) {
      const response = await app.request(path, { method });
      expect(response.headers.get('allow')).toBe(allow);
      expect(await codeOf(response)).toBe('405 method-not-allowed');
    }
  });

  it('answers HEAD as GET, without the body', async () => {
    const { app } = createHarness();
    for (const path of ['/v1/node', '/v1/blocks/3/raw', '/', '/api/blocks/tip/hash', '/docs']) {
      const response = await app.request(path, { method: 'HEAD' });
      expect(`${path} ${response.status}`).toBe(`${path} 200`);
      expect(await response.text()).toBe('');
    }
    expect((await app.request('/v1/mine', { method: 'HEAD' })).status).toBe(405);
    expect((await app.request('/nothing', { method: 'HEAD' })).status).toBe(404);
  });
});

describe('bodies', () => {
  const limits: readonly (readonly [string, number, Record<string, string>])[] = [
    ['/v1/wallets', 64 * 1024, BEARER],
    ['/v1/peers', 64 * 1024, BEARER],
    ['/v1/mine', 64 * 1024, BEARER],
    ['/v1/transactions', 256 * 1024, {}],
    ['/v1/blocks', 2_100_000, {}],
    ['/v1/gossip', 2_100_000, {}],
    ['/', 2_100_000, BASIC],
    ['/rpc', 2_100_000, BASIC],
  ];

  it.each(limits)('of %s may have %i bytes', async (path, bytesMax, headers) => {
    const { app } = createHarness();
    const send = (size: number) =>
      app.request(path, post(`"${'x'.repeat(size - 2)}"`, headers as Record<string, string>));
    expect(await codeOf(await send(bytesMax + 1))).toBe('413 too-large');
    // To JSON-RPC a bare string is no call: Core's status of a parse error.
    expect((await send(bytesMax)).status).toBe(headers === BASIC ? 500 : 400);
  });

  it('are refused by their announced length before they are read', async () => {
    const { app } = createHarness();
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(1000));
      },
    });
    const init = {
      method: 'POST',
      headers: { ...JSON_TYPE, 'Content-Length': '70000000' },
      body,
      duplex: 'half',
    } as RequestInit;
    expect(await codeOf(await app.request('/v1/blocks', init))).toBe('413 too-large');
    // A stream fills its own buffer of one before anybody asks.
    expect(pulled).toBeLessThanOrEqual(1);
  });

  it('are cut while they are read, whatever was announced', async () => {
    const { app } = createHarness();
    let pulled = 0;
    const body = new ReadableStream({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(64 * 1024));
      },
    });
    const init = {
      method: 'POST',
      headers: { ...JSON_TYPE, 'Content-Length': '10' },
      body,
      duplex: 'half',
    } as RequestInit;
    expect(await codeOf(await app.request('/v1/transactions', init))).toBe('413 too-large');
    expect(pulled).toBeLessThan(10);
  });

  it('together are bounded: more is 429 with Retry-After', async () => {
    const { app } = createHarness();
    const held: (() => void)[] = [];
    const slow = (size: number): RequestInit =>
      ({
        method: 'POST',
        headers: JSON_TYPE,
        body: new ReadableStream({
          start(controller) {
            controller.enqueue(new Uint8Array(size));
            held.push(() => controller.close());
          },
        }),
        duplex: 'half',
      }) as RequestInit;
    const size = 2_000_000;
    const waiting = Array.from({ length: Math.floor(OPEN_BODIES_BYTES_MAX / size) }, () =>
      app.request('/v1/blocks', slow(size)),
    );
    await new Promise((resolve) => setTimeout(resolve, 20));
    const refused = await app.request('/v1/blocks', slow(size));
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await codeOf(refused)).toBe('429 rate-limited');
    // The owner's own calls have room left, also large ones.
    const call = JSON.stringify({ method: 'getblockcount', id: 1 }) + ' '.repeat(size);
    const rpc = await app.request('/rpc', post(call, BASIC));
    expect(await rpc.json()).toMatchObject({ result: 12 });
    expect((await app.request('/v1/wallets', post({}, BEARER))).status).toBe(201);
    for (const end of held.slice(0, waiting.length)) end();
    for (const response of await Promise.all(waiting)) expect(response.status).toBe(400);
    const after = await app.request('/v1/blocks', post({ hex: '00' }));
    expect(after.status).toBe(200);
  });

  it('that are no JSON, no UTF-8 or no length are refused', async () => {
    const { app } = createHarness();
    const send = (body: string | Uint8Array<ArrayBuffer>, headers = {}) =>
      app.request('/v1/blocks', { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body });
    for (const body of ['', '{', 'null', '[]', '"x"', '{"hex":1}', '{}', `{"hex":"00"`]) {
      expect(await codeOf(await send(body))).toBe('400 invalid-request');
    }
    expect(await codeOf(await send(Uint8Array.of(0x22, 0xff, 0x22)))).toBe('400 invalid-request');
    expect(await codeOf(await send('{}', { 'Content-Length': '1e9' }))).toBe('400 invalid-request');
  });
});

describe('faults', () => {
  it('of the sender are not ours', async () => {
    const { app, reports } = createHarness();
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new Uint8Array(10));
        controller.error(new Error('connection reset'));
      },
    });
    const init = { method: 'POST', headers: JSON_TYPE, body, duplex: 'half' } as RequestInit;
    expect(await codeOf(await app.request('/v1/blocks', init))).toBe('400 invalid-request');
    // What this host cannot do is no fault either.
    const bare = createHarness({ wallet: undefined as never });
    const refused = await bare.app.request('/v1/wallets', post({}, BEARER));
    expect(await codeOf(refused)).toBe('503 unavailable');
    expect([...reports, ...bare.reports]).toEqual([]);
  });

  it('of ours are 503, bugs 500; nothing of them leaks', async () => {
    const { app, script, reports } = createHarness();
    script.fault = new Fault('store-io', 'cannot write to a secret path');
    const fault = await app.request('/v1/node');
    expect(fault.headers.get('retry-after')).toBe('1');
    const text = await fault.clone().text();
    expect(text).not.toContain('secret');
    expect(await codeOf(fault)).toBe('503 unavailable');
    script.fault = new Error('a secret');
    const bug = await app.request('/v1/node');
    expect(await bug.clone().text()).not.toContain('secret');
    expect(await codeOf(bug)).toBe('500 internal');
    expect(reports).toHaveLength(2);
  });

  it('of a path that is not there are 404', async () => {
    const { app } = createHarness();
    for (const path of ['/v1', '/v1/', '/v1/nothing', '/x', '/v1/blocks/', '/v1/node/']) {
      expect(await codeOf(await app.request(path))).toBe('404 not-found');
    }
  });
});

describe('roles', () => {
  it('public serves reading, private writing and RPC', async () => {
    const open = createHarness({ role: 'public' });
    expect((await open.app.request('/v1/node')).status).toBe(200);
    expect((await open.app.request('/api/blocks/tip/height')).status).toBe(200);
    expect((await open.app.request('/v1/wallets', { headers: BEARER })).status).toBe(404);
    expect((await open.app.request('/v1/mine', post({}, BEARER))).status).toBe(404);
    expect((await open.app.request('/rpc', post({ method: 'uptime' }, BASIC))).status).toBe(404);
    expect((await open.app.request('/', post({ method: 'uptime' }, BASIC))).status).toBe(405);
    const closed = createHarness({ role: 'private' });
    expect((await closed.app.request('/v1/wallets', { headers: BEARER })).status).toBe(200);
    expect((await closed.app.request('/rpc', post({ method: 'uptime' }, BASIC))).status).toBe(200);
    expect((await closed.app.request('/v1/node')).status).toBe(404);
    expect((await closed.app.request('/healthz')).status).toBe(200);
  });

  it('public’s document tells of all that its URL serves, private’s rows too', async () => {
    const documentOf = async (role?: 'public'): Promise<unknown> => {
      const { app } = createHarness(role === undefined ? {} : { role });
      return (await app.request('/openapi.json')).json();
    };
    expect(await documentOf('public')).toEqual(await documentOf());
  });
});

describe('below a path prefix', () => {
  it('serves everything, mounted or routed', async () => {
    const { app } = createHarness();
    const routed = new Hono().route('/some/prefix', app);
    const mounted = new Hono().mount('/some/prefix', app.fetch);
    for (const outer of [routed, mounted]) {
      for (const path of ['/v1/node', '/api/blocks/tip/hash', '/docs', '/openapi.json', '/']) {
        const response = await outer.request(`/some/prefix${path}`);
        expect(`${path} ${response.status}`).toBe(`${path} 200`);
      }
      expect((await outer.request('/some/prefix')).status).toBe(200);
      const rpc = await outer.request('/some/prefix/rpc', post({ method: 'uptime' }, BASIC));
      expect(await rpc.json()).toMatchObject({ result: 60, error: null });
      expect(await codeOf(await outer.request('/some/prefix/v1/nothing'))).toBe('404 not-found');
      expect((await outer.request('/some/prefix/v1/node', { method: 'PUT' })).status).toBe(405);
      expect(await (await outer.request('/some/prefix/api/x')).text()).toBe('Not found');
    }
  });
});
