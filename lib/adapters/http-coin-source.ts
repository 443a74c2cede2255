/**
 * The CoinSource port by way of a node's HTTP API, for keys that never leave this machine. Nothing
 * that the node says is taken on trust where it touches money: forms are checked here, values of
 * coins by the wallet, which reads the transactions that made them.
 */
import { fromHex, isHash } from '../codec/index.ts';
import { Fault } from '../faults.ts';
import { rejectOf } from '../rejects.ts';
import { type Sats, type Txid, type Verdict, valid } from '../types.ts';
import { lockOf } from '../wallet/build-transaction.ts';
import type { CoinSource, SpendableCoin } from '../wallet/types.ts';

export interface HttpCoinSourceOptions {
  /** A node's URL, a path prefix included. */
  readonly url: string;
  readonly addressVersion: number;
  /** Default: the global fetch. A test, or a program that holds the app itself, puts its own here. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;
const SATS_MAX = 21e14;
const VOUT_MAX = 0xffff_ffff;
const PAGE_ITEMS = 100;
/** The last page may also hold change of many unconfirmed payments. */
const ITEMS_MAX = 10_000;
/** A million coins: more pages than that are a node that does not end. */
const PAGES_MAX = 10_000;
const CURSOR_FORM = /^[\w-]{1,200}$/;
const RATE_BYTES = 1000;

interface Answer {
  readonly status: number;
  readonly text: string;
}

type Call = (path: string, init?: RequestInit) => Promise<Answer>;

/** Calls throw Fault `transport` when the node cannot be reached or answers what it should not. */
export function createHttpCoinSource(options: HttpCoinSourceOptions): CoinSource {
  const { addressVersion } = options;
  const call = caller(options);
  return {
    async *coins(address) {
      const lock = lockOf(address, addressVersion);
      if (lock.ok) yield* coinPages(call, address, lock.value);
    },

    async feeRate() {
      const { minFeeRateSatVb } = await json(call, '/v1/mempool');
      if (typeof minFeeRateSatVb !== 'number' || !(minFeeRateSatVb >= 0)) throw strange('fee rate');
      return Math.ceil(minFeeRateSatVb * RATE_BYTES);
    },

    submit: (raw) => submit(call, raw),

    async rawTx(txid) {
      const answer = await call(`/api/tx/${txid}/hex`);
      return answer.status === 200 ? fromHex(answer.text.trim()) : undefined;
    },
  };
}

function caller(options: HttpCoinSourceOptions): Call {
  const { url, timeoutMs = TIMEOUT_MS } = options;
  const send = options.fetch ?? ((target, init) => fetch(target, init));
  const base = url.replace(/\/+$/, '');
  const node = base === '' ? 'The node' : `The node at ${base}`;
  return async (path, init = {}) => {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await send(`${base}${path}`, { ...init, redirect: 'error', signal });
      const text = await response.text();
      if (response.status < 500) return { status: response.status, text };
      throw new Fault('transport', `${node} answers ${response.status}.`);
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      throw new Fault('transport', `${node} cannot be reached.`, { cause });
    }
  };
}

const strange = (what: string): Fault =>
  new Fault('transport', `The node answers with a strange ${what}.`);

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function json(call: Call, path: string): Promise<Fields> {
  const { status, text } = await call(path);
  const value = parse(text);
  if (status !== 200 || !isFields(value)) throw strange(`answer to ${path}`);
  return value;
}

const isCount = (value: unknown, max: number): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;

async function* coinPages(
  call: Call,
  address: string,
  scriptPubKey: Uint8Array,
): AsyncGenerator<readonly SpendableCoin[]> {
  let cursor = '';
  for (let page = 0; page < PAGES_MAX; page++) {
    const path = `/v1/addresses/${address}/coins?limit=${PAGE_ITEMS}${cursor}`;
    const { items, next } = await json(call, path);
    if (!Array.isArray(items) || items.length > ITEMS_MAX) throw strange('list of coins');
    const coins = (items as unknown[]).map((item) => toCoin(item, scriptPubKey));
    if (coins.length > 0) yield coins;
    if (next === null) return;
    if (typeof next !== 'string' || !CURSOR_FORM.test(next)) throw strange('cursor');
    cursor = `&cursor=${next}`;
  }
  throw strange('number of coins');
}

function toCoin(item: unknown, scriptPubKey: Uint8Array): SpendableCoin {
  const { txid, vout, valueSats, confirmed } = isFields(item) ? item : ({} as Fields);
  const isCoin =
    typeof txid === 'string' &&
    isHash(txid) &&
    isCount(vout, VOUT_MAX) &&
    isCount(valueSats, SATS_MAX) &&
    typeof confirmed === 'boolean';
  if (!isCoin) throw strange('coin');
  return {
    outpoint: { txid: txid as string as Txid, vout },
    valueSats: valueSats as Sats,
    scriptPubKey,
    ...(!confirmed && { unconfirmed: true }),
  };
}

async function submit(call: Call, raw: Uint8Array): Promise<Verdict<Txid>> {
  const { status, text } = await call('/v1/transactions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ hex: Buffer.from(raw).toString('hex') }),
  });
  const answer = parse(text);
  const fields = isFields(answer) ? answer : ({} as Fields);
  if (status === 200 || status === 202) {
    const { txid } = fields;
    if (typeof txid !== 'string' || !isHash(txid)) throw strange('txid');
    return valid(txid as string as Txid);
  }
  const { code, detail } = fields;
  const said = typeof detail === 'string' ? detail : text.slice(0, 200);
  return { ok: false, reject: rejectNamed(typeof code === 'string' ? code : '', said) };
}

/** A reason that this release does not know is passed on as the detail of `rejected`. */
function rejectNamed(code: string, detail: string): ReturnType<typeof rejectOf> {
  try {
    return rejectOf(code, detail);
  } catch {
    return rejectOf('rejected', `${code} ${detail}`.trim());
  }
}
