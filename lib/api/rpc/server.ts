/**
 * JSON-RPC 1.0 and 2.0 on POST / and POST /rpc, as Bitcoin Core speaks it: Basic auth, batches,
 * named arguments, error numbers and HTTP statuses. minerd sends no `jsonrpc` member and ends its
 * body in CRLF; it wants `result` and `error` both. Owns the protocol, not the methods.
 */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { Fault } from '../../faults.ts';
import type { Polls } from '../long-poll.ts';
import { newRequestId, problemOf } from '../mount.ts';
import { Problem } from '../problem.ts';
import {
  BLOCK_BODY_BYTES_MAX,
  checkSameOrigin,
  credentialsOf,
  textOf,
  withBody,
} from '../request.ts';
import type { Api } from '../row.ts';
import { type ExactNumber, exactNumber, isExactNumber } from '../seed-json.ts';
import { chainMethods } from './chain-methods.ts';
import { coinMethods } from './coin-methods.ts';
import { httpStatusOf, RPC, RpcError } from './errors.ts';
import { mempoolMethods } from './mempool-methods.ts';
import { argsOf, type Method, type RpcContext, usageOf } from './method.ts';
import { miningMethods } from './mining-methods.ts';
import { nodeMethods } from './node-methods.ts';
import { rawTxMethods } from './raw-tx-methods.ts';
import { txMethods } from './tx-methods.ts';

const BATCH_MAX = 1000;
/** As Core: whoever guesses passwords waits. */
const WRONG_PASSWORD_MS = 250;

const ALL = [
  ...chainMethods,
  ...coinMethods,
  ...miningMethods,
  ...txMethods,
  ...rawTxMethods,
  ...mempoolMethods,
  ...nodeMethods,
];
const METHODS: ReadonlyMap<string, Method> = new Map(ALL.map((one) => [one.name, one]));

const help: Method = {
  name: 'help',
  params: ['command'],
  required: 0,
  async run(_context, args) {
    const wanted = args.string(0, '');
    if (wanted === '') return [...METHODS.values(), help].map(usageOf).sort().join('\n');
    const method = wanted === 'help' ? help : METHODS.get(wanted);
    return method === undefined ? `help: unknown command: ${wanted}` : usageOf(method);
  },
};

export function mountRpc(app: OpenAPIHono, api: Api): void {
  const polls: Polls = { held: 0 };
  const serve = (c: Context): Promise<Response> => answer(api, polls, c);
  app.post('/', serve);
  app.post('/rpc', serve);
  app.all('/rpc', () => {
    const text = 'JSONRPC server handles only POST requests';
    return new Response(text, { status: 405, headers: { Allow: 'POST' } });
  });
}

async function answer(api: Api, polls: Polls, c: Context): Promise<Response> {
  const request = c.req.raw;
  try {
    if (!(await isAuthorized(api, request))) {
      const challenge = { 'WWW-Authenticate': 'Basic realm="jsonrpc"' };
      return new Response(null, { status: 401, headers: challenge });
    }
    checkSameOrigin(request);
    const options = { bytesMax: BLOCK_BODY_BYTES_MAX, budget: api.budget, authorized: true };
    return await withBody(request, options, (body) =>
      reply({ api, polls, signal: request.signal }, body),
    );
  } catch (error) {
    return problemOf(api, error);
  }
}

async function isAuthorized(api: Api, request: Request): Promise<boolean> {
  const credentials = credentialsOf(request);
  if (credentials === undefined) return false;
  if (await api.options.authorize(credentials)) return true;
  await api.options.sleep(WRONG_PASSWORD_MS, request.signal).catch(() => undefined);
  return false;
}

interface Reply {
  readonly status: number;
  /** Absent: a notification. */
  readonly body?: object;
}

async function reply(context: RpcContext, bytes: Uint8Array): Promise<Response> {
  const parsed = parse(bytes);
  if (!Array.isArray(parsed)) {
    if (typeof parsed !== 'object' || parsed === null) {
      const message = parsed === NOT_JSON ? 'Parse error' : 'Top-level object parse error';
      const error = new RpcError(RPC.parseError, message);
      return json(failure({ id: null, modern: false }, error), httpStatusOf(error.code));
    }
    const { status, body } = await callOne(context, parsed);
    return body === undefined ? new Response(null, { status: 204 }) : json(body, status);
  }
  if (parsed.length > BATCH_MAX) {
    const error = new RpcError(RPC.invalidRequest, `a batch has at most ${BATCH_MAX} calls`);
    return json(failure({ id: null, modern: false }, error), 400);
  }
  const bodies: object[] = [];
  for (const call of parsed) {
    const { body } = await callOne(context, call);
    if (body !== undefined) bodies.push(body);
  }
  if (bodies.length === 0 && parsed.length > 0) return new Response(null, { status: 204 });
  return json(bodies, 200);
}

