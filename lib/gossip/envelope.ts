/**
 * The JSON envelope: its shape, its bounds, base64 of what it carries. Owns no payload (messages.ts)
 * and no judgement of the sender (scores.ts).
 */
import type { Envelope } from '../ports/transport.ts';
import { LIMITS } from './limits.ts';

/** base64 of a whole block, and some. */
const PAYLOAD_CHARS_MAX = 4 * Math.ceil(LIMITS.blockBytesMax / 3) + 4;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const PRINTABLE = /^[\x20-\x7e]+$/;
const CHARS_PER_CALL = 8192;

export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHARS_PER_CALL) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHARS_PER_CALL));
  }
  return btoa(text);
}

/** undefined: no base64, or longer than any message. */
export function fromBase64(text: string): Uint8Array | undefined {
  if (text.length > PAYLOAD_CHARS_MAX || text.length % 4 !== 0 || !BASE64.test(text)) {
    return undefined;
  }
  const chars = atob(text);
  const bytes = new Uint8Array(chars.length);
  for (let i = 0; i < chars.length; i++) bytes[i] = chars.charCodeAt(i);
  return bytes;
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isText = (value: unknown, charsMax: number): value is string =>
  typeof value === 'string' && value.length <= charsMax && PRINTABLE.test(value);

export type EnvelopeCheck =
  | { readonly ok: true; readonly envelopes: readonly Envelope[] }
  | { readonly ok: false; readonly code: 'wrong-network' | 'invalid-request'; detail: string };

const invalid = (detail: string): EnvelopeCheck => ({ ok: false, code: 'invalid-request', detail });

function shapeFault(value: unknown): string | undefined {
  if (!isRecord(value)) return 'an envelope is an object';
  if (value['v'] !== 1) return 'v is 1';
  if (typeof value['network'] !== 'string') return 'network is the genesis hash';
  if (!isText(value['from'], LIMITS.fromCharsMax)) return 'from is a session id or a name';
  if (!isText(value['type'], LIMITS.typeCharsMax)) return 'type is the name of a message';
  return undefined;
}

/** Checks the shape of all envelopes of one request, before anything is looked up. */
export function checkEnvelopes(values: unknown, network: string): EnvelopeCheck {
  if (!Array.isArray(values) || values.length < 1 || values.length > LIMITS.envelopesMax) {
    return invalid(`1 to ${LIMITS.envelopesMax} envelopes`);
  }
  for (const value of values as unknown[]) {
    const fault = shapeFault(value);
    if (fault !== undefined) return invalid(fault);
  }
  const envelopes = values as readonly Envelope[];
  const [first] = envelopes;
  for (const envelope of envelopes) {
    if (envelope.network !== network) {
      return { ok: false, code: 'wrong-network', detail: `this network is ${network}` };
    }
    if (envelope.from !== first?.from) return invalid('all envelopes bear one sender');
  }
  return { ok: true, envelopes };
}
