/**
 * Serves rows: the way of a request through the checks, cheapest first: token, origin, length, body,
 * type, schema, idempotency. Turns whatever is thrown into a problem.
 */
import type { OpenAPIHono, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { toHex } from '../codec/index.ts';
import { Fault } from '../faults.ts';
import { once } from './idempotency.ts';
import { invalidRequest, Problem, problemResponse } from './problem.ts';
import {
  BODY_BYTES_MAX,
  checkSameOrigin,
  credentialsOf,
  parseJson,
  requireJson,
  withBody,
} from './request.ts';
import type { Answer, Api, Row } from './row.ts';

const ALLOW_ORIGIN = 'Access-Control-Allow-Origin';
const ID_BYTES = 8;

export const newRequestId = (api: Api): string => toHex(api.node.random.bytes(ID_BYTES));

/** What a thrown value is to the caller. Only our own faults are 5xx; no message of theirs leaks. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Fault) {
    return new Problem('unavailable', `the node cannot do this now (${error.code})`, {
      headers: { 'Retry-After': '1' },
    });
  }
  return new Problem('internal', 'something is wrong with this node; its log says what');
}

/** Puts a row on the app. */
export function mountRow(app: OpenAPIHono, api: Api, row: Row): void {
  const path = row.path.replaceAll(/\{(\w+)\}/g, ':$1');
  app.on(row.method.toUpperCase(), path, async (c) => {
    const response = await respond(api, row, c);
    if (row.cors) response.headers.set(ALLOW_ORIGIN, '*');
    return response;
  });
}

async function respond(api: Api, row: Row, c: Context): Promise<Response> {
  try {
    if (row.token) await checkToken(api, c.req.raw);
    if (row.spec.body === undefined) return toResponse(await handle(api, row, c, undefined));
    return await withBody(
      c.req.raw,
      {
        bytesMax: row.spec.bodyBytesMax ?? BODY_BYTES_MAX,
        budget: api.budget,
        authorized: row.token,
      },
      async (body) => {
        requireJson(c.req.raw);
        return idempotently(api, row, c, body);
      },
    );
  } catch (error) {
    return problemOf(api, error);
  }
}

/** Any thrown value as an answer; what is neither refusal nor reject goes to the host's log. */
export function problemOf(api: Api, error: unknown): Response {
  const requestId = newRequestId(api);
  if (!(error instanceof Problem)) api.options.report?.(error, requestId);
  return problemResponse(toProblem(error), requestId);
}

/** Every row marked T, on loopback too: a page in the user's browser must not be able to spend. */
export async function checkToken(api: Api, request: Request): Promise<void> {
  const credentials = credentialsOf(request);
  if (credentials === undefined || !(await api.options.authorize(credentials))) {
    throw new Problem('unauthorized', 'this call needs the node’s token', {
      headers: { 'WWW-Authenticate': 'Bearer realm="stackchain"' },
    });
  }
  checkSameOrigin(request);
}

async function idempotently(api: Api, row: Row, c: Context, body: Uint8Array): Promise<Response> {
  const key = c.req.header('idempotency-key');
  if (row.spec.idempotent !== true || key === undefined) {
    return toResponse(await handle(api, row, c, body));
  }
  // What is no request at all does not use up its key.
  parseCall(api, row, c, body);
  const call = `${row.method} ${row.path} ${JSON.stringify(c.req.param())}`;
  const kept = await once(api.node, { call, key, body }, async () => {
    const response = await handle(api, row, c, body).then(toResponse, (error) =>
      problemOf(api, error),
    );
    return {
      status: response.status,
      contentType: response.headers.get('content-type') ?? '',
      body: await response.text(),
    };
  });
  return new Response(kept.body, {
    status: kept.status,
    headers: {
      'Content-Type': kept.contentType,
      'Cache-Control': 'no-store',
      ...(kept.replayed ? { 'Idempotent-Replayed': 'true' } : {}),
    },
  });
}

async function handle(
  api: Api,
  row: Row,
  c: Context,
  body: Uint8Array | undefined,
): Promise<Answer> {
  return row.spec.handle(api, parseCall(api, row, c, body));
}

type AnyCall = Parameters<Row['spec']['handle']>[1];

function parseCall(api: Api, row: Row, c: Context, body: Uint8Array | undefined): AnyCall {
  const { params, query, body: bodySchema } = row.spec;
  return {
    params: params === undefined ? {} : parsed(params, c.req.param(), 'path'),
    query: query === undefined ? {} : parsed(query, queryOf(c), 'query'),
    body:
      bodySchema === undefined || body === undefined
        ? undefined
        : parsed(bodySchema, parseJson(body), 'body'),
    request: c.req.raw,
    clientKey: api.options.clientKey(c.req.raw, c.env),
  } as AnyCall;
}

/** One given twice may mean either to whoever reads it before or after us. */
function queryOf(c: Context): Record<string, string> {
  const twice = Object.entries(c.req.queries()).find(([, values]) => values.length > 1);
  if (twice === undefined) return c.req.query();
  throw invalidRequest(`query.${twice[0].slice(0, 100)}: given twice`);
}

function parsed<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const place = [where, ...(issue?.path ?? [])].map(String).join('.').slice(0, 100);
  throw invalidRequest(`${place}: ${issue?.message ?? 'not valid'}`);
}

function toResponse(answer: Answer): Response {
  const { status, body, headers = {} } = answer;
  if (body === null) return new Response(null, { status, headers });
  if (body instanceof Uint8Array) {
    const type = { 'Content-Type': 'application/octet-stream' };
    return new Response(new Uint8Array(body), { status, headers: { ...type, ...headers } });
  }
  if (typeof body === 'string') {
    const type = { 'Content-Type': 'text/plain; charset=utf-8' };
    return new Response(body, { status, headers: { ...type, ...headers } });
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
  });
}
