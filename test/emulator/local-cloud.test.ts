/**
 * `stackchain deploy --local` as a user runs it and ends it: at every stage Ctrl-C is no failure, and
 * whatever ends it, no process, no port and no directory is left.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findPython, installEmulator } from '../../cli/cloud/emulator.ts';
import { toNetworkFile } from '../../lib/params/index.ts';
import { easyNetwork } from '../helpers/chain-builder.ts';
import { allowedMs } from '../helpers/quickest.ts';
import { describeWith } from '../helpers/tools.ts';
import { until } from './cloud.ts';

const BIN = fileURLToPath(new URL('../../bin/stackchain.js', import.meta.url));
const READY_MS = 900_000;
/** Less, so that what was waited for is said. */
const WAIT_MS = 400_000;
/** Five seconds on a machine of its own. */
const STOP_MS_MAX = 10_000;
const DEFAULT_PORT = 4600;
/** What a user may have about them, and what must go nowhere. */
const OWN = {
  AWS_ACCESS_KEY_ID: 'AKIAUSERSOWNKEY00000',
  AWS_SECRET_ACCESS_KEY: 'the-users-own-secret',
  AWS_SESSION_TOKEN: 'the-users-own-session',
  AWS_PROFILE: 'the-users-own-profile',
};

const python = await findPython();

