/**
 * Turns the pages here into lib/api/pages.gen.ts: text in a module is served the same by a local
 * server and by a bundle in Lambda. Each page gets a Content-Security-Policy that lets run exactly
 * the script and the style it holds.
 *
 *   node web/build.ts
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';

const PAGES = ['home', 'docs'];
const TARGET = new URL('../lib/api/pages.gen.ts', import.meta.url);

const sourceOf = (name: string, text: string, tag: string): string => {
  const [, inner] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(text) ?? [];
  if (inner === undefined) throw new Error(`${name}.html has no <${tag}>`);
  return `'sha256-${createHash('sha256').update(inner).digest('base64')}'`;
};

function policyOf(name: string, text: string): string {
  return [
    "default-src 'none'",
    `script-src ${sourceOf(name, text, 'script')}`,
    `style-src ${sourceOf(name, text, 'style')}`,
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The module's text; test/unit/api checks that the one in lib/api is this. */
export function pagesModule(): string {
  const parts = PAGES.map((name) => {
    const text = readFileSync(new URL(`./${name}.html`, import.meta.url), 'utf8');
    if (/[`\\]|\$\{/.test(text)) throw new Error(`${name}.html: no backquote, backslash or \${`);
    const policy = policyOf(name, text)
      .split('; ')
      .map((part) => `    ${part.includes("'") ? `"${part}"` : `'${part}'`},\n`)
      .join('');
    return `export const ${name.toUpperCase()}: Page = {\n  policy: [\n${policy}  ].join('; '),\n  html: \`${text}\`,\n};\n`;
  });
  return `/** Made by web/build.ts from web/*.html. Change those, then run it. */

export interface Page {
  /** Content-Security-Policy. */
  readonly policy: string;
  readonly html: string;
}

${parts.join('\n')}`;
}

if (import.meta.main) writeFileSync(TARGET, pagesModule());
