/** JSON-RPC as minerd, btcd's client and Core's documents speak it. */
import { describe, expect, it, vi } from 'vitest';
import { regtest } from '../../../lib/params/index.ts';
import { peerAt } from './fake-node.ts';
import { BASIC, BEARER, createHarness, OURS, TOKEN } from './harness.ts';
import { call, send } from './rpc-call.ts';

describe('the protocol', () => {
  it('answers minerd’s first words', async () => {
    const { app, blocks } = createHarness();
    const body =
      '{"method": "getblocktemplate", "params": [{"capabilities": ["coinbasetxn", ' +
      '"coinbasevalue", "longpoll", "workid"], "rules": ["segwit"]}], "id":0}\r\n';
    const headers = { ...BASIC, 'User-Agent': 'cpuminer/2.5.1', 'X-Mining-Extensions': 'midstate' };
    const response = await send(app, body, headers);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const { result, error, id } = JSON.parse(await response.text());
    expect([error, id]).toEqual([null, 0]);
    expect(result).toMatchObject({
      version: 0x20000000,
      height: 13,
      curtime: 1_800_000_000,
      coinbasevalue: 5_000_000_000,
      previousblockhash: blocks[12]?.entry.hash,
      bits: '207fffff',
      target: `7fffff${'0'.repeat(58)}`,
      noncerange: '00000000ffffffff',
      sigoplimit: 20_000,
      sizelimit: 1_000_000,
      weightlimit: 4_000_000,
      transactions: [],
      coinbaseaux: { flags: '0806226e46111a0b59' },
      mutable: ['time', 'transactions', 'prevblock'],
    });
    const { rules, longpollid } = result;
    expect(rules).not.toContain('segwit');
    expect(longpollid).toMatch(/^[0-9a-f]{64}./);
  });

  it('wants a password, and says how to give it', async () => {
    const { app, sleeps } = createHarness();
    const body = '{"method":"getblockcount"}';
    for (const path of ['/', '/rpc']) {
      const none = await send(app, body, {}, path);
      expect(none.status).toBe(401);
      expect(none.headers.get('www-authenticate')).toBe('Basic realm="jsonrpc"');
      expect(await none.text()).toBe('');
      const wrong = { Authorization: `Basic ${btoa('__cookie__:x')}` };
      expect((await send(app, body, wrong, path)).status).toBe(401);
      expect((await send(app, body, BASIC, path)).status).toBe(200);
      expect((await send(app, body, BEARER, path)).status).toBe(200);
    }
    // Whoever guesses waits, as with Core; whoever only asks does not.
    expect(sleeps).toEqual([250, 250]);
  });

  it('is closed to pages of another origin, whose browser may know the password', async () => {
    const { app, script } = createHarness();
    const form = { ...BASIC, 'Content-Type': 'text/plain', Origin: 'https://evil.example' };
    const response = await send(app, '{"method":"submitblock","params":["00"]}', form);
    expect(response.status).toBe(403);
    expect(script.submitted).toEqual([]);
  });

  it('takes any content type, as Core does', async () => {
    const { app } = createHarness();
    for (const type of ['text/plain;', 'application/x-www-form-urlencoded']) {
      const response = await send(app, '{"method":"getblockcount"}', {
        ...BASIC,
        'Content-Type': type,
      });
      expect(await response.json()).toEqual({ result: 12, error: null, id: null });
    }
  });

  const errors: readonly (readonly [string, string, number, number])[] = [
    ['no JSON', '{"method":', 500, -32700],
    ['nothing', '', 500, -32700],
    ['no object', '5', 500, -32700],
    ['null', 'null', 500, -32700],
    ['no method', '{"id":1}', 400, -32600],
    ['a method that is no text', '{"method":5}', 400, -32600],
    ['params that are text', '{"method":"getblockcount","params":"x"}', 400, -32600],
    ['an id that is an object', '{"method":"getblockcount","id":{}}', 400, -32600],
    ['a version that is a number', '{"jsonrpc":2,"method":"getblockcount"}', 400, -32600],
    ['a version of its own', '{"jsonrpc":"3.0","method":"getblockcount"}', 400, -32600],
    ['an unknown method', '{"method":"getinfo","params":[]}', 404, -32601],
    ['a method of every object', '{"method":"toString"}', 404, -32601],
    ['too many arguments', '{"method":"getblockcount","params":[1]}', 500, -1],
    ['too few arguments', '{"method":"getblockhash"}', 500, -1],
    ['a wrong type', '{"method":"getblockhash","params":["1"]}', 500, -3],
    ['a height between two', '{"method":"getblockhash","params":[1.5]}', 500, -1],
    ['a height out of range', '{"method":"getblockhash","params":[13]}', 500, -8],
    ['a height below', '{"method":"getblockhash","params":[-1]}', 500, -8],
    ['a short hash', '{"method":"getblock","params":["ab"]}', 500, -8],
    ['an unknown block', `{"method":"getblock","params":["${'ab'.repeat(32)}"]}`, 500, -5],
    ['an unknown name', '{"method":"getblockhash","params":{"hight":1}}', 500, -8],
  ];
  it.each(errors)('refuses %s', async (_, body, status, code) => {
    const { app } = createHarness();
    const response = await send(app, body);
    expect(response.status).toBe(status);
    const json = (await response.json()) as {
      result: null;
      error: { code: number; message: string };
    };
    expect(json.result).toBeNull();
    expect(json.error.code).toBe(code);
    expect(json.error.message).not.toBe('');
  });

  it('says which argument is of a wrong type, as Core does', async () => {
    const { app } = createHarness();
    expect((await call(app, 'getblockhash', ['1'])).error.message).toBe(
      'Wrong type passed:\n{\n    "Position 1 (height)": ' +
        '"JSON value of type string is not of expected type number"\n}',
    );
  });

  it('speaks 2.0: 200 for errors, no null members, no answer to notifications', async () => {
    const { app } = createHarness();
    const modern = (rest: string) => send(app, `{"jsonrpc":"2.0",${rest}}`);
    const good = await modern('"method":"getblockcount","id":"a"');
    expect(await good.json()).toEqual({ jsonrpc: '2.0', result: 12, id: 'a' });
    const bad = await modern('"method":"nothing","id":1');
    expect(bad.status).toBe(200);
    expect(await bad.json()).toMatchObject({ jsonrpc: '2.0', error: { code: -32601 }, id: 1 });
    for (const method of ['getblockcount', 'nothing']) {
      const silent = await modern(`"method":"${method}"`);
      expect(silent.status).toBe(204);
      expect(await silent.text()).toBe('');
    }
    const named = await modern('"method":"getblockhash","params":{"height":0},"id":2');
    expect(await named.json()).toMatchObject({ result: regtest.genesisHash });
  });

  it('gives an id back as it was sent', async () => {
    const { app } = createHarness();
    const ids = ['0', '-1', '18446744073709551615', '1.5', '"a"', 'true', 'null'];
    for (const id of ids) {
      const body = `{"method":"getblockcount","id":${id}}`;
      expect(await (await send(app, body)).text()).toBe(`{"result":12,"error":null,"id":${id}}\n`);
      const batch = await (await send(app, `[{"jsonrpc":"2.0",${body.slice(1)}]`)).text();
      expect(batch).toBe(`[{"jsonrpc":"2.0","result":12,"id":${id}}]\n`);
    }
    const revived = vi.spyOn(JSON, 'parse');
    await send(app, '{"method":"getblockcount","id":1}');
    const usual = revived.mock.calls.filter(([, reviver]) => reviver !== undefined);
    revived.mockRestore();
    expect(usual).toEqual([]);
    const none = await send(app, '{"jsonrpc":null,"method":"getblockcount"}');
    expect(await none.text()).toBe('{"result":12,"error":null,"id":null}\n');
  });

  it('takes arguments by name, by older names and after some by position', async () => {
    const { app, blocks } = createHarness();
    const hash = blocks[0]?.entry.hash;
    const { result: raw } = await call(app, 'getblock', [hash, 0]);
    for (const named of [
      { blockhash: hash, verbosity: 0 },
      { verbose: false, blockhash: hash },
      { args: [hash], verbosity: 0 },
      { args: [hash, 0] },
    ]) {
      expect((await call(app, 'getblock', named)).result).toBe(raw);
    }
    expect((await call(app, 'getblock', { args: [hash], blockhash: hash })).error).toEqual({
      code: -8,
      message: 'Parameter blockhash specified twice both as positional and named argument',
    });
    const twice = await call(app, 'getblock', { blockhash: hash, verbosity: 0, verbose: 1 });
    expect(twice.error.code).toBe(-8);
    expect((await call(app, 'getblock', { args: 'x' })).error.code).toBe(-8);
    expect((await call(app, 'getblock', { args: [hash, 0, 1] })).error.code).toBe(-1);
  });

  it('takes batches', async () => {
    const { app } = createHarness();
    const batch = [
      { method: 'getblockcount', id: 1 },
      { method: 'nothing', id: 2 },
      { jsonrpc: '2.0', method: 'getblockcount' },
      7,
      { jsonrpc: '2.0', method: 'getbestblockhash', id: 'x' },
    ];
    const response = await send(app, JSON.stringify(batch));
    expect(response.status).toBe(200);
    const answers = (await response.json()) as { id: unknown; error?: { code: number } | null }[];
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      [1, undefined],
      [2, -32601],
      [null, -32600],
      ['x', undefined],
    ]);
    expect(await (await send(app, '[]')).json()).toEqual([]);
    const silent = await send(app, '[{"jsonrpc":"2.0","method":"uptime"}]');
    expect(silent.status).toBe(204);
    const many = await send(app, JSON.stringify(Array.from({ length: 1001 }, () => ({}))));
    expect(many.status).toBe(400);
  });

  it('is POST only', async () => {
    const { app } = createHarness();
    const response = await app.request('/rpc');
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await response.text()).toBe('JSONRPC server handles only POST requests');
  });

  it('does not tell what broke', async () => {
    const { app, script, reports } = createHarness();
    script.fault = new Error(`a secret ${TOKEN}`);
    const { error, text, status } = await call(app, 'getblockcount');
    expect([status, error.code]).toEqual([500, -32603]);
    expect(text).not.toContain('secret');
    expect(reports).toEqual([script.fault]);
  });
});

