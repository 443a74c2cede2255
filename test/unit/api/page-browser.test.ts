/** The pages in a real browser, below a prefix. Needs a Chromium on the machine. */
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHarness, TOKEN } from './harness.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) =>
  existsSync(path),
);
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'];

/** Of a browser on a busy machine. */
const WAIT_MS = 240_000;

const servers: Server[] = [];

async function serve(fetch: Hono['fetch']): Promise<string> {
  const server = createServer(getRequestListener(fetch));
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}

describe.skipIf(CHROMIUM === undefined)('pages in a browser', () => {
  let browser: Browser;
  let url = '';
  const node = createHarness();

  beforeAll(async () => {
    const { app } = node;
    url = await serve(new Hono().mount('/with/slash', app.fetch).route('/without', app).fetch);
    const options = { executablePath: CHROMIUM ?? '', args: ARGS, timeout: WAIT_MS };
    browser = await chromium.launch(options);
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function newPage(): Promise<Page> {
    const page = await browser.newPage();
    page.setDefaultTimeout(WAIT_MS);
    return page;
  }

  async function open(path: string, ready: string) {
    const page = await newPage();
    const wrong: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text());
    });
    page.on('pageerror', (error) => wrong.push(error.message));
    await page.goto(url + path);
    await page.locator(ready).first().waitFor();
    return { page, wrong };
  }

  it.each(['/with/slash/', '/without'])(
    '%s shows tip, blocks and links that lead on',
    async (path) => {
      const { page, wrong } = await open(path, '#blocks tr');
      expect(await page.locator('#blocks tr').count()).toBe(10);
      expect(await page.locator('#height').textContent()).toBe('12');
      expect(await page.locator('#error').textContent()).toBe('');
      await page.locator('nav a').first().click();
      await page.locator('#operations details').first().waitFor();
      expect(await page.title()).toBe('stackchain API');
      expect(wrong).toEqual([]);
      await page.close();
    },
  );

  it('says since when it has not reached the node, and goes on when it answers', async () => {
    const { page } = await open('/without', '#blocks tr');
    let isDown = true;
    await page.route('**/v1/node', (route) => (isDown ? route.abort() : route.continue()));
    const error = page.locator('#error');
    await error.filter({ hasText: /^Cannot read the node: .+ What you see is of \d/ }).waitFor();
    expect(await page.locator('#height').textContent()).toBe('12');
    isDown = false;
    await error.filter({ hasText: /^$/ }).waitFor({ state: 'attached' });
    await page.close();
  });

  it('shows the API', async () => {
    const { page, wrong } = await open('/without/docs', '#operations details');
    const { paths } = (await (await fetch(`${url}/without/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const operations = Object.values(paths).flatMap((methods) => Object.keys(methods));
    expect(await page.locator('details').count()).toBe(operations.length);
    expect(wrong).toEqual([]);
    await page.close();
  });

  it('of another site cannot act, even where the browser knows the password', async () => {
    const target = `${url.replace('//', `//__cookie__:${TOKEN}@`)}/without`;
    const form = (path: string, text: string): string =>
      `<form method="post" enctype="text/plain" action="${target}${path}">
        <input name='${text}' value='"}'><button>${path}</button></form>`;
    const evil = await serve(
      new Hono().get('/', (c) =>
        c.html(
          form('/rpc', '{"method":"submitblock","params":["00"],"id":"') +
            form('/v1/wallets', '{"x":"') +
            form('/v1/mine', '{"x":"') +
            form('/v1/blocks', '{"hex":"00","x":"'),
        ),
      ).fetch,
    );
    const statuses: Record<string, number> = {};
    for (const path of ['/rpc', '/v1/wallets', '/v1/mine', '/v1/blocks']) {
      const page = await newPage();
      await page.goto(evil);
      const [response] = await Promise.all([
        page.waitForResponse((one) => one.request().method() === 'POST'),
        page.locator('button', { hasText: path }).click(),
      ]);
      statuses[path] = response.status();
      await page.close();
    }
    expect(statuses).toEqual({
      // Challenged for Basic, the browser gives the password; the page's origin betrays it.
      '/rpc': 403,
      // Never challenged for a password, so it gives none.
      '/v1/wallets': 401,
      '/v1/mine': 401,
      '/v1/blocks': 415,
    });
    const page = await newPage();
    await page.goto(evil);
    const outcome = await page.evaluate(async (address) => {
      const call = (path: string, init: object) =>
        fetch(address + path, init).then(
          (answer) => answer.status,
          () => 'blocked',
        );
      const headers = { 'Content-Type': 'application/json' };
      return [
        await call('/v1/node', {}),
        await call('/v1/blocks', { method: 'POST', headers, body: '{"hex":"00"}' }),
        await call('/v1/gossip', { method: 'POST', headers, body: '{"envelopes":[]}' }),
        await call('/v1/wallets', { method: 'POST', headers, body: '{}' }),
        await call('/v1/wallets', { headers: { Authorization: 'Bearer x' } }),
      ];
    }, `${url}/without`);
    expect(outcome).toEqual([200, 'blocked', 'blocked', 'blocked', 'blocked']);
    await page.close();
    expect(node.script.submitted).toEqual([]);
    expect(node.wallet).toMatchObject({ made: 0, sends: 0 });
  });
});
