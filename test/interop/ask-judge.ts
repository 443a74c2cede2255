/**
 * Has another implementation judge blocks: btcd (btcd-blocks/main.go; needs Go, which fetches it), or
 * Bitcoin Core's own validation (core-blocks/src/main.rs; needs Rust, CMake, a C++20 compiler and
 * Boost's headers, and ten minutes the first time).
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toHex } from '../../lib/codec/hex.ts';

export const JUDGES = ['btcd', 'core'] as const;
export type Judge = (typeof JUDGES)[number];

export interface Question {
  /** Seconds on the judge's clock; Core looks at the machine's. */
  readonly clock: number;
  /** Blocks above regtest's genesis, all of them valid. */
  readonly base: readonly Uint8Array[];
  readonly offers: readonly Uint8Array[];
  /** One chain takes all offers. */
  readonly tree?: boolean;
}

export function judgeOf(name: string): Judge {
  const judge = JUDGES.find((one) => one === name);
  if (judge === undefined) throw new Error(`no judge ${name}: ${JUDGES.join(', ')}`);
  return judge;
}

/** Our reasons that the judge need not share: rules of ours alone, and what another clock sees. */
export const isOurOwn = (judge: Judge, reason: string): boolean =>
  reason.startsWith('stack-') || (judge === 'core' && reason === 'time-too-new');

function made(command: string, args: readonly string[], folder: string): void {
  const cwd = new URL(`./${folder}/`, import.meta.url).pathname;
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (status !== 0) throw new Error(`the judge of ${folder} could not be built`);
}

/** What was built is kept for the next time: Core takes long. */
function buildCore(): string {
  const target = join(tmpdir(), 'stackchain-core-blocks');
  made('cargo', ['build', '--target-dir', target], 'core-blocks');
  return join(target, 'debug', 'core-blocks');
}

function buildBtcd(dir: string): string {
  const binary = join(dir, 'judge');
  made('go', ['build', '-o', binary, '.'], 'btcd-blocks');
  return binary;
}

/** A line an offer: `ok` or the judge's error; of a tree the tip after it, and an error if there is one. */
export function askJudge(judge: Judge, question: Question): string[] {
  const { clock, base, offers, tree = false } = question;
  const dir = mkdtempSync(join(tmpdir(), 'judge-'));
  try {
    const binary = judge === 'core' ? buildCore() : buildBtcd(dir);
    const hex = { base: base.map(toHex), offers: offers.map(toHex) };
    const input = JSON.stringify({ clock, tree, ...hex });
    const run = spawnSync(binary, { input, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (run.status !== 0) throw new Error(`the judge failed: ${run.stderr}`);
    return run.stdout.trimEnd().split('\n');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
