/** The version in package.json, whether the sources run or what was built from them. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  for (const path of ['../package.json', '../../package.json']) {
    try {
      const text = readFileSync(new URL(path, import.meta.url), 'utf8');
      const { name, version } = JSON.parse(text) as { name?: string; version?: string };
      if (name === 'stackchain' && version !== undefined) return version;
    } catch {
      // Not at this depth: dist/cli lies one folder deeper than cli.
    }
  }
  return '0.0.0';
}
