/**
 * A node's one port: an HTTP server (@hono/node-server) that passes over busy ports and stops in
 * good time. Owns sockets and their limits; what is answered is lib/api's.
 */
import { createServer, type Server } from 'node:http';
import { isIPv6, type Socket } from 'node:net';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { machine } from '../errors.ts';
import { createDoor } from './connections.ts';
import { HEADER_BYTES_MAX, refusal, refuseUnparsed } from './refusals.ts';

export type Answer = (request: Request, env: HttpBindings) => Response | Promise<Response>;

export interface Listener {
  /** As this machine reaches it, without a slash at its end. */
  readonly url: string;
  readonly port: number;
  readonly isLoopback: boolean;
  /** Listens on all addresses, so that none of them is known to be the one that peers reach. */
  readonly isWildcard: boolean;
  /** Whoever asked before waits for this. */
  serve(answer: Answer): void;
  /** Waits, but no longer than the server lives: long polls end with it. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Takes no more requests, lets those under way end for a moment, then cuts. */
  stop(): Promise<void>;
}

export interface ListenOptions {
  readonly host: string;
  /** 0: any. A busy one is passed over. */
  readonly port: number;
  /** Told of each port that was busy. */
  readonly onBusy?: (port: number) => void;
  /** For the first line and the headers. */
  readonly headersTimeoutMs?: number;
}

const PORT_MAX = 65_535;
const PORTS_TRIED_MAX = 200;
const CONNECTIONS_MAX = 1_024;
const HEADERS_TIMEOUT_MS = 10_000;
/** For the whole request with its body, not for the answer. */
const REQUEST_TIMEOUT_MS = 60_000;
/** How often Node looks for those that took too long: at its own 30 s slow headers had 40. */
const TIMEOUTS_LOOK_MS = 2_000;
const STOP_GRACE_MS = 500;

const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

const isLoopbackHost = (host: string): boolean =>
  host === 'localhost' || host === '::1' || /^127(\.[0-9]{1,3}){3}$/.test(host);

export async function listen(options: ListenOptions): Promise<Listener> {
  const ready = Promise.withResolvers<Answer>();
  let answer: Answer | undefined;
  const headersTimeout = options.headersTimeoutMs ?? HEADERS_TIMEOUT_MS;
  const server = createServer(
    {
      headersTimeout,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: Math.min(headersTimeout, TIMEOUTS_LOOK_MS),
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    getRequestListener(
      async (request, env) => (answer ?? (await ready.promise))(request, env as HttpBindings),
      // The core's own fetch and Response stay what Node made them.
      { overrideGlobalObjects: false, errorHandler: refusal },
    ),
  );
  guard(server);
  const port = await bind(server, options);
  const sleepers = new Set<() => void>();
  let stopped = false;
  return {
    url: urlOf(options.host, port),
    port,
    isLoopback: isLoopbackHost(options.host),
    isWildcard: WILDCARDS.has(options.host),
    serve(next) {
      answer = next;
      ready.resolve(next);
    },
    sleep(ms, signal) {
      if (stopped || signal?.aborted === true) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          signal?.removeEventListener('abort', wake);
          sleepers.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, ms);
        signal?.addEventListener('abort', wake);
        sleepers.add(wake);
      });
    },
    async stop() {
      stopped = true;
      for (const wake of [...sleepers]) wake();
      await close(server);
    },
  };
}

function guard(server: Server): void {
  server.maxConnections = CONNECTIONS_MAX;
  const door = createDoor();
  server.on('connection', (socket: Socket) => {
    const leave = door.enter(socket.remoteAddress ?? '');
    if (leave === undefined) socket.destroy();
    else socket.once('close', leave);
  });
  server.on('clientError', refuseUnparsed);
}

async function bind(server: Server, options: ListenOptions): Promise<number> {
  const { host, port, onBusy } = options;
  const last = Math.min(PORT_MAX, port + PORTS_TRIED_MAX);
  for (let candidate = port; candidate <= last; candidate++) {
    const failed = await tryPort(server, host, candidate);
    if (failed === undefined) return (server.address() as { port: number }).port;
    if (failed.code !== 'EADDRINUSE') {
      throw machine(`Error: cannot listen on ${host} port ${candidate}.`, 'port', failed);
    }
    onBusy?.(candidate);
  }
  throw machine(`Error: no free port from ${port} to ${last}.`, 'port');
}

function tryPort(
  server: Server,
  host: string,
  port: number,
): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', listening);
      resolve(error);
    };
    const listening = (): void => {
      server.off('error', failed);
      resolve(undefined);
    };
    server.once('error', failed);
    server.once('listening', listening);
    server.listen(port, host);
  });
}

/** An address that stands for all of the machine's is reached by the loopback one. */
function urlOf(host: string, port: number): string {
  const shown = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${isIPv6(shown) ? `[${shown}]` : shown}:${port}`;
}

async function close(server: Server): Promise<void> {
  const cut = setTimeout(() => server.closeAllConnections(), STOP_GRACE_MS);
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
  clearTimeout(cut);
}
