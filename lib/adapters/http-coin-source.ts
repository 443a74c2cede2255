/**
 * The CoinSource port by way of a node's HTTP API, for keys that never leave this machine: coins and
 * transactions from Esplora's calls, the rest from `/v1`. Nothing that the node says is taken on
 * trust where it touches money: forms are checked here, values of coins by the wallet, which reads
 * the transactions that made them.
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
/** As the wallets of a node do: see node/address-coins.ts. */
const COINBASE_AGE_WITH_PEERS = 10;
const LOOKUPS_AT_ONCE = 8;
const RATE_BYTES = 1000;

interface Utxo {
  readonly txid: Txid;
  readonly vout: number;
  readonly value: number;
  /** Undefined: no block holds it yet. */
  readonly height: number | undefined;
}

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
      if (!lock.ok) return;
      const toCoin = ({ txid, vout, value }: Utxo): SpendableCoin => ({
        outpoint: { txid, vout },
        valueSats: value as Sats,
        scriptPubKey: lock.value,
      });
      const coins = await utxosOf(call, address);
      const confirmed = coins.filter(({ height }) => height !== undefined);
      const old = await withoutYoungCoinbases(call, confirmed);
      if (old.length > 0) yield old.map(toCoin);
      const change = await ownChange(
        call,
        coins.filter(({ height }) => height === undefined),
        address,
      );
      if (change.length > 0) {
        yield change.map((coin) => ({ ...toCoin(coin), unconfirmed: true as const }));
      }
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
  return async (path, init = {}) => {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const response = await send(`${base}${path}`, { ...init, redirect: 'error', signal });
      const text = await response.text();
      if (response.status < 500) return { status: response.status, text };
      throw new Fault('transport', `The node at ${base} answers ${response.status}.`);
    } catch (cause) {
      if (cause instanceof Fault) throw cause;
      throw new Fault('transport', `The node at ${base} cannot be reached.`, { cause });
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

async function utxosOf(call: Call, address: string): Promise<Utxo[]> {
  const { status, text } = await call(`/api/address/${address}/utxo`);
  const list = parse(text);
  if (status !== 200 || !Array.isArray(list)) throw strange(`list of coins: ${text.slice(0, 100)}`);
  return (list as unknown[]).map((item) => {
    const { txid, vout, value, status: place } = isFields(item) ? item : ({} as Fields);
    const height =
      isFields(place) && place['confirmed'] === true ? place['block_height'] : undefined;
    const isCoin =
      typeof txid === 'string' &&
      isHash(txid) &&
      isCount(vout, VOUT_MAX) &&
      isCount(value, SATS_MAX) &&
      (height === undefined || isCount(height, Number.MAX_SAFE_INTEGER));
    if (!isCoin) throw strange('coin');
    return { txid: txid as string as Txid, vout, value, height };
  });
}

/** Only coins of the last blocks can be such: for these alone it is asked what made them. */
async function withoutYoungCoinbases(call: Call, coins: readonly Utxo[]): Promise<Utxo[]> {
  if (coins.length === 0) return [];
  const [network, node] = [await json(call, '/v1/network'), await json(call, '/v1/node')];
  const { maturity } = network;
  const { height, peers } = node;
  const isKnown = isCount(maturity, 1e6) && isCount(height, 1e12) && isCount(peers, 1e6);
  if (!isKnown) throw strange('status');
  const age = peers > 0 ? Math.max(maturity, COINBASE_AGE_WITH_PEERS) : maturity;
  const isYoung = (coin: Utxo): boolean =>
    height + 1 - (coin.height ?? 0) < (coin.height === 0 ? maturity : age);
  const young = coins.filter(isYoung);
  const made = await lookUp(call, young);
  const coinbases = new Set(young.filter(({ txid }) => isCoinbaseTx(made.get(txid))));
  return coins.filter((coin) => !coinbases.has(coin));
}

async function lookUp(
  call: Call,
  coins: readonly Utxo[],
): Promise<ReadonlyMap<Txid, Fields | undefined>> {
  const txids = [...new Set(coins.map(({ txid }) => txid))];
  const found = new Map<Txid, Fields | undefined>();
  for (let i = 0; i < txids.length; i += LOOKUPS_AT_ONCE) {
    const some = txids.slice(i, i + LOOKUPS_AT_ONCE);
    const answers = await Promise.all(some.map((txid) => call(`/api/tx/${txid}`)));
    some.forEach((txid, j) => {
      const value = parse(answers[j]?.text ?? '');
      found.set(txid, isFields(value) ? value : undefined);
    });
  }
  return found;
}

const inputsOf = (tx: Fields | undefined): readonly Fields[] =>
  Array.isArray(tx?.['vin']) ? (tx['vin'] as unknown[]).filter(isFields) : [];

/** What cannot be looked up counts as one: it is left alone. */
const isCoinbaseTx = (tx: Fields | undefined): boolean => {
  const inputs = inputsOf(tx);
  return inputs.length === 0 || inputs.some((input) => input['is_coinbase'] !== false);
};

/** Unconfirmed coins whose transaction spends the address's coins alone. */
async function ownChange(call: Call, coins: readonly Utxo[], address: string): Promise<Utxo[]> {
  const made = await lookUp(call, coins);
  return coins.filter(({ txid }) => {
    const inputs = inputsOf(made.get(txid));
    const isOwn = (input: Fields): boolean =>
      isFields(input['prevout']) && input['prevout']['scriptpubkey_address'] === address;
    return inputs.length > 0 && inputs.every(isOwn);
  });
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
