/**
 * One dashboard for all nodes of the app: every widget shows all nodes side by side. It knows their
 * resources by name, never by reference: a reference would be an export of the node's stack, and a
 * stack whose export is in use can be neither destroyed nor left out of the app.
 */
import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import {
  Dashboard,
  GraphWidget,
  type IMetric,
  type IWidget,
  MathExpression,
  Metric,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { ownMetric } from './constructs/observability.ts';
import {
  type AnyFunctionName,
  chainTableName,
  dlqName,
  FUNCTION_NAMES,
  type FunctionName,
  functionName,
  inboxName,
  type NodeId,
} from './names.ts';

const FIVE_MINUTES = Duration.minutes(5);
const WIDTH = 12;
/** The functions that answer the API. */
const API_FUNCTIONS: readonly FunctionName[] = ['public', 'private'];

export interface BoardStackProps extends StackProps {
  readonly networkName: string;
  readonly spacingSeconds: number;
  /** Their names, as in NodeStackProps; all in the board's account and region. */
  readonly nodes: readonly string[];
  /** Their miners are functions too. Default false. */
  readonly lambdaMiners?: boolean;
}

export class BoardStack extends Stack {
  constructor(scope: Construct, id: string, props: BoardStackProps) {
    super(scope, id, props);
    const { networkName: network } = props;
    const nodes = props.nodes.map((node) => ({ network, node }));
    const board = new Dashboard(this, 'Board', { dashboardName: `stackchain-${network}` });
    const graphs = [
      ...chainGraphs(nodes, props.spacingSeconds),
      ...apiGraphs(nodes),
      ...hostGraphs(
        nodes,
        props.lambdaMiners === true ? [...FUNCTION_NAMES, 'mine'] : FUNCTION_NAMES,
      ),
    ];
    for (let at = 0; at < graphs.length; at += 2) board.addWidgets(...graphs.slice(at, at + 2));
  }
}

type OwnOf = Parameters<typeof ownMetric>[1];

const own = (nodes: readonly NodeId[], name: OwnOf, statistic: string): IMetric[] =>
  nodes.map((id) => ownMetric(id, name, { statistic, period: FIVE_MINUTES, label: id.node }));

interface AwsMetric {
  readonly namespace: string;
  readonly metricName: string;
  /** The one dimension, and what it is for a node. */
  readonly dimension: string;
  readonly nameOf: (id: NodeId) => string;
  readonly statistic: string;
}

/** AWS's own metric of one resource of every node. */
const aws = (nodes: readonly NodeId[], of: AwsMetric): IMetric[] =>
  nodes.map(
    (id) =>
      new Metric({
        namespace: of.namespace,
        metricName: of.metricName,
        dimensionsMap: { [of.dimension]: of.nameOf(id) },
        statistic: of.statistic,
        period: FIVE_MINUTES,
        label: `${of.nameOf(id)} ${of.metricName}`,
      }),
  );

const ofFunctions = (
  nodes: readonly NodeId[],
  names: readonly AnyFunctionName[],
  metricName: string,
  statistic: string,
): IMetric[] =>
  names.flatMap((name) =>
    aws(nodes, {
      namespace: 'AWS/Lambda',
      dimension: 'FunctionName',
      nameOf: (id) => functionName(id, name),
      metricName,
      statistic,
    }),
  );

const ofQueues = (
  nodes: readonly NodeId[],
  nameOf: (id: NodeId) => string,
  metricName: string,
): IMetric[] =>
  aws(nodes, {
    namespace: 'AWS/SQS',
    dimension: 'QueueName',
    nameOf,
    metricName,
    statistic: 'Maximum',
  });

const ofChainTables = (nodes: readonly NodeId[], metricName: string): IMetric[] =>
  aws(nodes, {
    namespace: 'AWS/DynamoDB',
    dimension: 'TableName',
    nameOf: chainTableName,
    metricName,
    statistic: 'Sum',
  });

function chainGraphs(nodes: readonly NodeId[], spacing: number): IWidget[] {
  const graph = (title: string, left: IMetric[]): GraphWidget =>
    new GraphWidget({ title, left, width: WIDTH });
  const interval = new GraphWidget({
    title: 'Block interval, seconds',
    left: own(nodes, 'BlockInterval', 'Average'),
    leftAnnotations: [{ value: spacing, label: 'target' }],
    width: WIDTH,
  });
  return [
    graph('Tip height', own(nodes, 'TipHeight', 'Maximum')),
    interval,
    graph('Hash rate, H/s', own(nodes, 'HashRate', 'Average')),
    new GraphWidget({
      title: 'Blocks found and stale',
      left: own(nodes, 'BlocksFound', 'Sum'),
      right: own(nodes, 'BlocksStale', 'Sum'),
      width: WIDTH,
    }),
    graph('Reorganisation depth, blocks', own(nodes, 'ReorgDepth', 'Maximum')),
    graph('Mempool, transactions', own(nodes, 'MempoolTx', 'Maximum')),
  ];
}

/**
 * API Gateway files its metrics by an id that AWS chooses. So a node's latency is that of the
 * functions that answer, which have names, and what the gateway itself counts is searched for: the
 * search finds every HTTP API of the account and region.
 */
function apiGraphs(nodes: readonly NodeId[]): IWidget[] {
  const seconds = FIVE_MINUTES.toSeconds();
  const gateway = (metricName: string, statistic: string): IMetric =>
    new MathExpression({
      expression: `SEARCH('{AWS/ApiGateway,ApiId} MetricName="${metricName}"', '${statistic}', ${seconds})`,
      usingMetrics: {},
      label: metricName,
      period: FIVE_MINUTES,
    });
  return [
    new GraphWidget({
      title: 'API: latency p99, ms; failed and throttled calls',
      left: ofFunctions(nodes, API_FUNCTIONS, 'Duration', 'p99'),
      right: [
        ...ofFunctions(nodes, API_FUNCTIONS, 'Errors', 'Sum'),
        ...ofFunctions(nodes, API_FUNCTIONS, 'Throttles', 'Sum'),
      ],
      width: WIDTH,
    }),
    new GraphWidget({
      title: 'API Gateway, every API of this region: latency p99, ms; answers 4xx and 5xx',
      left: [gateway('Latency', 'p99')],
      right: [gateway('4xx', 'Sum'), gateway('5xx', 'Sum')],
      width: WIDTH,
    }),
  ];
}

function hostGraphs(nodes: readonly NodeId[], functions: readonly AnyFunctionName[]): IWidget[] {
  return [
    new GraphWidget({
      title: 'Queue age, seconds; dead letters',
      left: ofQueues(nodes, inboxName, 'ApproximateAgeOfOldestMessage'),
      right: ofQueues(nodes, dlqName, 'ApproximateNumberOfMessagesVisible'),
      width: WIDTH,
    }),
    new GraphWidget({
      title: 'Function errors',
      left: ofFunctions(nodes, functions, 'Errors', 'Sum'),
      width: WIDTH,
    }),
    new GraphWidget({
      title: 'Chain table: units; throttles',
      left: [
        ...ofChainTables(nodes, 'ConsumedWriteCapacityUnits'),
        ...ofChainTables(nodes, 'ConsumedReadCapacityUnits'),
      ],
      right: [
        ...ofChainTables(nodes, 'WriteThrottleEvents'),
        ...ofChainTables(nodes, 'ReadThrottleEvents'),
      ],
      width: WIDTH,
    }),
  ];
}
