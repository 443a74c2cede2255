/**
 * The HTTP API as a command uses it: over a socket, or straight into the app of a chain that this
 * process opened itself. Owns time limits, the bound on answers and the meaning of errors.
 */
import { CliError, EXIT, type ExitCode, type Problem, remote } from '../errors.ts';

export type Fetcher = (path: string, init: RequestInit) => Promise<Response>;

export interface ClientOptions {
  /** For sentences: the URL, or what stands for it. */
  readonly name: string;
  readonly fetcher: Fetcher;
  /** Bearer token of rows that want one. */
  readonly token?: string | undefined;
  /** The app runs in this process: what fails there fails on this machine. */
  readonly inProcess?: boolean;
}

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  /** The row wants the token. */
  readonly authorized?: boolean;
  readonly timeoutMs?: number;
}

export interface Client {
  readonly name: string;
  /** The bare way to the node, without token. */
  readonly fetch: Fetcher;
  /** The answer's JSON, amounts in coins kept as they were written. Throws CliError. */
  call<T>(path: string, options?: CallOptions): Promise<T>;
  /** As call, undefined for 404. */
  find<T>(path: string): Promise<T | undefined>;
}

const TIMEOUT_MS = 30_000;
/** A page of a hundred full blocks in the seed's JSON is the longest answer. */
const ANSWER_BYTES_MAX = 512 * 1024 * 1024;

/** Calls a node at a URL. */
export const urlFetcher =
  (url: string): Fetcher =>
  (path, init) =>
    fetch(`${url}${path}`, { ...init, redirect: 'error' });

export function createClient(options: ClientOptions): Client {
  const { name, fetcher, token, inProcess = false } = options;
  const brokenExit = inProcess ? EXIT.machine : EXIT.remote;
  async function call<T>(path: string, how: CallOptions = {}): Promise<T> {
    const { method = 'GET', body, authorized = false, timeoutMs = TIMEOUT_MS } = how;
    const headers: Record<string, string> = { accept: 'application/json' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    // The token goes only where it is asked for: any other server must not learn it.
    if (authorized && token !== undefined) headers['authorization'] = `Bearer ${token}`;
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
    if (body !== undefined) init.body = JSON.stringify(body);
    const { response, text } = await answer(name, () => fetcher(path, init));
    if (!response.ok) throw failure(name, response.status, text, brokenExit);
    if (text === '') return undefined as T;
    try {
      return JSON.parse(text, keepAmounts) as T;
    } catch (cause) {
      throw remote(`Error: the node at ${name} answers no JSON.`, cause);
    }
  }
  return {
    name,
    fetch: fetcher,
    call,
    async find<T>(path: string): Promise<T | undefined> {
      try {
        return await call<T>(path);
      } catch (error) {
        if (error instanceof CliError && error.problem.status === 404) return undefined;
        throw error;
      }
    },
  };
}

async function answer(
  name: string,
  ask: () => Promise<Response>,
): Promise<{ response: Response; text: string }> {
  try {
    const response = await ask();
    const length = Number(response.headers.get('content-length') ?? 0);
    if (length > ANSWER_BYTES_MAX) throw new Error('the answer is too long');
    return { response, text: await response.text() };
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'TimeoutError') {
      throw remote(`Error: the node at ${name} does not answer in time.`, cause);
    }
    throw remote(`Error: the node at ${name} cannot be reached.`, cause);
  }
}

/** A number printed as it was read: a float would show 0.00000001 as 1e-8. */
function keepAmounts(key: string, value: unknown, context?: { source?: string }): unknown {
  if (key !== 'value' || typeof value !== 'number' || context?.source === undefined) return value;
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(context.source);
}

function failure(name: string, status: number, text: string, brokenExit: ExitCode): CliError {
  const problem = parseProblem(text);
  if (status >= 500) {
    const message = `Error: the node at ${name} answers ${status}${problem ? `: ${problem.detail}` : ''}.`;
    return new CliError(message, {
      exit: brokenExit,
      code: 'unavailable',
      status,
      ...(problem && { problem }),
    });
  }
  const detail = problem?.detail ?? (text.slice(0, 200).split('\n')[0] || `status ${status}`);
  return new CliError(`Error: ${detail}`, {
    exit: EXIT.refused,
    code: problem?.code ?? 'invalid-request',
    status,
    ...(problem && { problem }),
  });
}

function parseProblem(text: string): Problem | undefined {
  try {
    const problem = JSON.parse(text) as Partial<Problem> | null;
    return typeof problem?.code === 'string' && typeof problem.detail === 'string'
      ? (problem as Problem)
      : undefined;
  } catch {
    return undefined;
  }
}