describe('the node', () => {
  it('tells of itself', async () => {
    const { app, script } = createHarness();
    script.peers.push(peerAt('http://127.0.0.1:8401'));
    expect((await call(app, 'uptime')).result).toBe(60);
    expect((await call(app, 'ping')).result).toBeNull();
    expect((await call(app, 'getzmqnotifications')).result).toEqual([]);
    const txindex = { synced: true, best_block_height: 12 };
    expect((await call(app, 'getindexinfo')).result).toEqual({ txindex });
    expect((await call(app, 'getindexinfo', ['coinstatsindex'])).result).toEqual({});
    expect((await call(app, 'getconnectioncount')).result).toBe(1);
    expect((await call(app, 'getpeerinfo')).result[0]).toMatchObject({
      id: 0,
      addr: 'http://127.0.0.1:8401',
    });
    // What strict clients (corepc, bitcoincore-rpc) do not do without.
    expect((await call(app, 'getpeerinfo')).result[0]).toMatchObject({
      addrbind: '',
      services: '0000000000000001',
      servicesnames: ['NETWORK'],
      relaytxes: true,
      ...{ lastsend: 0, last_transaction: 0, last_block: 0, bytessent: 0, bytesrecv: 0 },
      ...{ conntime: 0, timeoffset: 0, version: 70016, subver: '', presynced_headers: -1 },
      ...{ bip152_hb_to: false, bip152_hb_from: false, inflight: [], permissions: [] },
      ...{ addr_relay_enabled: true, addr_processed: 0, addr_rate_limited: 0, minfeefilter: 0 },
      ...{ bytessent_per_msg: {}, bytesrecv_per_msg: {} },
      ...{ transport_protocol_type: 'v1', session_id: '' },
    });
    for (const [address, network] of [
      ['https://198.51.100.7:8400', 'ipv4'],
      ['http://[2001:db8::1]:8400', 'ipv6'],
      ['http://[::1]:8400', 'not_publicly_routable'],
      ['http://192.168.1.9:8400', 'not_publicly_routable'],
      ['https://node.example', 'not_publicly_routable'],
      ['a line of a queue', 'not_publicly_routable'],
      ['', 'not_publicly_routable'],
    ] as const) {
      script.peers.splice(0, script.peers.length, peerAt(address));
      const [peer] = (await call(app, 'getpeerinfo')).result;
      expect(peer).toMatchObject({ network, transport: 'http' });
    }
    const { result } = await call(app, 'getnetworkinfo');
    expect(result).toMatchObject({ version: 100, subversion: '/stackchain:0.1.0(fake)/' });
    expect(result.warnings).toEqual([]);
    expect((await call(app, 'validateaddress', [OURS])).result).toMatchObject({ isvalid: true });
    expect((await call(app, 'validateaddress', ['x'])).result.isvalid).toBe(false);
  });

  it('helps', async () => {
    const { app } = createHarness();
    const { result } = await call(app, 'help');
    for (const name of [
      'getblocktemplate',
      'submitblock',
      'getblockhash',
      'getblockcount',
      'getbestblockhash',
      'getblock',
      'getblockchaininfo',
      'generatetoaddress',
      'sendrawtransaction',
      'getrawmempool',
    ]) {
      expect(result).toContain(name);
    }
    expect((await call(app, 'help', ['getblock'])).result).toBe(
      'getblock "blockhash" ( "verbosity" )',
    );
    expect((await call(app, 'help', ['x'])).result).toBe('help: unknown command: x');
  });

  it('takes an operator’s word on a block', async () => {
    const { app, blocks } = createHarness();
    for (const method of ['invalidateblock', 'reconsiderblock']) {
      expect((await call(app, method, [blocks[3]?.entry.hash])).result).toBeNull();
      expect((await call(app, method, ['ab'.repeat(32)])).error.code).toBe(-5);
    }
  });
});
