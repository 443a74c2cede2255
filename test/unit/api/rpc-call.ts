/** Calls of JSON-RPC against an app. */
import { expect } from 'vitest';
import { BASIC, type Harness, JSON_TYPE } from './harness.ts';

export const send = (
  app: Harness['app'],
  body: string,
  headers: Record<string, string> = BASIC,
  path = '/',
) => app.request(path, { method: 'POST', headers: { ...JSON_TYPE, ...headers }, body });

/** As minerd: no `jsonrpc`, CRLF at the end. */
export async function call(app: Harness['app'], method: string, params: unknown = []) {
  const response = await send(app, `${JSON.stringify({ method, params, id: 0 })}\r\n`);
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: shapes are what the test looks at
  const { result, error, id } = JSON.parse(text) as { result: any; error: any; id: unknown };
  expect(Object.keys(JSON.parse(text))).toEqual(['result', 'error', 'id']);
  expect(id).toBe(0);
  expect(error === null ? 200 : [400, 404, 500]).toEqual(
    error === null ? response.status : expect.arrayContaining([response.status]),
  );
  return { result, error, status: response.status, text };
}
