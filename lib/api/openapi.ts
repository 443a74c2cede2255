/**
 * The OpenAPI 3.1 document, made from the schemas that validate. Owns what the document says of a
 * row besides them: the problems it may answer, its security, its headers.
 */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { Row } from './row.ts';
import { IdempotencyHeaders, ProblemSchema } from './schemas.ts';

function problemStatuses(row: Row): number[] {
  const statuses = new Set<number>([403, 503, ...(row.spec.problems ?? [])]);
  if (row.token) statuses.add(401);
  if (row.spec.params !== undefined || row.spec.query !== undefined) statuses.add(400);
  if (row.spec.body !== undefined) for (const status of [400, 413, 415, 429]) statuses.add(status);
  if (row.spec.idempotent === true) statuses.add(409);
  return [...statuses].sort((a, b) => a - b);
}

/** `get /v1/blocks/{block}/raw` is getBlocksByBlockRaw. */
const operationIdOf = ({ method, path }: Row): string =>
  path
    .replace('/v1/', '/')
    .replaceAll(/\{(\w+)\}/g, 'by-$1')
    .split(/[/-]/)
    .filter((word) => word !== '')
    .reduce((id, word) => id + word[0]?.toUpperCase() + word.slice(1), method);

function openApiOf(row: Row): Parameters<typeof createRoute>[0] {
  const { spec } = row;
  const responses: Record<number, object> = {};
  for (const [status, answer] of Object.entries(spec.answers)) {
    const { description, schema = answer.mediaType && z.string(), mediaType } = answer;
    responses[Number(status)] = schema
      ? { description, content: { [mediaType ?? 'application/json']: { schema } } }
      : { description };
  }
  for (const status of problemStatuses(row)) {
    responses[status] ??= {
      description: 'Refused; `code` says why',
      content: { 'application/problem+json': { schema: ProblemSchema } },
    };
  }
  return {
    method: row.method,
    path: row.path,
    operationId: operationIdOf(row),
    summary: spec.summary,
    tags: [spec.tag],
    ...(row.token ? { security: [{ bearer: [] }, { basic: [] }] } : {}),
    request: {
      ...(spec.params === undefined ? {} : { params: spec.params }),
      ...(spec.query === undefined ? {} : { query: spec.query }),
      ...(spec.idempotent === true ? { headers: IdempotencyHeaders } : {}),
      ...(spec.body === undefined
        ? {}
        : {
            body: { required: true, content: { 'application/json': { schema: spec.body } } },
          }),
    },
    responses: responses as Parameters<typeof createRoute>[0]['responses'],
  };
}

/** Enters rows into the app's registry. */
export function registerRow(app: OpenAPIHono, row: Row): void {
  app.openAPIRegistry.registerPath(createRoute(openApiOf(row)));
}

/** The document. `servers` is relative to the document itself, so it holds below a path prefix. */
export function openApiDocument(app: OpenAPIHono, version: string): object {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'stackchain',
      version,
      description:
        'The node’s own API. Esplora’s REST lies under api/, JSON-RPC at POST / and POST /rpc; ' +
        'both are as their own documents say.',
    },
    servers: [{ url: '.' }],
  });
}

export function registerSecurity(app: OpenAPIHono): void {
  const registry = app.openAPIRegistry;
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  registry.registerComponent('securitySchemes', 'basic', {
    type: 'http',
    scheme: 'basic',
    description: 'User and password of JSON-RPC: __cookie__ and the token, or your own.',
  });
}