describeWith(
  python,
  { name: 'a local cloud', missing: 'MiniStack needs Python 3.10 or later with venv' },
  () => {
    let home: string;
    let temp: string;
    let networkFile: string;

    beforeEach(async () => {
      await installEmulator();
      home = mkdtempSync(join(tmpdir(), 'stackchain-local-cloud-'));
      temp = join(home, 'tmp');
      mkdirSync(temp);
      networkFile = join(home, 'network.json');
      const params = easyNetwork({ powLimitBits: 0x1f00ffff, time: Math.floor(Date.now() / 1000) });
      writeFileSync(networkFile, JSON.stringify(toNetworkFile(params)));
    }, READY_MS);
    afterEach(() => rmSync(home, { recursive: true, force: true }));

    interface Run {
      readonly child: ChildProcess;
      readonly ended: Promise<{ code: number | null; signal: string | null }>;
      stdout(): string;
      stderr(): string;
      says(text: string): Promise<unknown>;
    }
    const start = (...more: string[]): Run => {
      const args = ['deploy', '--local', '--nodes', '1', '--network', networkFile, ...more];
      const { AWS_ENDPOINT_URL: _, ...env } = process.env;
      const child = spawn(process.execPath, [BIN, ...args], {
        env: { ...env, ...OWN, TMPDIR: temp, NO_COLOR: '1' },
        stdio: ['pipe', 'pipe', 'pipe'],
      });
      let stdout = '';
      let stderr = '';
      child.stdout.on('data', (chunk) => {
        stdout += chunk;
      });
      child.stderr.on('data', (chunk) => {
        stderr += chunk;
      });
      const said = async (): Promise<string> => stdout + stderr;
      return {
        child,
        ended: new Promise((resolve) => {
          child.once('close', (code, signal) => resolve({ code, signal }));
        }),
        stdout: () => stdout,
        stderr: () => stderr,
        says: (text) => until(text, said, (all) => all.includes(text), WAIT_MS),
      };
    };

    /** Processes that know the run's own temporary directory: all that it started. */
    const leftOver = (): string[] => {
      const all = execFileSync('ps', ['axeww', '-o', 'pid=,command='], {
        encoding: 'utf8',
        maxBuffer: 1e8,
      });
      return all.split('\n').filter((line) => line.includes(temp) && !line.includes('axeww'));
    };
    const nothingLeft = async (): Promise<void> => {
      await until(
        'no process',
        async () => leftOver(),
        (lines) => lines.length === 0,
      );
      await until(
        'no directory',
        async () => readdirSync(temp),
        (names) => names.length === 0,
      );
    };
    const isBusy = (port: number): Promise<boolean> =>
      fetch(`http://127.0.0.1:${port}/_ministack/health`).then(
        () => true,
        () => false,
      );
    const portOf = (run: Run): number =>
      Number(/http:\/\/127\.0\.0\.1:(\d+)\//.exec(run.stdout())?.[1]);

    it(
      'is ready, follows the network, and ends at q with nothing left',
      async () => {
        const run = start();
        await run.says('Ready.');
        expect(run.stdout()).toMatch(
          /^node0 http:\/\/127\.0\.0\.1:\d+\/_aws\/execute-api\/stackchain-node0\nReady\.\n$/,
        );
        expect(run.stderr()).toMatch(/^node0 token [0-9a-f]{64}$/m);
        // Progress, and then blocks.
        for (const line of ['cdk bootstrap', 'templates made', 'Stackchain-node0: done']) {
          expect(run.stderr()).toContain(line);
        }
        await until(
          'a block',
          async () => run.stderr(),
          (text) => /^node0 [1-9]/m.test(text),
          WAIT_MS,
        );
        expect(leftOver().length).toBeGreaterThan(0);
        // The emulator's own keys too lie where nothing is left of them.
        const files = readdirSync(temp, { recursive: true }).map(String);
        expect(files.filter((file) => file.endsWith('cognito-rsa-key.pem'))).toHaveLength(1);
        const port = portOf(run);
        expect(await isBusy(port)).toBe(true);
        const [, page = ''] = /^In a browser: (\S+)$/m.exec(run.stderr()) ?? [];
        expect(await (await fetch(page)).text()).toContain('<title>stackchain node</title>');
        // Its functions do not mine: they know it of the miner.
        await until(
          'a miner that is shown',
          async () => (await fetch(`${page}v1/node`)).text(),
          (text) => /"mining":{"active":true,"hashRate":[1-9]/.test(text),
          READY_MS,
        );
        const asked = performance.now();
        run.child.stdin?.write('q\n');
        expect(await run.ended).toEqual({ code: 0, signal: null });
        expect(performance.now() - asked).toBeLessThan(allowedMs(STOP_MS_MAX));
        expect(await isBusy(port)).toBe(false);
        await nothingLeft();
        for (const secret of Object.values(OWN)) {
          expect(run.stdout() + run.stderr()).not.toContain(secret);
        }
      },
      READY_MS,
    );

    it.each(['SIGINT', 'SIGTERM'] as const)(
      'ends by %s while it prepares',
      async (signal) => {
        const run = start();
        await run.says('Preparing the account');
        const asked = performance.now();
        run.child.kill(signal);
        expect(await run.ended).toEqual({ code: 0, signal: null });
        expect(performance.now() - asked).toBeLessThan(allowedMs(STOP_MS_MAX));
        expect(run.stdout()).toBe('');
        await nothingLeft();
      },
      READY_MS,
    );

    it(
      'ends by Ctrl-C while it deploys; a busy port was passed over',
      async () => {
        const holder = createServer();
        // Whoever holds it: it is busy.
        await new Promise<void>((resolve) => {
          holder.once('error', () => resolve());
          holder.listen(DEFAULT_PORT, '127.0.0.1', () => resolve());
        });
        const run = start();
        await run.says('Deploying 1 nodes');
        expect(run.stderr()).toContain(`Port ${DEFAULT_PORT} is busy, passed over.`);
        const asked = performance.now();
        run.child.kill('SIGINT');
        expect(await run.ended).toEqual({ code: 0, signal: null });
        expect(performance.now() - asked).toBeLessThan(allowedMs(STOP_MS_MAX));
        expect(run.stderr()).not.toContain('Error');
        await nothingLeft();
        holder.close();
      },
      READY_MS,
    );

    it(
      'killed outright, it leaves nothing either',
      async () => {
        const run = start();
        await run.says('Deploying 1 nodes');
        expect(leftOver().length).toBeGreaterThan(1);
        run.child.kill('SIGKILL');
        expect(await run.ended).toEqual({ code: null, signal: 'SIGKILL' });
        await nothingLeft();
      },
      READY_MS,
    );

    it(
      'says with --json what a program needs, and keeps quiet besides',
      async () => {
        const run = start('--json', '--miner', 'off');
        await run.says('"ready"');
        expect(JSON.parse(run.stdout())).toEqual({
          event: 'ready',
          nodes: [{ name: 'node0', url: expect.stringContaining('stackchain-node0') }],
        });
        expect(run.stderr()).toMatch(/^node0 token [0-9a-f]{64}\n$/);
        run.child.kill('SIGINT');
        expect((await run.ended).code).toBe(0);
        await nothingLeft();
      },
      READY_MS,
    );
  },
);
