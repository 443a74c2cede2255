/**
 * A temp directory for the run alone, removed at its end: a test that fails midway, or a process that
 * is killed on purpose, leaves nothing behind on the machine.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What os.tmpdir() reads, on any system; the processes of the run inherit them. */
const NAMES = ['TMPDIR', 'TMP', 'TEMP'];

export default function setup(): () => void {
  const before = NAMES.map((name) => [name, process.env[name]] as const);
  const dir = mkdtempSync(join(tmpdir(), 'stackchain-run-'));
  for (const name of NAMES) process.env[name] = dir;
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    // What was told to end may still write for a moment; what is left then is no test's failure.
    try {
      rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
    } catch (error) {
      console.warn(`${dir} could not be removed: ${error}`);
    }
  };
}
