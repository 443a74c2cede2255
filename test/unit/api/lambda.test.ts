/** The same app behind API Gateway's events (payload 2.0), by Hono's own adapter. */
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../lib/codec/index.ts';
import { BASIC, BEARER, createHarness, JSON_TYPE } from './harness.ts';

const eventOf = (
  method: string,
  path: string,
  more: { headers?: Record<string, string>; body?: string; query?: string } = {},
): LambdaEvent =>
  ({
    version: '2.0',
    routeKey: '$default',
    rawPath: path,
    rawQueryString: more.query ?? '',
    headers: {
      host: 'c0de0000.execute-api.eu-central-1.amazonaws.com',
      ...Object.fromEntries(
        Object.entries(more.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
      ),
    },
    ...(more.body === undefined ? {} : { body: more.body }),
    isBase64Encoded: false,
    requestContext: {
      domainName: 'c0de0000.execute-api.eu-central-1.amazonaws.com',
      domainPrefix: 'c0de0000',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '198.51.100.1', userAgent: 'test' },
    },
  }) as unknown as LambdaEvent;

interface Result {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly isBase64Encoded: boolean;
}

function createLambda() {
  const keys: string[] = [];
  const harness = createHarness({
    hosts: 'any',
    clientKey: (_request, env) => {
      const { event } = env as { event: { requestContext: { http: { sourceIp: string } } } };
      keys.push(event.requestContext.http.sourceIp);
      return keys.at(-1) as string;
    },
  });
  const serve = handle(harness.app);
  const call = (...args: Parameters<typeof eventOf>): Promise<Result> =>
    serve(eventOf(...args)) as unknown as Promise<Result>;
  return { ...harness, keys, call };
}

describe('in Lambda', () => {
  it('reads, text and bytes', async () => {
    const { call, blocks } = createLambda();
    const node = await call('GET', '/v1/node');
    expect(node.statusCode).toBe(200);
    expect(node.headers['access-control-allow-origin']).toBe('*');
    expect(JSON.parse(node.body).height).toBe(12);
    const { block, entry } = blocks[3] as (typeof blocks)[number];
    for (const path of [`/v1/blocks/${entry.hash}/raw`, `/api/block/${entry.hash}/raw`]) {
      const raw = await call('GET', path);
      expect(raw.isBase64Encoded).toBe(true);
      expect(Buffer.from(raw.body, 'base64').toString('hex')).toBe(toHex(block.raw));
    }
    const list = await call('GET', '/v1/blocks', { query: 'limit=2' });
    expect(JSON.parse(list.body).items).toHaveLength(2);
    expect((await call('GET', '/')).body).toContain('<!doctype html>');
    expect((await call('HEAD', '/v1/node')).body).toBe('');
  });

  it('takes what is handed in, within limits', async () => {
    const { call, script, keys } = createLambda();
    const wrong = { headers: BASIC, body: '{"method":"nothing"}' };
    expect((await call('POST', '/', wrong)).statusCode).toBe(404);
    const count = { headers: BASIC, body: '{"method":"getblockcount"}\r\n' };
    expect(JSON.parse((await call('POST', '/', count)).body).result).toBe(12);
    const made = { headers: { ...BEARER, ...JSON_TYPE }, body: '{}' };
    expect((await call('POST', '/v1/wallets', made)).statusCode).toBe(201);
    const sent = { headers: JSON_TYPE, body: '{"hex":"00ff"}' };
    expect((await call('POST', '/v1/blocks', sent)).statusCode).toBe(200);
    expect(toHex(script.submitted[0] as Uint8Array)).toBe('00ff');
    expect(keys).toContain('198.51.100.1');
    // API Gateway states no length that the app could trust.
    const large = { headers: JSON_TYPE, body: `"${'x'.repeat(300_000)}"` };
    expect((await call('POST', '/v1/transactions', large)).statusCode).toBe(413);
    const own = {
      headers: {
        ...BEARER,
        ...JSON_TYPE,
        Origin: 'https://c0de0000.execute-api.eu-central-1.amazonaws.com',
      },
      body: '{}',
    };
    expect((await call('POST', '/v1/wallets', own)).statusCode).toBe(201);
    const foreign = { headers: { ...made.headers, Origin: 'https://evil.example' }, body: '{}' };
    expect((await call('POST', '/v1/wallets', foreign)).statusCode).toBe(403);
  });
});
