/**
 * What a Fargate task runs: the bundle, brought by the very command of the template's init container
 * into a folder that holds nothing else, and run from there. `aws` is one that copies from the assembly.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundleAll } from '../../infra/bundle.ts';
import { tempDir } from '../helpers/cli.ts';
import { FakeSource, until } from '../unit/miner/fake-source.ts';
import { serveSource } from '../unit/miner/serve-source.ts';
import { resourcesOf, synth } from './helpers.ts';

const ADDRESS = '1eA9ctCNq41iLLnQErtTUVdxpRyZ9hZmW';
const LINE_CHARS_MAX = 2_000;

interface Container {
  readonly Name: string;
  readonly EntryPoint: readonly string[];
  readonly Command: readonly { 'Fn::Join': [string, (string | { 'Fn::Sub': string })[]] }[];
}

const dir = tempDir();
const miner = join(dir, 'opt');
let server: Server | undefined;
let child: ChildProcess | undefined;

/** The init container's command as its shell gets it. */
function fetchCommand(): { shell: readonly string[]; command: string; assembly: string } {
  const { app, template } = synth(1, {
    miner: 'fargate',
    bundles: bundleAll(join(dir, 'bundles')),
  });
  const [[, task] = []] = resourcesOf(template(), 'AWS::ECS::TaskDefinition');
  const containers = task?.Properties['ContainerDefinitions'] as Container[];
  const found = containers.find(({ Name }) => Name === 'fetch');
  const [, parts] = found?.Command[0]?.['Fn::Join'] ?? ['', []];
  const command = parts.map((part) => (typeof part === 'string' ? part : part['Fn::Sub'])).join('');
  return { shell: found?.EntryPoint ?? [], command, assembly: app.synth().directory };
}

beforeAll(() => {
  const { shell, command, assembly } = fetchCommand();
  const bin = join(dir, 'bin');
  for (const each of [bin, miner]) mkdirSync(each);
  // `aws s3 cp s3://BUCKET/HASH.mjs FILE`: an asset is called by its hash in the assembly too.
  const copy = `#!/bin/sh\ncp "${assembly}/asset.\${3##*/}" "$4"\n`;
  writeFileSync(join(bin, 'aws'), copy, { mode: 0o755 });
  const [sh = '', ...flags] = shell;
  const here = command.replaceAll('/opt/miner', miner).replaceAll('$', '\\$');
  // No other tool is promised by the image.
  execFileSync(`/bin/${sh}`, [...flags, here], { env: { PATH: `${bin}:/bin` }, stdio: 'pipe' });
}, 120_000);
afterAll(() => {
  child?.kill('SIGKILL');
  server?.close();
});

const run = (args: readonly string[]): ChildProcess =>
  spawn(process.execPath, [join(miner, 'main.mjs'), ...args], { cwd: dir, env: {}, stdio: 'pipe' });

it('is main, thread and their maps, and mines', async () => {
  expect(readdirSync(miner)).toEqual(['main.mjs', 'main.mjs.map', 'worker.mjs', 'worker.mjs.map']);
  const source = new FakeSource(20_000);
  const served = await serveSource(source);
  server = served.server;
  child = run(['-o', served.url, '-a', ADDRESS, '-t', '1']);
  await until(() => source.accepted.length >= 2, 60_000);
}, 90_000);

it('says in few words why it cannot host its node', async () => {
  const failed = run(['--store']);
  let said = '';
  failed.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  const code = await new Promise((resolve) => failed.once('close', resolve));
  expect([code, said.split('\n')[0]]).toEqual([1, 'Error: STACKCHAIN_NETWORK_FILE is not set']);
  expect(said.length).toBeLessThan(LINE_CHARS_MAX);
}, 60_000);
