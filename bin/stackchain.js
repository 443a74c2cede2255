#!/usr/bin/env node
/**
 * The command `stackchain`, plain JavaScript that any Node may start. Owns the choice of the Node
 * that does the work: in a checkout one that runs the TypeScript sources (the project's own Node 24
 * where the system's is older), in an installed package the user's, if it is new enough.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const NODE_MIN = [22, 0];
/** From here on Node strips types without a flag. */
const SOURCES_MIN = [22, 18];
const EXIT_MACHINE = 3;

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'cli', 'main.ts');
const built = join(root, 'dist', 'cli', 'main.js');

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isAtLeast = ([a, b]) => major > a || (major === a && minor >= b);

function fail(sentence) {
  process.stderr.write(`Error: ${sentence}\n`);
  process.exitCode = EXIT_MACHINE;
}

/** Node has no exec here, so this process stays as a shell around the other one. */
function runWith(node) {
  const name = process.platform === 'win32' ? `${node}.exe` : node;
  // The channel tells the other process when this one was killed outright: nothing is left running.
  const child = spawn(name, [sources, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) =>
    fail(`the project's own Node cannot be started (${error.message}).`),
  );
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal ?? 'SIGTERM'] ?? 0);
    if (child.connected) child.disconnect();
  });
}

if (existsSync(sources)) {
  const own = join(root, 'node_modules', 'node', 'bin', 'node');
  if (isAtLeast(SOURCES_MIN)) await import(pathToFileURL(sources).href);
  else if (existsSync(own) || existsSync(`${own}.exe`)) runWith(own);
  else fail(`Node ${process.versions.node} cannot run the sources: run "npm ci" first.`);
} else if (!isAtLeast(NODE_MIN)) {
  fail(`stackchain needs Node ${NODE_MIN[0]} or later; this is Node ${process.versions.node}.`);
} else {
  await import(pathToFileURL(built).href);
}
