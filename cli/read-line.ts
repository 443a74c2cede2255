/**
 * The one line that some commands read from stdin: a key, a phrase, a raw transaction. Asks for it
 * only on a terminal, unseen where it is a secret.
 */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { usage } from './errors.ts';
import { type Io, isInteractive } from './io.ts';

/** A transaction has at most a million bytes, two digits each. */
const LINE_CHARS_MAX = 2_100_000;

/** The first line of stdin that is not empty, without blanks at its ends. `what` names it. */
export async function readLine(
  io: Io,
  what: string,
  options: { readonly secret?: boolean } = {},
): Promise<string> {
  const isTerminal = io.stdin.isTTY === true;
  if (isTerminal && !isInteractive(io)) throw missing(what);
  if (isTerminal) io.stderr.write(`${what}: `);
  const line = isTerminal && options.secret === true ? await unseen(io) : await plain(io);
  const text = line.trim();
  if (text === '') throw missing(what);
  return text;
}

const missing = (what: string): Error => usage(`Error: ${what} is expected on stdin.`);

async function plain(io: Io): Promise<string> {
  let text = '';
  for await (const chunk of io.stdin) {
    text += String(chunk);
    if (text.length > LINE_CHARS_MAX) throw usage('Error: the line on stdin is too long.');
    const line = /^\s*(\S[^\n]*)\n/.exec(text)?.[1];
    if (line !== undefined) return line;
  }
  return text;
}

/** Readline edits the line; what it would echo goes nowhere. */
async function unseen(io: Io): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: io.stdin, output: nowhere, terminal: true });
  try {
    return await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('SIGINT', () => reject(usage('Error: interrupted.')));
      lines.once('close', () => resolve(''));
    });
  } finally {
    lines.close();
    io.stderr.write('\n');
  }
}
