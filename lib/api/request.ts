/**
 * What is taken from a request, and how much of it: bodies within a limit, credentials, where it
 * comes from. Owns limits of bodies and the checks that a browser's cross-site request fails.
 */
import { invalidRequest, Problem, rateLimited } from './problem.ts';
import type { Credentials } from './types.ts';

/** Bytes of a body (interfaces section 6). */
export const BODY_BYTES_MAX = 64 * 1024;
export const TX_BODY_BYTES_MAX = 256 * 1024;
/** Blocks, gossip, RPC: a block of a million bytes in hex and what wraps it. */
export const BLOCK_BODY_BYTES_MAX = 2_100_000;
/** All bodies that one process holds at a time, and what of it strangers may fill: never the owner's part. */
export const BODIES_BYTES_MAX = 64 * 1024 * 1024;
export const OPEN_BODIES_BYTES_MAX = 48 * 1024 * 1024;

/** Counts the bytes of bodies that are being handled, so that a flood costs no more memory. */
export interface BodyBudget {
  bytes: number;
}

const tooLarge = (bytesMax: number): Problem =>
  new Problem('too-large', `the body may have at most ${bytesMax} bytes`);

/** Refuses by the announced length, before anything is read. */
function checkAnnounced(request: Request, bytesMax: number): void {
  const announced = request.headers.get('content-length');
  if (announced === null) return;
  if (!/^\d{1,15}$/.test(announced)) throw invalidRequest('Content-Length is no number');
  if (Number(announced) > bytesMax) throw tooLarge(bytesMax);
}

/** Reads the body; what exceeds the limit is refused as soon as it comes, whatever was announced. */
async function readBytes(
  request: Request,
  bytesMax: number,
  take: (bytes: number) => void,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  while (reader !== undefined) {
    // The sender broke off: no fault of ours.
    const { done, value } = await reader.read().catch(() => {
      throw invalidRequest('the body broke off');
    });
    if (done) break;
    size += value.length;
    if (size > bytesMax) {
      await reader.cancel().catch(() => undefined);
      throw tooLarge(bytesMax);
    }
    take(value.length);
    parts.push(value);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Hands the body to `use` and counts it against the budget until `use` is done. */
export async function withBody<T>(
  request: Request,
  options: { bytesMax: number; budget: BodyBudget; authorized: boolean },
  use: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const { bytesMax, budget, authorized } = options;
  const allMax = authorized ? BODIES_BYTES_MAX : OPEN_BODIES_BYTES_MAX;
  checkAnnounced(request, bytesMax);
  let taken = 0;
  try {
    const body = await readBytes(request, bytesMax, (bytes) => {
      if (budget.bytes + bytes > allMax) {
        throw rateLimited('too many requests are being handled');
      }
      budget.bytes += bytes;
      taken += bytes;
    });
    return await use(body);
  } finally {
    budget.bytes -= taken;
  }
}

/** UTF-8 text, or undefined for bytes that are none. */
export function textOf(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return undefined;
  }
}

/** A form cannot send this type, so no page of another site can post without asking first (CORS). */
export function requireJson(request: Request): void {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase();
  if (type === 'application/json') return;
  throw new Problem('unsupported-media-type', 'Content-Type must be application/json');
}

export function parseJson(body: Uint8Array): unknown {
  const text = textOf(body);
  if (text === undefined) throw invalidRequest('the body is not UTF-8');
  try {
    return JSON.parse(text);
  } catch {
    throw invalidRequest('the body is not JSON');
  }
}

/** Reads `Authorization`: Bearer, or Basic with user and password. */
export function credentialsOf(request: Request): Credentials | undefined {
  const header = request.headers.get('authorization');
  if (header === null) return undefined;
  const [, scheme, value] = /^([A-Za-z]+) +(\S+) *$/.exec(header) ?? [];
  if (value === undefined) return undefined;
  if (scheme?.toLowerCase() === 'bearer') return { bearer: value };
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  const text = basicText(value);
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon < 0) return undefined;
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

function basicText(base64: string): string | undefined {
  try {
    return textOf(Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)));
  } catch {
    return undefined;
  }
}

/** The host that the client believes it speaks to. */
export const hostOf = (request: Request): string =>
  (request.headers.get('host') ?? new URL(request.url).host).toLowerCase();

const LOOPBACK_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/;

/** Against DNS rebinding: another name that leads here is not one of ours. */
export function checkLoopbackHost(request: Request): void {
  if (LOOPBACK_HOST.test(hostOf(request))) return;
  throw new Problem('forbidden-host', 'this node answers to localhost and 127.0.0.1 only');
}

/**
 * Refuses what a page of another origin sends, whatever credentials the browser adds to it (it
 * remembers RPC's Basic password). Programs send no Origin.
 */
export function checkSameOrigin(request: Request): void {
  const origin = request.headers.get('origin');
  const site = request.headers.get('sec-fetch-site');
  const foreign =
    origin !== null && originHost(origin) !== hostOf(request)
      ? true
      : site === 'cross-site' || site === 'same-site';
  if (foreign) throw new Problem('forbidden-host', 'pages of another origin may not do this');
}

function originHost(origin: string): string | undefined {
  try {
    return new URL(origin).host.toLowerCase();
  } catch {
    return undefined;
  }
}
