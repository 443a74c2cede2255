/** The pages in a real browser, below a prefix. Needs a Chromium on the machine. */
import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { Hono } from 'hono';
import { type Browser, chromium } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHarness } from './harness.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find((path) =>
  existsSync(path),
);
const ARGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'];

describe.skipIf(CHROMIUM === undefined)('pages in a browser', () => {
  let browser: Browser;
  let server: Server;
  let url = '';

  beforeAll(async () => {
    const { app } = createHarness();
    const outer = new Hono().mount('/with/slash', app.fetch).route('/without', app);
    server = createServer(getRequestListener(outer.fetch));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', () => done()));
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    url = `http://127.0.0.1:${address.port}`;
    browser = await chromium.launch({ executablePath: CHROMIUM ?? '', args: ARGS });
  });
  afterAll(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  async function open(path: string, ready: string) {
    const page = await browser.newPage();
    const wrong: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') wrong.push(message.text());
    });
    page.on('pageerror', (error) => wrong.push(error.message));
    await page.goto(url + path);
    await page.locator(ready).first().waitFor({ timeout: 20_000 });
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
      await page.locator('details').first().waitFor({ timeout: 20_000 });
      expect(await page.title()).toBe('stackchain API');
      expect(wrong).toEqual([]);
      await page.close();
    },
  );

  it('shows the API', async () => {
    const { page, wrong } = await open('/without/docs', 'details');
    const { paths } = (await (await fetch(`${url}/without/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const operations = Object.values(paths).flatMap((methods) => Object.keys(methods));
    expect(await page.locator('details').count()).toBe(operations.length);
    expect(wrong).toEqual([]);
    await page.close();
  });
});
