/**
 * A JSON-RPC method and its arguments. Owns reading arguments with Core's errors; the methods
 * themselves stand in the files beside.
 */
import { fromHex } from '../../codec/index.ts';
import type { BlockHash, Txid } from '../../types.ts';
import type { Polls } from '../long-poll.ts';
import type { Api } from '../row.ts';
import { invalidParameter, RPC, RpcError, wrongArgument, wrongType } from './errors.ts';

export interface RpcContext {
  readonly api: Api;
  readonly polls: Polls;
  readonly signal: AbortSignal | undefined;
}

export interface Method {
  readonly name: string;
  /** Names of the arguments in order; older ones of the same after a bar, as in Core. */
  readonly params: readonly string[];
  /** How many of them must be given. */
  readonly required: number;
  run(context: RpcContext, args: Args): Promise<unknown>;
}

const nameOf = (param: string): string => param.split('|')[0] ?? '';

export const usageOf = ({ name, params, required }: Method): string =>
  [
    name,
    ...params.map(nameOf).map((param, i) => (i < required ? `"${param}"` : `( "${param}" )`)),
  ].join(' ');

function notHex(text: string, name: string): never {
  throw invalidParameter(`${name} must be hexadecimal string (not '${text.slice(0, 80)}')`);
}

/** A hash or an id; `name` as the help calls it. */
export function hashOf(value: unknown, name: string): string {
  if (typeof value !== 'string') throw wrongType(value, 'string');
  if (value.length !== 64) {
    throw invalidParameter(
      `${name} must be of length 64 (not ${value.length}, for '${value.slice(0, 80)}')`,
    );
  }
  return /^[0-9a-fA-F]{64}$/.test(value) ? value.toLowerCase() : notHex(value, name);
}

/** The arguments of one call by position. */
export class Args {
  readonly #values: readonly unknown[];
  readonly #names: readonly string[];

  constructor(values: readonly unknown[], names: readonly string[]) {
    this.#values = values;
    this.#names = names;
  }

  raw(at: number): unknown {
    return this.#values[at] ?? undefined;
  }

  #fail(at: number, expected: string): never {
    throw wrongArgument(this.#values[at], expected, { at, name: this.#names[at] ?? '' });
  }

  string(at: number): string;
  string(at: number, absent: string): string;
  string(at: number, absent?: string): string {
    const value = this.raw(at) ?? absent;
    return typeof value === 'string' ? value : this.#fail(at, 'string');
  }

  integer(at: number, absent?: number): number {
    const value = this.raw(at) ?? absent;
    if (typeof value !== 'number') return this.#fail(at, 'number');
    if (!Number.isSafeInteger(value)) {
      throw new RpcError(RPC.misc, 'JSON integer out of range');
    }
    return value;
  }

  bool(at: number, absent: boolean): boolean {
    const value = this.raw(at) ?? absent;
    return typeof value === 'boolean' ? value : this.#fail(at, 'bool');
  }

  /** A level that older clients give as a boolean. */
  verbosity(at: number, absent: number): number {
    const value = this.raw(at);
    if (typeof value === 'boolean') return value ? 1 : 0;
    return this.integer(at, absent);
  }

  object(at: number): Record<string, unknown> {
    const value = this.raw(at) ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) this.#fail(at, 'object');
    return value as Record<string, unknown>;
  }

  array(at: number): readonly unknown[] {
    const value = this.raw(at);
    return Array.isArray(value) ? value : this.#fail(at, 'array');
  }

  #hash(at: number): string {
    return hashOf(this.string(at), this.#names[at] ?? '');
  }

  blockHash(at: number): BlockHash {
    return this.#hash(at) as BlockHash;
  }

  txid(at: number): Txid {
    return this.#hash(at) as Txid;
  }

  hex(at: number): Uint8Array {
    return this.bytes(at) ?? notHex(this.string(at), this.#names[at] ?? '');
  }

  /** Undefined for what is not hex: methods say "decode failed" in their own words. */
  bytes(at: number): Uint8Array | undefined {
    return fromHex(this.string(at));
  }
}

/** Arguments by position or by name. Throws RpcError as Core does. */
export function argsOf(method: Method, params: unknown): Args {
  const names = method.params.map((name) => name.split('|'));
  const values = Array.isArray(params) ? params : positional(names, params ?? {});
  const given = values.findLastIndex((value) => value !== undefined && value !== null) + 1;
  if (values.length > names.length || given < method.required) {
    throw new RpcError(RPC.misc, usageOf(method));
  }
  return new Args(values, method.params.map(nameOf));
}

/** `args`, as bitcoin-cli -named sends it: the first ones by position, the others by name. */
function positional(names: readonly (readonly string[])[], params: object): unknown[] {
  const { args, ...named } = params as Record<string, unknown>;
  const values: unknown[] = Array.isArray(args) ? [...args] : [];
  for (const [name, value] of Object.entries(Array.isArray(args) ? named : params)) {
    const at = names.findIndex((one) => one.includes(name));
    const shown = name.slice(0, 80);
    if (at < 0) throw invalidParameter(`Unknown named parameter ${shown}`);
    if (values[at] !== undefined) {
      throw invalidParameter(
        `Parameter ${shown} specified twice both as positional and named argument`,
      );
    }
    values[at] = value;
  }
  return [...values];
}
