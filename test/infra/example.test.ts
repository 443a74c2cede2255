/** The app that docs/cdk.md shows is this very file, and it synthesizes. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { afterAll, expect, it } from 'vitest';
import { makeApp } from '../../infra/example.ts';

const dir = mkdtempSync(join(tmpdir(), 'stackchain-example-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('is what docs/cdk.md shows', () => {
  expect(readFileSync('docs/cdk.md', 'utf8')).toContain(readFileSync('infra/example.ts', 'utf8'));
});

it('makes two nodes with a miner that is called, whose alarms tell a topic', () => {
  const app = makeApp(join(dir, 'network.json'));
  const stacks = app.synth().stacks.map(({ stackName }) => stackName);
  expect(stacks.sort()).toEqual(['Node-alpha', 'Node-beta', 'Ops']);
  const alpha = Template.fromStack(app.node.findChild('Node-alpha') as Stack);
  alpha.resourceCountIs('AWS::Lambda::Function', 6);
  alpha.resourceCountIs('AWS::Budgets::Budget', 1);
  const alarms = Object.values(alpha.findResources('AWS::CloudWatch::Alarm'));
  expect(alarms.length).toBeGreaterThan(2);
  for (const alarm of alarms) {
    expect(JSON.stringify(alarm['Properties'].AlarmActions)).toContain('Ops');
  }
});
