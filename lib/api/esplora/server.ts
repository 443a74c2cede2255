/**
 * How Esplora answers: bare text without a line's end (one newline fails every wallet), statuses
 * exactly 200, 400 and 404, errors in plain text. Owns that, and reading path parameters.
 */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { BlockHash, Height, ScriptHash, Txid } from '../../types.ts';
import { IMMUTABLE, isKnown } from '../caching.ts';
import { addressScript } from '../lookups.ts';
import { newRequestId, toProblem } from '../mount.ts';
import { Problem } from '../problem.ts';
import type { Api } from '../row.ts';

/** Thrown within lib/api/esplora only. */
export class EsploraError extends Error {
  readonly status: 400 | 404;
  constructor(status: 400 | 404, message: string) {
    super(message);
    this.name = 'EsploraError';
    this.status = status;
  }
}

export const missing = (message: string): EsploraError => new EsploraError(404, message);
export const bad = (message: string): EsploraError => new EsploraError(400, message);

/** Text, bytes, or anything else as JSON. */
export type Reply = string | Uint8Array | object;

/** An answer that no block to come can change: whoever asked may keep it. */
export class Lasting {
  readonly reply: Reply;
  /** What it was made from, one for each path. */
  readonly tag: string;
  constructor(reply: Reply, tag: string) {
    this.reply = reply;
    this.tag = tag;
  }
}

export type Handle = (api: Api, params: Params, request: Request) => Promise<Reply>;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Below /api. */
  readonly path: string;
  readonly handle: Handle;
}

/** 64 hex digits. Throws EsploraError 400. */
export function hashOf(text: string): string {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw bad('Invalid hex string');
  return text.toLowerCase();
}

/** Path parameters as checked values. Throws EsploraError 400. */
export class Params {
  readonly #values: Readonly<Record<string, string>>;
  readonly #api: Api;

  constructor(values: Readonly<Record<string, string>>, api: Api) {
    this.#values = values;
    this.#api = api;
  }

  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  #text(name: string): string {
    return this.#values[name] ?? '';
  }

  #hash(name: string): string {
    return hashOf(this.#text(name));
  }

  blockHash(): BlockHash {
    return this.#hash('hash') as BlockHash;
  }

  txid(name = 'txid'): Txid {
    return this.#hash(name) as Txid;
  }

  integer(name: string): Height {
    const text = this.#text(name);
    if (!/^\d{1,9}$/.test(text)) throw bad('Invalid number');
    return Number(text);
  }

  /** The script that `address` or `scripthash` names, and the part of the answer that says so. */
  script(): { readonly scriptHash: ScriptHash; readonly named: Readonly<Record<string, string>> } {
    if (this.has('scripthash')) {
      const scriptHash = this.#hash('scripthash') as ScriptHash;
      return { scriptHash, named: { scripthash: scriptHash } };
    }
    const address = this.#text('address');
    const script = addressScript(this.#api.node, address);
    if (script === undefined) throw bad('Invalid Bitcoin address');
    return { scriptHash: script.scriptHash, named: { address } };
  }
}

const HEADERS = { 'Access-Control-Allow-Origin': '*', 'Cache-Control': 'no-store' };
const TEXT = { ...HEADERS, 'Content-Type': 'text/plain; charset=utf-8' };

const text = (body: string, status: number): Response =>
  new Response(body, { status, headers: TEXT });

function toResponse(reply: Reply, request: Request): Response {
  if (reply instanceof Lasting) return lastingResponse(reply, request);
  if (typeof reply === 'string') return text(reply, 200);
  if (reply instanceof Uint8Array) {
    const headers = { ...HEADERS, 'Content-Type': 'application/octet-stream' };
    return new Response(new Uint8Array(reply), { headers });
  }
  const headers = { ...HEADERS, 'Content-Type': 'application/json' };
  return new Response(JSON.stringify(reply), { headers });
}

function lastingResponse({ reply, tag }: Lasting, request: Request): Response {
  const etag = `"${tag}"`;
  const response = isKnown(request, etag)
    ? new Response(null, { status: 304, headers: HEADERS })
    : toResponse(reply, request);
  response.headers.set('Cache-Control', IMMUTABLE);
  response.headers.set('ETag', etag);
  return response;
}

function failure(api: Api, error: unknown): Response {
  if (error instanceof EsploraError) return text(error.message, error.status);
  const problem = toProblem(error);
  const response = text(problem.message, problem.status);
  for (const [name, value] of Object.entries(problem.headers)) response.headers.set(name, value);
  if (!(error instanceof Problem)) api.options.report?.(error, newRequestId(api));
  return response;
}

export function mountRoutes(app: OpenAPIHono, api: Api, routes: readonly Route[]): void {
  const methods = new Map<string, string[]>();
  for (const { method, path, handle } of routes) {
    const full = `/api${path}`;
    const names = method === 'GET' ? ['GET', 'HEAD'] : [method];
    methods.set(full, [...(methods.get(full) ?? []), ...names]);
    app.on(method, full, async (c: Context) => {
      try {
        return toResponse(await handle(api, new Params(c.req.param(), api), c.req.raw), c.req.raw);
      } catch (error) {
        return failure(api, error);
      }
    });
  }
  for (const [path, names] of methods) {
    const allow = [...names, 'OPTIONS'].join(', ');
    app.all(path, (c) => otherMethod(c.req.method, allow));
  }
  app.all('/api/*', () => text('Not found', 404));
}

/** All of Esplora is open: a browser may ask from anywhere. */
function otherMethod(method: string, allow: string): Response {
  if (method !== 'OPTIONS') {
    return new Response('Method not allowed', { status: 405, headers: { ...TEXT, Allow: allow } });
  }
  const headers = {
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Methods': allow,
    'Access-Control-Allow-Headers': 'Content-Type',
    'Access-Control-Max-Age': '86400',
    Allow: allow,
  };
  return new Response(null, { status: 204, headers });
}
