/**
 * A checkout of the commit before this one, to be upgraded from. Where the clone is too shallow for
 * one, a copy of the sources at hand. In both a line differs that every bundle holds, so that every
 * function is replaced in any case.
 */
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What the app is made of. */
const PARTS = ['cdk.json', 'package.json', 'infra', 'functions', 'miner', 'lib', 'cli', 'web'];
const MARK = "\nObject.assign(globalThis, { stackchainRelease: 'previous' });\n";

export interface PreviousRelease {
  readonly dir: string;
  readonly label: string;
}

function commitBefore(): string | undefined {
  try {
    const about = { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync('git', ['rev-parse', '--short', 'HEAD~1'], about).trim();
  } catch {
    return undefined;
  }
}

export function previousRelease(dir: string): PreviousRelease {
  mkdirSync(dir, { recursive: true });
  const commit = commitBefore();
  const archive =
    commit === undefined
      ? execFileSync('tar', ['-c', ...PARTS], { cwd: ROOT, maxBuffer: 1e9 })
      : execFileSync('git', ['archive', commit], { cwd: ROOT, maxBuffer: 1e9 });
  execFileSync('tar', ['-x'], { cwd: dir, input: archive });
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'));
  appendFileSync(join(dir, 'functions', 'host.ts'), MARK);
  return { dir, label: commit === undefined ? 'a copy with a line changed' : `commit ${commit}` };
}
