/** Nodes on real sockets, each with its HTTP app, on the system's clock: for tests and benchmarks. */
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { createHttpTransport } from '../../lib/adapters/http-transport.ts';
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { systemRandom } from '../../lib/adapters/system-random.ts';
import { createApp } from '../../lib/api/app.ts';
import { createNode } from '../../lib/node/create-node.ts';
import type { Node, NodeOptions } from '../../lib/node/types.ts';
import { regtest } from '../../lib/params/index.ts';
import { verifier } from './chain-rig.ts';

export interface HttpNode {
  readonly url: string;
  readonly node: Node;
  close(): Promise<void>;
}

interface Connection {
  readonly incoming?: { readonly socket?: { readonly remoteAddress?: string } };
}

/** `reachable` false: it knows no URL of its own, so nobody calls it. */
export async function openHttpNode(
  options: Partial<NodeOptions> & { readonly reachable?: boolean } = {},
): Promise<HttpNode> {
  const { reachable = true, ...rest } = options;
  const transport = createHttpTransport();
  let answer = (_request: Request, _env: unknown): Response | Promise<Response> =>
    new Response(null, { status: 503 });
  const server = serve({
    fetch: (request, env) => answer(request, env),
    port: 0,
    hostname: '127.0.0.1',
  });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const node = await createNode({
    params: regtest,
    store: createMemoryStore(),
    clock: systemClock,
    random: systemRandom,
    verifier,
    transports: [transport],
    ...(reachable && { url }),
    ...rest,
  });
  const app = createApp({
    node,
    authorize: async () => true,
    hosts: 'loopback',
    clientKey: (_request, env) => (env as Connection).incoming?.socket?.remoteAddress ?? '',
    waitMsMax: 1000,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  });
  answer = (request, env) => app.fetch(request, env as never);
  return {
    url,
    node,
    async close() {
      transport.close();
      await new Promise((resolve) => {
        server.close(resolve);
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
      await node.close();
    },
  };
}