const json = (body: unknown, status: number): Response =>
  new Response(`${JSON.stringify(body)}\n`, {
    status,
    headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' },
  });

const NOT_JSON = Symbol('not JSON');

function parse(bytes: Uint8Array): unknown {
  const text = textOf(bytes);
  if (text === undefined) return NOT_JSON;
  try {
    const parsed: unknown = JSON.parse(text);
    // Asked once parsed: a reviver costs a large body sixty times as much.
    return [parsed].flat().some(isRounded) ? parseExactly(text) : parsed;
  } catch {
    return NOT_JSON;
  }
}

/** Whether an id may not be what was sent: clients count in 64 bits, which no number here holds. */
const isRounded = (call: unknown): boolean => {
  const { id } = (call ?? {}) as { id?: unknown };
  return typeof id === 'number' && !Number.isSafeInteger(id);
};

type Revive = (
  text: string,
  reviver: (key: string, value: unknown, context: { source: string }) => unknown,
) => unknown;

const parseExactly = (text: string): unknown =>
  (JSON.parse as Revive)(text, (key, value, { source }) =>
    key === 'id' && isRounded({ id: value }) ? exactNumber(source) : value,
  );

interface Envelope {
  readonly id: string | number | boolean | ExactNumber | null;
  /** JSON-RPC 2.0: no null member, and HTTP 200 for errors. */
  readonly modern: boolean;
}

interface RpcRequest extends Envelope {
  readonly method: string;
  readonly params: unknown;
  readonly notification: boolean;
}

async function callOne(context: RpcContext, value: unknown): Promise<Reply> {
  let envelope: Envelope = { id: null, modern: false };
  try {
    envelope = envelopeOf(value);
    const request = requestOf(value as Record<string, unknown>, envelope);
    const result = await run(context, request);
    if (request.notification) return { status: 204 };
    const { id } = request;
    const body = request.modern ? { jsonrpc: '2.0', result, id } : { result, error: null, id };
    return { status: 200, body };
  } catch (error) {
    const known = asRpcError(context.api, error);
    const notification = envelope.modern && !Object.hasOwn(value as object, 'id');
    if (notification) return { status: 204 };
    const status = envelope.modern ? 200 : httpStatusOf(known.code);
    return { status, body: failure(envelope, known) };
  }
}

function failure({ id, modern }: Envelope, { code, message }: RpcError): object {
  const error = { code, message };
  return modern ? { jsonrpc: '2.0', error, id } : { result: null, error, id };
}

function asRpcError(api: Api, error: unknown): RpcError {
  if (error instanceof RpcError) return error;
  if (error instanceof Problem) return new RpcError(RPC.misc, error.message);
  const requestId = newRequestId(api);
  api.options.report?.(error, requestId);
  return error instanceof Fault
    ? new RpcError(RPC.misc, `the node cannot do this now (${error.code})`)
    : new RpcError(RPC.internal, `internal error ${requestId}`);
}

function envelopeOf(value: unknown): Envelope {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RpcError(RPC.invalidRequest, 'Invalid Request object');
  }
  const { id, jsonrpc } = value as Record<string, unknown>;
  return { id: isId(id) ? id : null, modern: jsonrpc === '2.0' };
}

const isId = (id: unknown): id is NonNullable<Envelope['id']> =>
  ['string', 'number', 'boolean'].includes(typeof id) || isExactNumber(id);

function requestOf(value: Record<string, unknown>, envelope: Envelope): RpcRequest {
  const { id, jsonrpc, method, params } = value;
  const fail = (message: string): never => {
    throw new RpcError(RPC.invalidRequest, message);
  };
  if (id !== undefined && id !== null && !isId(id)) fail('id must be a string, a number or null');
  if (jsonrpc !== undefined && jsonrpc !== null) {
    if (typeof jsonrpc !== 'string') return fail('jsonrpc field must be a string');
    if (!['1.0', '1.1', '2.0'].includes(jsonrpc)) fail('JSON-RPC version not supported');
  }
  if (method === undefined || method === null) fail('Missing method');
  if (typeof method !== 'string') return fail('Method must be a string');
  if (params !== undefined && typeof params !== 'object') fail('Params must be an array or object');
  const notification = envelope.modern && id === undefined;
  return { ...envelope, method, params: params ?? [], notification };
}

async function run(context: RpcContext, request: RpcRequest): Promise<unknown> {
  const method = request.method === 'help' ? help : METHODS.get(request.method);
  if (method === undefined) throw new RpcError(RPC.methodNotFound, 'Method not found');
  return (await method.run(context, argsOf(method, request.params))) ?? null;
}
