/**
 * The HTTP face of a node: one Hono app for a local server, for Lambda and below a path prefix.
 * Owns what holds for every request: Host, request headers, methods, preflights, what is not found.
 * Rules live in the node; forms in v1/, esplora/ and rpc/.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Context, Hono } from 'hono';
import { mountEsplora } from './esplora/routes.ts';
import { mountRow, problemOf } from './mount.ts';
import { openApiDocument, registerRow, registerSecurity } from './openapi.ts';
import { mountPages } from './pages.ts';
import { Problem } from './problem.ts';
import { checkLoopbackHost } from './request.ts';
import type { Api, Row } from './row.ts';
import { mountRpc } from './rpc/server.ts';
import type { AppOptions } from './types.ts';
import * as chain from './v1/chain.ts';
import { listCoins } from './v1/coins.ts';
import * as node from './v1/node.ts';
import * as wallets from './v1/wallets.ts';

const READING: readonly Row[] = [
  wallets.getAddress,
  listCoins,
  chain.listBlocks,
  chain.getBlock,
  chain.getBlockRaw,
  chain.postBlock,
  chain.postTx,
  chain.getTx,
  node.getNode,
  node.getNetwork,
  node.listPeers,
  node.getMempool,
  node.listMempool,
  node.gossip,
];
/** Marked T: what touches a wallet, mines on command or changes peers. */
const WRITING: readonly Row[] = [
  wallets.createWallet,
  wallets.listWallets,
  wallets.send,
  node.addPeer,
  node.removePeer,
  node.mine,
];
const HEALTH: readonly Row[] = [node.healthz, node.readyz];

const PREFLIGHT_SECONDS = 86_400;

/**
 * Makes the app. It keeps nothing in memory that matters, so that any number of processes may serve
 * one node.
 */
export function createApp(options: AppOptions): Hono {
  const api: Api = { options, node: options.node, budget: { bytes: 0 } };
  const role = options.role ?? 'all';
  const always = [...HEALTH, ...(options.metrics === undefined ? [] : [node.metrics])];
  const rows = [
    ...always,
    ...(role === 'private' ? [] : READING),
    ...(role === 'public' ? [] : WRITING),
  ];
  const app = new OpenAPIHono();
  app.onError((error) => failed(api, error));
  app.use('*', async (c, next) => {
    if (options.hosts === 'loopback') checkLoopbackHost(c.req.raw);
    await next();
    c.res.headers.set('X-Content-Type-Options', 'nosniff');
  });
  registerSecurity(app);
  // The document is one URL's: who reads it does not know of the host's two roles.
  for (const row of [...always, ...READING, ...WRITING]) registerRow(app, row);
  for (const row of rows) mountRow(app, api, row);
  const methods = methodsOf(rows);
  if (role !== 'public') mountRpc(app, api);
  const pages = role === 'private' ? undefined : mountPages(app, () => documentOf(app, api));
  for (const [path, served] of methods) refuseOtherMethods(app, api, path, served);
  if (role !== 'private') mountEsplora(app, api);
  app.all('*', (c) => pages?.(c) ?? failed(api, new Problem('not-found', 'no such resource')));
  return app as unknown as Hono;
}

async function documentOf(app: OpenAPIHono, api: Api): Promise<object> {
  const { version } = await api.node.status();
  return openApiDocument(app, version);
}

function failed(api: Api, error: unknown): Response {
  const response = problemOf(api, error);
  if (response.status === 404) response.headers.set('Access-Control-Allow-Origin', '*');
  return response;
}

interface Served {
  readonly all: string[];
  /** Methods that pages of other origins may use. */
  readonly open: string[];
}

function methodsOf(rows: readonly Row[]): Map<string, Served> {
  const served = new Map<string, Served>();
  for (const row of rows) {
    const path = row.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const entry = served.get(path) ?? { all: [], open: [] };
    const names = row.method === 'get' ? ['GET', 'HEAD'] : [row.method.toUpperCase()];
    entry.all.push(...names);
    if (row.cors) entry.open.push(...names);
    served.set(path, entry);
  }
  return served;
}

/** OPTIONS tells a browser what pages of other origins may do: nothing where there is no open row. */
function refuseOtherMethods(app: OpenAPIHono, api: Api, path: string, served: Served): void {
  const allow = [...served.all, 'OPTIONS'].join(', ');
  app.options(path, (c) => {
    const wanted = c.req.header('access-control-request-method');
    // POST needs no entry in Allow-Methods to pass: only silence refuses it.
    const refused = wanted !== undefined && !served.open.includes(wanted.toUpperCase());
    return preflight(allow, refused ? [] : served.open);
  });
  app.all(path, (c: Context) =>
    failed(
      api,
      new Problem('method-not-allowed', `${c.req.method.slice(0, 20)} is not served here`, {
        headers: { Allow: allow },
      }),
    ),
  );
}

function preflight(allow: string, open: readonly string[]): Response {
  const headers = new Headers({ Allow: allow, Vary: 'Access-Control-Request-Method' });
  if (open.length > 0) {
    headers.set('Access-Control-Allow-Origin', '*');
    headers.set('Access-Control-Allow-Methods', open.join(', '));
    headers.set('Access-Control-Allow-Headers', 'Content-Type');
    headers.set('Access-Control-Max-Age', String(PREFLIGHT_SECONDS));
  }
  return new Response(null, { status: 204, headers });
}
