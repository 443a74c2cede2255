/** Esplora's REST below /api: blocks, transactions, addresses. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Api } from '../row.ts';
import { addressRoutes } from './addresses.ts';
import { blockRoutes } from './blocks.ts';
import { mountRoutes } from './server.ts';
import { txRoutes } from './txs.ts';

export function mountEsplora(app: OpenAPIHono, api: Api): void {
  mountRoutes(app, api, [...blockRoutes, ...txRoutes, ...addressRoutes]);
}
