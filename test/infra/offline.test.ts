/**
 * `cdk synth` of the app itself, by the CDK's own command line, without credentials and without a
 * network: in a network namespace that has none where the kernel lets us, else behind a proxy that is
 * not there.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const NOWHERE = 'http://127.0.0.1:9';
const hasNamespaces = spawnSync('unshare', ['-rn', 'true']).status === 0;
const CDK = join(process.cwd(), 'node_modules', '.bin', 'cdk');

describe('cdk synth without credentials and network', () => {
  const dir = mkdtempSync(join(tmpdir(), 'stackchain-offline-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  const out = join(dir, 'out');
  beforeAll(() => {
    const line = [
      ...(hasNamespaces ? ['unshare', '-rn'] : []),
      ...[CDK, 'synth', '--quiet', '--output', out],
      ...['-c', 'nodes=8', '-c', `network=${join(dir, 'network.json')}`],
    ];
    const [command = '', ...args] = line;
    // Nothing of ours: no keys, no profile, no region, no home with a file of them.
    const env = { PATH: process.env['PATH'], HOME: dir, HTTP_PROXY: NOWHERE, HTTPS_PROXY: NOWHERE };
    execFileSync(command, args, { env, stdio: 'pipe' });
  }, 600_000);

  it('makes eight nodes, what they share and their board, and founds a network', () => {
    const stacks = readdirSync(out).filter((name) => name.endsWith('.template.json'));
    const names = ['board', ...Array.from({ length: 8 }, (_, i) => `node${i}`), 'shared'];
    expect(stacks.sort()).toEqual(names.map((name) => `Stackchain-${name}.template.json`));
    expect(existsSync(join(dir, 'network.json'))).toBe(true);
  });

  it('asks for no look-up, and for no image to be built', () => {
    const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
    expect(manifest.missing ?? []).toEqual([]);
    for (const file of readdirSync(out).filter((name) => name.endsWith('.assets.json'))) {
      const { files, dockerImages } = JSON.parse(readFileSync(join(out, file), 'utf8'));
      expect(Object.keys(dockerImages)).toEqual([]);
      expect(Object.keys(files).length).toBeGreaterThan(0);
    }
  });
});
