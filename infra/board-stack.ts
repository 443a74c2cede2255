/** One dashboard for all nodes of the app: every widget shows all nodes side by side. */
import { Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { Dashboard, GraphWidget, type IMetric, type IWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { ownMetric } from './constructs/observability.ts';
import { FUNCTION_NAMES } from './names.ts';
import type { NodeStack } from './node-stack.ts';

const FIVE_MINUTES = Duration.minutes(5);
const WIDTH = 12;

export interface BoardStackProps extends StackProps {
  readonly networkName: string;
  readonly spacingSeconds: number;
  readonly nodes: readonly NodeStack[];
}

export class BoardStack extends Stack {
  constructor(scope: Construct, id: string, props: BoardStackProps) {
    super(scope, id, props);
    const { nodes, networkName } = props;
    const board = new Dashboard(this, 'Board', { dashboardName: `stackchain-${networkName}` });
    const graphs = [...chainGraphs(nodes, props.spacingSeconds), ...hostGraphs(nodes)];
    for (let at = 0; at < graphs.length; at += 2) board.addWidgets(...graphs.slice(at, at + 2));
  }
}

type OwnOf = Parameters<typeof ownMetric>[1];

const own = (nodes: readonly NodeStack[], name: OwnOf, statistic: string): IMetric[] =>
  nodes.map(({ nodeId }) =>
    ownMetric(nodeId, name, { statistic, period: FIVE_MINUTES, label: nodeId.node }),
  );

function chainGraphs(nodes: readonly NodeStack[], spacing: number): IWidget[] {
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

function hostGraphs(nodes: readonly NodeStack[]): IWidget[] {
  const of = (make: (node: NodeStack) => IMetric[]): IMetric[] => nodes.flatMap(make);
  const sum = { statistic: 'Sum', period: FIVE_MINUTES };
  const most = { statistic: 'Maximum', period: FIVE_MINUTES };
  return [
    new GraphWidget({
      title: 'Queue age, seconds; dead letters',
      left: of(({ gossip }) => [gossip.inbox.metricApproximateAgeOfOldestMessage(most)]),
      right: of(({ gossip }) => [gossip.dlq.metricApproximateNumberOfMessagesVisible(most)]),
      width: WIDTH,
    }),
    new GraphWidget({
      title: 'API: latency p99, ms; errors',
      left: of(({ api }) => [api.api.metricLatency({ statistic: 'p99', period: FIVE_MINUTES })]),
      right: of(({ api }) => [api.api.metricServerError(sum), api.api.metricClientError(sum)]),
      width: WIDTH,
    }),
    new GraphWidget({
      title: 'Function errors',
      left: of(({ functions }) =>
        FUNCTION_NAMES.map((name) => functions.all[name].metricErrors(sum)),
      ),
      width: WIDTH,
    }),
    new GraphWidget({
      title: 'Chain table: units; throttles',
      left: of(({ store }) => [
        store.chain.metricConsumedWriteCapacityUnits(sum),
        store.chain.metricConsumedReadCapacityUnits(sum),
      ]),
      right: of(({ store }) => [
        store.chain.metric('WriteThrottleEvents', {
          ...sum,
          dimensionsMap: { TableName: store.chain.tableName },
        }),
      ]),
      width: WIDTH,
    }),
  ];
}
