/** Pages and the OpenAPI document: whole in themselves, strict, true to the routes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { pagesModule } from '../../../web/build.ts';
import { createHarness } from './harness.ts';

interface Operation {
  readonly operationId: string;
  readonly security?: readonly object[];
  readonly responses: Record<string, { content?: Record<string, { schema?: unknown }> }>;
  readonly parameters?: readonly { name: string; in: string; required?: boolean }[];
  readonly requestBody?: object;
}
interface Document {
  readonly openapi: string;
  readonly servers: readonly { url: string }[];
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: {
    readonly schemas: Record<string, unknown>;
    readonly securitySchemes: Record<string, unknown>;
  };
}

const documentOf = async (): Promise<Document> => {
  const response = await createHarness().app.request('/openapi.json');
  expect(response.status).toBe(200);
  return (await response.json()) as Document;
};

const ROWS = `
  post /v1/wallets T
  get /v1/wallets T
  post /v1/wallets/{address}/send T
  get /v1/addresses/{address}
  get /v1/addresses/{address}/coins
  get /v1/blocks
  get /v1/blocks/{block}
  get /v1/blocks/{block}/raw
  post /v1/blocks
  post /v1/transactions
  get /v1/transactions/{txid}
  get /v1/node
  get /v1/network
  get /v1/peers
  post /v1/peers T
  delete /v1/peers/{id} T
  get /v1/mempool
  get /v1/mempool/transactions
  post /v1/mine T
  post /v1/gossip
  get /healthz
  get /readyz
  get /metrics`;

describe('openapi.json', () => {
  it('lists each row of interfaces section 7, and which want the token', async () => {
    const { paths } = await documentOf();
    const listed = Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(
        ([method, { security }]) => `${method} ${path}${security === undefined ? '' : ' T'}`,
      ),
    );
    const wanted = ROWS.trim().split(/\n\s*/);
    expect(listed.sort()).toEqual(wanted.sort());
  });

  it('is 3.1, holds below a prefix, and every reference leads somewhere', async () => {
    const document = await documentOf();
    expect(document.openapi).toBe('3.1.0');
    expect(document.servers).toEqual([{ url: '.' }]);
    const names = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g);
    const used = new Set([...names].map(([, name]) => name));
    expect(used.size).toBeGreaterThan(20);
    for (const name of used) expect(document.components.schemas).toHaveProperty([name as string]);
    // `nullable` is 3.0's; 3.1 says it by type.
    expect(JSON.stringify(document)).not.toContain('"nullable"');
  });

  it('has for each operation its parameters, its security scheme and its refusals', async () => {
    const { paths, components } = await documentOf();
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, operation] of Object.entries(methods)) {
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const listed = (operation.parameters ?? []).filter((one) => one.in === 'path');
        expect(listed.map(({ name }) => name)).toEqual(named);
        expect(listed.every(({ required }) => required)).toBe(true);
        expect(operation.requestBody !== undefined).toBe(method === 'post');
        for (const scheme of operation.security ?? []) {
          expect(components.securitySchemes).toHaveProperty(Object.keys(scheme));
        }
        expect(operation.responses['503']?.content).toHaveProperty(['application/problem+json']);
        if (operation.security) expect(operation.responses).toHaveProperty('401');
        for (const [status, { content }] of Object.entries(operation.responses)) {
          if (Number(status) === 204) continue;
          expect(Object.values(content ?? {})).not.toEqual([]);
        }
      }
    }
  });

  it('names each operation once', async () => {
    const { paths } = await documentOf();
    const ids = Object.values(paths).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('getBlocksByBlockRaw');
    expect(ids).toContain('postWalletsByAddressSend');
  });

  it('is the same each time', async () => {
    const { app } = createHarness();
    const first = await (await app.request('/openapi.json')).text();
    expect(await (await app.request('/openapi.json')).text()).toBe(first);
  });
});

/** Relative luminance, WCAG 2.2. */
function luminance(hex: string): number {
  const digits = hex.length === 3 ? [...hex].map((digit) => digit + digit) : hex.match(/../g);
  const [red = 0, green = 0, blue = 0] = (digits ?? []).map((pair) => {
    const part = Number.parseInt(pair, 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

describe('pages', () => {
  it('are those of web/', () => {
    const committed = readFileSync(
      new URL('../../../lib/api/pages.gen.ts', import.meta.url),
      'utf8',
    );
    expect(committed).toBe(pagesModule());
  });

  it.each(['/', '/docs'])('%s is whole in itself and strict', async (path) => {
    const response = await createHarness().app.request(path);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toMatch(/script-src 'sha256-[\w+/]+=*'/);
    expect(policy).not.toContain('unsafe');
    const html = await response.text();
    // Nothing from elsewhere, nothing absolute, no handler in an attribute.
    expect(html).not.toMatch(/(src|href)="(https?:|\/)/);
    expect(html).not.toMatch(/\son\w+=/);
    expect(html).not.toMatch(/innerHTML|document\.write/);
    expect(html.match(/<script>/g)).toHaveLength(1);
  });

  it.each(['/', '/docs'])('%s is readable in light and dark: WCAG AA, 4.5 to 1', async (path) => {
    const html = await (await createHarness().app.request(path)).text();
    const schemes = [...html.matchAll(/:root \{([^}]*--soft[^}]*)\}/g)].map(
      ([, rule]) => rule ?? '',
    );
    expect(schemes).toHaveLength(2);
    for (const [i, rule] of schemes.entries()) {
      // Chromium's canvas of each scheme.
      const ground = i === 0 ? 'fff' : '121212';
      for (const name of ['soft', 'accent', 'wrong']) {
        const [, colour = ''] = new RegExp(`--${name}: #([0-9a-f]+);`).exec(rule) ?? [];
        expect(contrast(colour, ground), `${name} of ${ground}`).toBeGreaterThanOrEqual(4.5);
      }
    }
  });

  it('link to what is there', async () => {
    const { app } = createHarness();
    const html = await (await app.request('/')).text();
    const links = [...html.matchAll(/href="([^"]+)"/g)].map(([, link]) => link as string);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) {
      const response = await app.request(`/${link}`);
      expect(`${link} ${response.status}`).toBe(`${link} 200`);
    }
  });
});
