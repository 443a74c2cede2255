/** The pages: GET /, /docs and /openapi.json. Owns their headers; the text is made from web/. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { routePath } from 'hono/route';
import { DOCS, HOME, type Page } from './pages.gen.ts';
import { Problem } from './problem.ts';

function pageResponse(page: Page): Response {
  return new Response(page.html, {
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': page.policy,
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'no-cache',
      'Referrer-Policy': 'no-referrer',
      'X-Frame-Options': 'DENY',
    },
  });
}

/**
 * Mounts the pages; what it answers serves the home page where a path prefix ends in a slash, which
 * no route of the app itself matches.
 */
export function mountPages(
  app: OpenAPIHono,
  document: () => Promise<object>,
): (c: Context) => Response | undefined {
  const pages: readonly [string, () => Response | Promise<Response>][] = [
    ['/', () => pageResponse(HOME)],
    ['/docs', () => pageResponse(DOCS)],
    ['/openapi.json', async () => jsonResponse(await document())],
  ];
  for (const [path, answer] of pages) {
    app.get(path, answer);
    app.all(path, (c) => {
      const allow = path === '/' ? 'GET, HEAD, POST' : 'GET, HEAD';
      throw new Problem('method-not-allowed', `${c.req.method.slice(0, 20)} is not served here`, {
        headers: { Allow: allow },
      });
    });
  }
  return (c) => {
    const prefix = routePath(c).replace(/\*$/, '');
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    return isRead && c.req.path === prefix ? pageResponse(HOME) : undefined;
  };
}

function jsonResponse(body: object): Response {
  return new Response(JSON.stringify(body), {
    headers: {
      'Content-Type': 'application/json',
      'Access-Control-Allow-Origin': '*',
      'Cache-Control': 'no-cache',
    },
  });
}
