/** The real command as a process of its own: started, watched, signalled, killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { linesOf } from './cli.ts';

const BIN = fileURLToPath(new URL('../../bin/stackchain.js', import.meta.url));
const WAIT_MS = 25;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly tookMs: number;
}

export class StackchainProcess {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly exited: Promise<Omit<Exit, 'tookMs'>>;

  constructor(args: readonly string[], options: { readonly node?: string } = {}) {
    const env = { ...process.env, NO_COLOR: '1' };
    this.child = spawn(options.node ?? process.execPath, [BIN, ...args], {
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.child.stdout?.on('data', (chunk) => {
      this.stdout += chunk;
    });
    this.child.stderr?.on('data', (chunk) => {
      this.stderr += chunk;
    });
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get lines(): string[] {
    return linesOf(this.stdout);
  }

  /** Waits until a line of stdout fits, and answers it. */
  async line(pattern: RegExp, timeoutMs = 120_000): Promise<string> {
    const found = await waitFor(() => {
      const line = this.lines.find((text) => pattern.test(text));
      if (line === undefined && this.child.exitCode !== null) throw new Error('it has ended');
      return line;
    }, timeoutMs).catch((error: unknown) => {
      throw new Error(`no line ${pattern}: ${error}\n${this.stdout}\n${this.stderr}`);
    });
    return found;
  }

  /** Sends a signal and waits for the end. */
  async end(signal: NodeJS.Signals): Promise<Exit> {
    const startedAt = performance.now();
    this.child.kill(signal);
    return { ...(await this.exited), tookMs: performance.now() - startedAt };
  }

  /** Writes to stdin and waits for the end. */
  async type(text: string): Promise<Exit> {
    const startedAt = performance.now();
    this.child.stdin?.write(text);
    return { ...(await this.exited), tookMs: performance.now() - startedAt };
  }
}

/** Asks again until there is an answer. Throws after the time is over. */
export async function waitFor<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  timeoutMs: number,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`nothing within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
  }
}

/** The JSON at a URL. */
export async function getJson<T>(url: string): Promise<T> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}
