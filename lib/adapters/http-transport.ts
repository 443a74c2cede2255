/**
 * The Transport port over HTTP: POST <peer>/v1/gossip. Owns the bounds of an outgoing request (time,
 * bytes, no redirects, no private address where a stranger named it); the messages are gossip's.
 */
import { lookup as resolveName } from 'node:dns';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Fault } from '../faults.ts';
import { type Envelope, refusal, type Transport } from '../ports/transport.ts';

export interface HttpTransportOptions {
  /** A whole exchange, milliseconds. */
  readonly timeoutMs?: number;
  /** Largest answer. */
  readonly bytesMax?: number;
}

export interface HttpTransport extends Transport {
  /** Ends the connections that are kept open. */
  close(): void;
}

const TIMEOUT_MS = 10_000;
const ANSWER_BYTES_MAX = 6_291_456;
const PROBLEM_BYTES_MAX = 65_536;
const ENVELOPES_MAX = 1200;
const SOCKETS_MAX = 32;

/** What is not the public internet: RFC 6890 and its like for IPv6 (documentation, Teredo, 6to4). */
const NOT_PUBLIC_V4: readonly (readonly [net: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
];
const NOT_PUBLIC_V6: readonly (readonly [net: string, bits: number])[] = [
  ['2001::', 32],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
];
const notPublic = new BlockList();
for (const [net, bits] of NOT_PUBLIC_V4) notPublic.addSubnet(net, bits, 'ipv4');
for (const [net, bits] of NOT_PUBLIC_V6) notPublic.addSubnet(net, bits, 'ipv6');
const unicast = new BlockList();
unicast.addSubnet('2000::', 3, 'ipv6');

/** Whether anybody may be at this address. */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address);
  if (family === 4) return !notPublic.check(address, 'ipv4');
  return family === 6 && unicast.check(address, 'ipv6') && !notPublic.check(address, 'ipv6');
}

/** Resolves as the system does, and fails if any of the addresses is not public. */
const publicLookup: LookupFunction = (host, options, callback) => {
  resolveName(host, options, (error, address, family) => {
    const found = Array.isArray(address) ? address.map((entry) => entry.address) : [address];
    if (error === null && !found.every(isPublicAddress)) {
      callback(new Error(`${host} is not a public address`), address, family);
    } else callback(error, address, family);
  });
};

export function createHttpTransport(options: HttpTransportOptions = {}): HttpTransport {
  const { timeoutMs = TIMEOUT_MS, bytesMax = ANSWER_BYTES_MAX } = options;
  const keep = { keepAlive: true, maxSockets: SOCKETS_MAX, scheduling: 'lifo' as const };
  const plain = new HttpAgent(keep);
  const secure = new HttpsAgent(keep);
  // Connections made under the stricter look-up are never shared with the others.
  const securePublic = new HttpsAgent({ ...keep, lookup: publicLookup });

  function post(address: string, body: Uint8Array, publicOnly: boolean): Promise<IncomingMessage> {
    const url = gossipUrl(address);
    const isSecure = url.protocol === 'https:';
    if (publicOnly) checkPublic(url);
    return new Promise((resolve, reject) => {
      const send = isSecure ? httpsRequest : httpRequest;
      const secureAgent = publicOnly ? securePublic : secure;
      const call = send(url, {
        method: 'POST',
        agent: isSecure ? secureAgent : plain,
        signal: AbortSignal.timeout(timeoutMs),
        headers: {
          'content-type': 'application/json',
          'content-length': body.length,
          accept: 'application/json, application/problem+json',
          'user-agent': 'stackchain',
        },
      });
      call.on('response', resolve);
      call.on('error', reject);
      call.end(body);
    });
  }

  return {
    kind: 'http',
    async send(address, envelopes, { publicOnly = false } = {}) {
      const body = new TextEncoder().encode(JSON.stringify({ envelopes }));
      let status: number;
      let text: string;
      try {
        const response = await post(address, body, publicOnly);
        status = response.statusCode ?? 0;
        text = await readBody(response, status === 200 ? bytesMax : PROBLEM_BYTES_MAX);
      } catch (cause) {
        if (cause instanceof Fault) throw cause;
        const { message } = cause as Error;
        throw new Fault('transport', `${address} cannot be reached: ${message}`, { cause });
      }
      if (status !== 200) throw refused(address, status, text);
      return parseAnswer(address, text);
    },
    close() {
      for (const agent of [plain, secure, securePublic]) agent.destroy();
    },
  };
}

function gossipUrl(address: string): URL {
  if (!URL.canParse(address)) throw new Fault('transport', `${address} is no URL`);
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/gossip`;
  return url;
}

function checkPublic(url: URL): void {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:' || (isIP(host) !== 0 && !isPublicAddress(host))) {
    throw new Fault('transport', `${url.origin} is not public`);
  }
}

async function readBody(response: IncomingMessage, bytesMax: number): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) {
      response.destroy();
      throw new Fault('transport', `an answer of more than ${bytesMax} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A redirect is an answer like any other that is not 200: it is not followed. */
function refused(address: string, status: number, text: string): Fault {
  const problem = parseJson(text) as { code?: unknown; detail?: unknown } | undefined | null;
  if (status >= 400 && status < 500 && typeof problem?.code === 'string') {
    return refusal(problem.code, `${address} answers ${status}: ${String(problem.detail ?? '')}`);
  }
  return new Fault('transport', `${address} answers ${status}`);
}

function parseAnswer(address: string, text: string): readonly Envelope[] {
  const answer = parseJson(text) as { envelopes?: unknown } | undefined | null;
  const envelopes = answer?.envelopes;
  if (!Array.isArray(envelopes) || envelopes.length > ENVELOPES_MAX) {
    throw new Fault('transport', `${address} answers no envelopes`);
  }
  return envelopes as Envelope[];
}
