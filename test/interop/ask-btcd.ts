/** Has btcd judge blocks (btcd-blocks/main.go). Needs Go, which fetches btcd. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '../../lib/codec/hex.ts';

export interface Question {
  /** Seconds on the judge's clock. */
  readonly clock: number;
  /** Blocks above regtest's genesis, all of them valid. */
  readonly base: readonly Uint8Array[];
  readonly offers: readonly Uint8Array[];
  /** One chain takes all offers. */
  readonly tree?: boolean;
}

/** A line an offer: `ok` or btcd's error; of a tree the tip after it, and the error if there is one. */
export function askBtcd({ clock, base, offers, tree = false }: Question): string[] {
  const dir = mkdtempSync(join(tmpdir(), 'btcd-judge-'));
  const binary = join(dir, 'judge');
  const cwd = new URL('./btcd-blocks/', import.meta.url).pathname;
  try {
    const build = spawnSync('go', ['build', '-o', binary, '.'], { cwd, stdio: 'inherit' });
    if (build.status !== 0) throw new Error('btcd could not be built');
    const hex = { base: base.map(toHex), offers: offers.map(toHex) };
    const input = JSON.stringify({ clock, tree, ...hex });
    const run = spawnSync(binary, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (run.status !== 0) throw new Error(`the judge failed: ${run.stderr}`);
    return run.stdout.trimEnd().split('\n');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
