/** Dashboards and alarms name only metrics that some code sends, and every metric is shown. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { expect, it } from 'vitest';
import { BoardStack } from '../../infra/board-stack.ts';
import { NETWORK, synth } from './helpers.ts';

/** Names that the sources hand to Telemetry.metric. */
function sentMetrics(): string[] {
  const files = execFileSync('git', ['ls-files', 'lib', 'miner', 'functions'], {
    encoding: 'utf8',
  });
  const names = new Set<string>();
  for (const file of files.split('\n').filter((name) => name.endsWith('.ts'))) {
    for (const [, name] of readFileSync(file, 'utf8').matchAll(/\bmetric\(\s*'([A-Za-z]+)'/g)) {
      if (name !== undefined) names.add(name);
    }
  }
  return [...names].sort();
}

it('agree with what is sent', () => {
  const { app, stacks } = synth(2, { miner: 'fargate' });
  const board = new BoardStack(app, 'Stackchain-board', {
    networkName: NETWORK.name,
    spacingSeconds: NETWORK.spacingSeconds,
    nodes: stacks.map(({ nodeId }) => nodeId.node),
  });
  const shown = JSON.stringify(Template.fromStack(board).toJSON());
  const alarms = JSON.stringify(
    Template.fromStack(stacks[0]!).findResources('AWS::CloudWatch::Alarm'),
  );
  const onBoard = [...shown.matchAll(/\\"Stackchain\\",\\"([A-Za-z]+)\\"/g)].map(
    ([, name]) => name,
  );
  const inAlarms = [...alarms.matchAll(/"MetricName":"([A-Za-z]+)","Namespace":"Stackchain"/g)].map(
    ([, name]) => name,
  );
  const sent = sentMetrics();
  expect(sent.length).toBe(9);
  expect([...new Set(onBoard)].sort()).toEqual(
    sent.filter((name) => !['BlocksConnected', 'SendsFailed'].includes(name)),
  );
  expect(new Set(inAlarms)).toEqual(new Set(['BlocksConnected', 'HashRate', 'SendsFailed']));
});
