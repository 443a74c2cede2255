/**
 * Child processes and scratch directories that end with this process, however it ends. Each child
 * leads a group of its own, so that what it started ends with it. A guard, a shell that does nothing
 * but read a pipe of ours, ends them all when the pipe closes without a word: kill -9 is no way to
 * leave an emulator and its port behind.
 */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STOP_MS_MAX = 2_500;

/** Lines `group PID`, `dir PATH`, `done`. */
const GUARD = `
while read -r kind what; do
  case $kind in
    group) groups="$groups -$what" ;;
    dir) set -- "$@" "$what" ;;
    done) exit 0 ;;
  esac
done
kill -KILL $groups
sleep 1
rm -rf -- "$@"
`;

export interface Keeper {
  /** Starts a child in a group of its own. */
  spawn(command: string, args: readonly string[], options: SpawnOptions): ChildProcess;
  /** A new directory below the system's temporary one. */
  scratch(prefix: string): string;
  /** Also this directory goes when we are killed. */
  watchDir(path: string): void;
  /** Ends everything, and answers when it has ended. */
  close(): Promise<void>;
}

export function createKeeper(): Keeper {
  const guard = spawn('sh', ['-c', GUARD], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  // Nothing waits for the guard, and without one there is nobody to tell.
  guard.unref();
  guard.on('error', () => undefined);
  guard.stdin?.on('error', () => undefined);
  const tell = (line: string): void => {
    guard.stdin?.write(`${line}\n`);
  };
  const children: ChildProcess[] = [];
  const dirs: string[] = [];
  return {
    spawn(command, args, options) {
      const child = spawn(command, [...args], { ...options, detached: true });
      children.push(child);
      if (child.pid !== undefined) tell(`group ${child.pid}`);
      return child;
    },
    scratch(prefix) {
      const dir = mkdtempSync(join(tmpdir(), prefix));
      dirs.push(dir);
      tell(`dir ${dir}`);
      return dir;
    },
    watchDir: (path) => tell(`dir ${path}`),
    async close() {
      await Promise.all(children.map(stopGroup));
      for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
      tell('done');
      guard.stdin?.end();
    },
  };
}

/** Asks the child, then insists; what it started and left behind goes too. */
export async function stopGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return;
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    signalGroup(child.pid, 'SIGTERM');
    const insist = setTimeout(() => signalGroup(child.pid, 'SIGKILL'), STOP_MS_MAX);
    await ended;
    clearTimeout(insist);
  }
  signalGroup(child.pid, 'SIGKILL');
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left.
  }
}
