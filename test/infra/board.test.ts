/** The dashboard knows its nodes by name: each name is one that a node's stack gives a resource. */
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, it } from 'vitest';
import { BoardStack } from '../../infra/board-stack.ts';
import { NETWORK, resourcesOf, synth } from './helpers.ts';

const { app, stacks, template } = synth(3, { miner: 'lambda' });
const board = Template.fromStack(
  new BoardStack(app, 'Stackchain-board', {
    networkName: NETWORK.name,
    spacingSeconds: NETWORK.spacingSeconds,
    nodes: stacks.map(({ nodeId }) => nodeId.node),
    lambdaMiners: true,
  }),
);

/** What AWS sends of its own, by its documentation of each service. */
const SENT_BY_AWS: Record<string, readonly string[]> = {
  'AWS/SQS': ['ApproximateAgeOfOldestMessage', 'ApproximateNumberOfMessagesVisible'],
  'AWS/Lambda': ['Duration', 'Errors', 'Throttles'],
  'AWS/DynamoDB': [
    'ConsumedReadCapacityUnits',
    'ConsumedWriteCapacityUnits',
    'ReadThrottleEvents',
    'WriteThrottleEvents',
  ],
};
/** Which resource a dimension names, and by which of its properties. */
const NAMED_BY: Record<string, readonly [type: string, property: string]> = {
  QueueName: ['AWS::SQS::Queue', 'QueueName'],
  FunctionName: ['AWS::Lambda::Function', 'FunctionName'],
  TableName: ['AWS::DynamoDB::Table', 'TableName'],
};

interface Line {
  readonly namespace: string;
  readonly metric: string;
  readonly dimension: string;
  readonly value: string;
}

/** The dashboard's body is text with the region joined in. */
function bodyOf(): { widgets: { properties: { metrics?: unknown[][] } }[] } {
  const [, { Properties }] = resourcesOf(board, 'AWS::CloudWatch::Dashboard')[0]!;
  const join = Properties['DashboardBody'] as { 'Fn::Join': [string, unknown[]] };
  const text = join['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'region'));
  return JSON.parse(text.join(''));
}

const rows = bodyOf().widgets.flatMap(({ properties }) => properties.metrics ?? []);
const lines: Line[] = rows
  .filter((row) => String(row[0]).startsWith('AWS/'))
  .map(([namespace, metric, dimension, value]) => ({
    namespace: String(namespace),
    metric: String(metric),
    dimension: String(dimension),
    value: String(value),
  }));

describe('the board', () => {
  it('shows metrics that AWS sends, of resources that the stacks name', () => {
    expect(lines.length).toBeGreaterThan(3 * 10);
    const names = (type: string, property: string): unknown[] =>
      stacks.flatMap((_, i) =>
        resourcesOf(template(i), type).map(([, { Properties }]) => Properties[property]),
      );
    for (const { namespace, metric, dimension, value } of lines) {
      expect(SENT_BY_AWS[namespace], namespace).toContain(metric);
      const named = NAMED_BY[dimension];
      expect(named && names(...named), `${dimension} ${value}`).toContain(value);
    }
  });

  it('shows every node in every graph of resources', () => {
    for (const { nodeId } of stacks) {
      const own = lines.filter(({ value }) => value.includes(`-${nodeId.node}-`));
      expect(own.length * stacks.length, nodeId.node).toBe(lines.length);
    }
  });

  it('searches for what API Gateway files by an id that no name gives', () => {
    const searches = rows.flatMap(([row]) => {
      const { expression } = row as { expression?: string };
      return expression === undefined ? [] : [expression];
    });
    expect(searches).toEqual(
      ["\"Latency\"', 'p99'", "\"4xx\"', 'Sum'", "\"5xx\"', 'Sum'"].map(
        (end) => `SEARCH('{AWS/ApiGateway,ApiId} MetricName=${end}, 300)`,
      ),
    );
  });

  it('imports nothing, and no node’s stack exports anything', () => {
    const nodes = stacks.map((_, i) => template(i).toJSON());
    expect(JSON.stringify(board.toJSON())).not.toMatch(/ImportValue|GetStackOutput/);
    for (const each of nodes) {
      const outputs = Object.values(each['Outputs'] as Record<string, object>);
      expect(outputs.filter((output) => 'Export' in output)).toEqual([]);
    }
    const assembly = app.synth();
    const needs = (id: string): string[] =>
      assembly.getStackByName(id).dependencies.flatMap(({ id }) => id);
    expect(needs('Stackchain-board').filter((id) => id.includes('Stackchain-'))).toEqual([
      'Stackchain-board.assets',
    ]);
  });
});
