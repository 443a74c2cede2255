/** When a process started: tells a node that runs from a stranger who was given its pid later. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** Clock ticks a second in /proc: fixed at 100 for user space on all common Linux machines. */
const TICKS_PER_SECOND = 100;
/** The 22nd field of /proc/pid/stat, counted behind the name in brackets. */
const START_FIELD = 19;
const PS_TIMEOUT_MS = 2_000;

/** Unix seconds; undefined where the system does not tell. */
export async function processStart(pid: number): Promise<number | undefined> {
  try {
    return process.platform === 'linux' ? await fromProc(pid) : await fromPs(pid);
  } catch {
    return undefined;
  }
}

async function fromProc(pid: number): Promise<number | undefined> {
  const [own, system] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile('/proc/stat', 'utf8'),
  ]);
  const bootedAt = Number(/^btime ([0-9]+)$/m.exec(system)?.[1]);
  // The name may hold spaces and brackets, so the fields are counted from its last bracket.
  const ticks = Number(own.slice(own.lastIndexOf(')') + 2).split(' ')[START_FIELD]);
  const startedAt = bootedAt + ticks / TICKS_PER_SECOND;
  return Number.isFinite(startedAt) ? startedAt : undefined;
}

async function fromPs(pid: number): Promise<number | undefined> {
  const { stdout } = await promisify(execFile)('ps', ['-o', 'lstart=', '-p', String(pid)], {
    timeout: PS_TIMEOUT_MS,
    env: { ...process.env, LC_ALL: 'C' },
  });
  const startedAt = Date.parse(stdout.trim()) / 1000;
  return Number.isFinite(startedAt) ? startedAt : undefined;
}
