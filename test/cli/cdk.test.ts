/** What is said when the CDK fails: the app's own sentence, by the CDK's real command line. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runCdk } from '../../cli/cloud/cdk.ts';
import { cleanEnv } from '../../cli/cloud/emulator.ts';
import { tempDir } from '../helpers/cli.ts';

const failureOf = async (script: string, note?: (line: string) => void): Promise<string> => {
  const cwd = tempDir();
  writeFileSync(join(cwd, 'app.mjs'), script);
  writeFileSync(join(cwd, 'cdk.json'), JSON.stringify({ app: 'node app.mjs' }));
  mkdirSync(join(cwd, 'home'));
  const env = { ...cleanEnv(), HOME: join(cwd, 'home') };
  const failure = await runCdk(['synth'], { cwd, env, ...(note && { note }) }).catch(
    (error: Error) => error.message,
  );
  return String(failure);
};

it('an app that refuses is heard, not that it ended', async () => {
  const script = "const fail = (text) => { throw new Error(text); };\nfail('-c nodes=… is wrong');";
  expect(await failureOf(script)).toBe('Error: cdk synth failed: -c nodes=… is wrong');
}, 60_000);

it('one that says nothing is said to have ended', async () => {
  expect(await failureOf('process.exit(7);')).toMatch(
    /^Error: cdk synth failed: node app\.mjs: Subprocess exited with error 7$/,
  );
}, 60_000);

it('what comes in pieces is heard by the line', async () => {
  const script = `process.stderr.write('one ha');
setTimeout(() => { process.stderr.write('lf\\n'); setTimeout(() => process.exit(7), 300); }, 300);`;
  const lines: string[] = [];
  await failureOf(script, (line) => lines.push(line));
  expect(lines).toEqual(expect.arrayContaining(['one half']));
}, 60_000);
