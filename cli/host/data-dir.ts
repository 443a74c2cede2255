/**
 * The data directory (interfaces section 3). Owns the names in it, the cookie, and `node.json`
 * with the question whether the node that wrote it is alive. Opens no database.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Credentials } from '../../lib/api/types.ts';
import { machine } from '../errors.ts';
import { tokenOfLine } from '../settings.ts';
import { readText, writeText } from './files.ts';
import { processStart } from './process-start.ts';

export const networkPath = (dir: string): string => join(dir, 'network.json');
export const chainPath = (dir: string): string => join(dir, 'chain');
const nodePath = (dir: string): string => join(dir, 'node.json');
const cookiePath = (dir: string): string => join(dir, '.cookie');

const SMALL_FILE_BYTES_MAX = 64 * 1024;
const COOKIE_USER = '__cookie__';
const COOKIE = /^__cookie__:[0-9a-f]{64}\s*$/;
/** A process cannot have written a file before it started, give or take the clocks' grain. */
const START_GRAIN_SECONDS = 2;

/** What a running node leaves for the commands beside it. */
export interface NodeFile {
  readonly pid: number;
  readonly url: string;
  /** The network's name. */
  readonly network: string;
  /** Unix seconds. */
  readonly startedAt: number;
}

/** The bearer token of the directory, made with the first call and kept. */
export function ensureToken(dir: string): string {
  // No newline: clients send the file as it is (Core writes none either).
  const made = `${COOKIE_USER}:${randomBytes(32).toString('hex')}`;
  const path = cookiePath(dir);
  const line = readText(path, SMALL_FILE_BYTES_MAX);
  if (line === undefined && writeText(path, made, { once: true, secret: true })) {
    return tokenOfLine(made);
  }
  const kept = line ?? readText(path, SMALL_FILE_BYTES_MAX) ?? '';
  if (!COOKIE.test(kept)) throw machine(`Error: ${path} is damaged: remove it.`, 'cookie-damaged');
  return tokenOfLine(kept);
}

/** The directory's token, if a node ever ran there. */
export function readToken(dir: string): string | undefined {
  const line = readText(cookiePath(dir), SMALL_FILE_BYTES_MAX);
  return line !== undefined && COOKIE.test(line) ? tokenOfLine(line) : undefined;
}

/** Who may write: the token as bearer or as the cookie's password, or the RPC user of the flags. */
export function createAuthorize(
  token: string,
  rpc?: { readonly user: string; readonly password: string },
): (credentials: Credentials) => Promise<boolean> {
  return async ({ bearer, user, password }) => {
    if (bearer !== undefined && same(bearer, token)) return true;
    if (user === undefined || password === undefined) return false;
    if (user === COOKIE_USER) return same(password, token);
    return rpc !== undefined && same(user, rpc.user) && same(password, rpc.password);
  };
}

/** Compares without telling by its time how much was right. */
function same(given: string, wanted: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(wanted);
  if (a.length !== b.length) return false;
  return timingSafeEqual(a, b);
}

export function writeNodeFile(dir: string, file: NodeFile): void {
  const { pid, url, network, startedAt } = file;
  writeText(nodePath(dir), `${JSON.stringify({ pid, url, network, startedAt })}\n`);
}

/** Takes the file away if it is still this process's. */
export function removeNodeFile(dir: string, url: string): void {
  const file = parseNodeFile(dir);
  if (file?.pid === process.pid && file.url === url) rmSync(nodePath(dir), { force: true });
}

/**
 * What `node.json` says, if the process that wrote it may still run: its pid lives and did not
 * start after the file was written. Whether it answers is for the caller to see.
 */
export async function liveNodeFile(dir: string): Promise<NodeFile | undefined> {
  const file = parseNodeFile(dir);
  if (file === undefined || !isAlive(file.pid)) return undefined;
  const startedAt = await processStart(file.pid);
  if (startedAt !== undefined && startedAt > file.startedAt + START_GRAIN_SECONDS) return undefined;
  return file;
}

function parseNodeFile(dir: string): NodeFile | undefined {
  const text = readText(nodePath(dir), SMALL_FILE_BYTES_MAX);
  if (text === undefined) return undefined;
  try {
    const file = JSON.parse(text) as Partial<NodeFile> | null;
    const { pid, url, network, startedAt } = file ?? {};
    const isWhole =
      Number.isSafeInteger(pid) &&
      Number(pid) > 0 &&
      typeof url === 'string' &&
      /^https?:\/\//.test(url) &&
      typeof network === 'string' &&
      typeof startedAt === 'number';
    return isWhole ? ({ pid, url, network, startedAt } as NodeFile) : undefined;
  } catch {
    // Nobody but us writes it, and it says nothing that the chain does not: as good as none.
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Another user's process: alive, and not ours to signal.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
