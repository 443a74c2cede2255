/**
 * The miner's WorkSource on any node that speaks getblocktemplate and submitblock (BIP22, BIP23's
 * long poll). Owns the request and the reading of the answer, which is bounded and checked.
 */
import { decodeTx, fromHex, isHash, toHex } from '../lib/codec/index.ts';
import { Fault } from '../lib/faults.ts';
import type { TemplateTx } from '../lib/mempool/types.ts';
import type { Template, WorkSource } from '../lib/mining/types.ts';
import type { BlockHash, Sats } from '../lib/types.ts';

/** A template of a full block in hex, and what stands around it. */
const ANSWER_BYTES_MAX = 16_000_000;
const REQUEST_MS = 30_000;
/** A node may hold a long poll for as long as it likes; Core's limit is a minute or so. */
const LONG_POLL_MS = 120_000;
const SATS_MAX = 21e14;

export interface RpcSourceOptions {
  /** Of the node, e.g. `http://127.0.0.1:8332`; its path is kept. With `fetch`, whatever names the node. */
  readonly url: string;
  /** Default: the global one. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Basic auth, or a bearer token. */
  readonly credentials?:
    | { readonly user: string; readonly password: string }
    | { readonly token: string };
}

type Json = Readonly<Record<string, unknown>>;

export function createRpcSource(options: RpcSourceOptions): WorkSource {
  return {
    async template({ knownId, signal } = {}) {
      const longPoll = knownId === undefined ? {} : { longpollid: knownId };
      const request = { rules: ['segwit'], capabilities: ['longpoll'], ...longPoll };
      const timeoutMs = knownId === undefined ? REQUEST_MS : LONG_POLL_MS;
      return readTemplate(await call(options, 'getblocktemplate', [request], timeoutMs, signal));
    },

    async submit(block) {
      const answer = await call(options, 'submitblock', [toHex(block)], REQUEST_MS);
      if (answer === null || typeof answer === 'string') return answer;
      throw wrong('submitblock answered neither null nor a reason');
    },
  };
}

/** The node answers, but not to us. */
export class UnauthorizedFault extends Fault {}

const wrong = (detail: string): Fault => new Fault('transport', detail);

async function call(
  options: RpcSourceOptions,
  method: string,
  params: readonly unknown[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<unknown> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const answer = await post(options, JSON.stringify({ id: 0, method, params }), [
    timeout,
    ...(signal === undefined ? [] : [signal]),
  ]);
  const error = answer['error'] as { message?: unknown; code?: unknown } | null | undefined;
  if (error !== null && error !== undefined) {
    throw wrong(`${method}: ${String(error.message)} (${String(error.code)})`);
  }
  return answer['result'];
}

async function post(
  { url, credentials, fetch = globalThis.fetch }: RpcSourceOptions,
  body: string,
  signals: readonly AbortSignal[],
): Promise<Json> {
  const authorization = authorizationOf(credentials);
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/json',
        ...(authorization !== undefined && { authorization }),
      },
      body,
      signal: AbortSignal.any([...signals]),
    });
    text = await boundedText(response);
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault('transport', `${placeOf(url)} cannot be reached`, { cause });
  }
  if (response.status === 401 || response.status === 403) {
    const detail = 'the node refuses the user and password, or the token';
    throw new UnauthorizedFault('transport', detail);
  }
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null) return answer as Json;
  } catch {
    // Said below, for this and for JSON that is no object.
  }
  throw wrong(`the node answered ${response.status} and no JSON object`);
}

/** Without a path; what is no URL is the place of a node that runs in this process. */
const placeOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url);

function authorizationOf(credentials: RpcSourceOptions['credentials']): string | undefined {
  if (credentials === undefined) return undefined;
  if ('token' in credentials) return `Bearer ${credentials.token}`;
  const pair = `${credentials.user}:${credentials.password}`;
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > ANSWER_BYTES_MAX) throw wrong('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function readTemplate(answer: unknown): Template {
  if (typeof answer !== 'object' || answer === null) throw wrong('the template is no object');
  const fields = answer as Json;
  const integer = (name: string, min: number, max: number): number => {
    const value = fields[name];
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return value;
    }
    throw wrong(`the template's ${name} is not what it should be`);
  };
  const text = (name: string, form: RegExp): string => {
    const value = fields[name];
    if (typeof value === 'string' && form.test(value)) return value;
    throw wrong(`the template's ${name} is not what it should be`);
  };
  const prevHash = fields['previousblockhash'];
  if (!isHash(prevHash)) throw wrong("the template's previousblockhash is no hash");
  const curTime = integer('curtime', 0, 0xffff_ffff);
  const transactions = fields['transactions'];
  if (!Array.isArray(transactions)) throw wrong('the template has no transactions');
  return {
    id: fields['longpollid'] === undefined ? prevHash : text('longpollid', /^[\x21-\x7e]{1,200}$/),
    version: integer('version', -(2 ** 31), 2 ** 31 - 1),
    prevHash: prevHash as string as BlockHash,
    height: integer('height', 1, 2 ** 31 - 1),
    bits: Number.parseInt(text('bits', /^[0-9a-f]{8}$/), 16),
    target: BigInt(`0x${text('target', /^[0-9a-f]{64}$/)}`),
    curTime,
    minTime: fields['mintime'] === undefined ? curTime : integer('mintime', 0, 0xffff_ffff),
    coinbaseValue: integer('coinbasevalue', 0, SATS_MAX) as Sats,
    coinbaseFlags: readFlags(fields['coinbaseaux']),
    txs: transactions.map(readTx),
  };
}

/** Our nodes give one push of eight bytes; from another node whatever it gives is left out. */
function readFlags(aux: unknown): string {
  const flags = (aux as { flags?: unknown } | null | undefined)?.flags;
  return typeof flags === 'string' && /^08[0-9a-f]{16}$/.test(flags) ? flags.slice(2) : '';
}

function readTx(value: unknown): TemplateTx {
  const { data, fee, sigops, depends } = (value ?? {}) as Json;
  const raw = typeof data === 'string' ? fromHex(data) : undefined;
  const tx = raw && decodeTx(raw);
  if (!tx?.ok) throw wrong('the template holds a transaction that does not decode');
  return {
    entry: {
      tx: tx.value,
      txid: tx.value.txid,
      feeSats: (typeof fee === 'number' ? fee : 0) as Sats,
      bytes: tx.value.raw.length,
      // What only a mempool knows; a miner does not ask for it.
      addedAt: 0,
      nonce: '',
      parents: [],
    },
    sigops: typeof sigops === 'number' ? sigops : 0,
    depends: Array.isArray(depends) ? depends.filter(Number.isInteger) : [],
  };
}
