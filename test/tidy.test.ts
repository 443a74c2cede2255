/** What neither the linter nor the direction check sees. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../lib/node/version.ts';

const files = execFileSync(
  'git',
  ['ls-files', '*.ts', '*.js', '*.mjs', '*.json', '*.md', '*.yml'],
  {
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((name) => name !== '' && !name.startsWith('test/vectors/'));
const textOf = (name: string): string => {
  try {
    return readFileSync(name, 'utf8');
  } catch {
    return ''; // Deleted, not yet committed.
  }
};
const offenders = (names: readonly string[], pattern: RegExp): string[] =>
  names.flatMap((name) =>
    textOf(name)
      .split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${name}:${i + 1}: ${line.trim()}`] : [])),
  );

const sources = files.filter((name) => /\.(ts|js|mjs)$/.test(name) && name !== 'test/tidy.test.ts');
/** Pages hold scripts that browsers run. */
const core = sources.filter((name) => /^lib\/(?!adapters\/|api\/pages[.]gen[.]ts)/.test(name));

describe('tidy', () => {
  it('finds the sources', () => {
    expect(core.length).toBeGreaterThan(30);
  });

  it('has no randomness in the core but by its port', () => {
    expect(offenders(core, /Math\.random|getRandomValues|randomBytes/)).toEqual([]);
  });

  it('has no clock in the core but by its port', () => {
    expect(offenders(core, /Date\.now|new Date\(\)|performance\.now/)).toEqual([]);
  });

  it('has one version', () => {
    const { version } = JSON.parse(textOf('package.json')) as { version: string };
    expect(VERSION).toBe(version);
  });

  it('has no leftover marks', () => {
    expect(offenders(sources, /\b(TODO|FIXME|XXX|HACK)\b|debugger;|\.only\(/)).toEqual([]);
  });

  it('names no path of one machine', () => {
    expect(offenders(files, /(^|[^A-Za-z0-9_.-])\/(root|home|work|Users)\/[A-Za-z.]/)).toEqual([]);
  });

  it('records no download address in the lock file', () => {
    expect(offenders(['package-lock.json'], /"resolved": "http/)).toEqual([]);
  });
});
