/**
 * Addresses of peers: which transport an address wants, which hosts are loopback or private, what
 * may be learned from strangers. Owns no look-up of names: the transport refuses what only resolves
 * to a private address.
 */
import { LIMITS } from './limits.ts';

export type Kind = 'http' | 'sqs' | 'local';

export function kindOf(address: string): Kind {
  if (/^https?:/i.test(address)) return 'http';
  return address.startsWith('arn:') ? 'sqs' : 'local';
}

/** A peer's URL in its one form, without a slash at the end; undefined: none that we would call. */
export function parsePeerUrl(text: string): URL | undefined {
  if (text.length > LIMITS.urlCharsMax || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return undefined;
  }
  return url;
}

export function normalizeUrl(text: string): string | undefined {
  const url = parsePeerUrl(text);
  return url === undefined ? undefined : `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

const bare = (host: string): string => host.toLowerCase().replace(/^\[|\]$/g, '');

/** A connection's address or a host name: 127.0.0.0/8, ::1, either as mapped, localhost. */
export function isLoopback(host: string): boolean {
  const name = bare(host).replace(/^::ffff:/, '');
  return /^127(\.\d{1,3}){3}$/.test(name) || name === '::1' || name === 'localhost';
}

/** A host that is private by its very name: an address nobody else can reach, or a bare name. */
export function isPrivateHost(host: string): boolean {
  const name = bare(host).replace(/^::ffff:/, '');
  if (name.includes(':')) return !/^[23]/.test(name);
  const parts = /^(\d+)\.(\d+)\.\d+\.\d+$/.exec(name);
  if (parts === null) return name.endsWith('.local') || !name.includes('.');
  const [a, b] = [Number(parts[1]), Number(parts[2])];
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    a >= 224 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && b === 168)
  );
}

export const urlHost = (text: string): string => parsePeerUrl(text)?.hostname ?? '';
export const isLoopbackUrl = (text: string): boolean => isLoopback(urlHost(text));

/** What `addr` and `version` may teach: https to the public, or loopback among ourselves. */
export function learnableUrl(
  text: unknown,
  options: { readonly loopback: boolean },
): string | undefined {
  if (typeof text !== 'string') return undefined;
  const url = parsePeerUrl(text);
  if (url === undefined) return undefined;
  const mayLearn = isLoopback(url.hostname)
    ? options.loopback
    : url.protocol === 'https:' && !isPrivateHost(url.hostname);
  return mayLearn ? normalizeUrl(text) : undefined;
}

/** What of a connection's address tells one sender from another: an IPv6 customer holds a /64. */
export function addressBlock(key: string): string {
  const name = bare(key).replace(/%.*$/, '');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(name);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!name.includes(':')) return name;
  const [head = '', tail] = name.split('::');
  const groups = head === '' ? [] : head.split(':');
  const rest = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - groups.length - rest.length);
  const all = [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest];
  return `${all.slice(0, 4).join(':')}::/64`;
}
