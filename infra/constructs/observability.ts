/**
 * What would tell that a node is ill. Owns alarms that a fault can reach; every metric that is named
 * here is one that AWS or lib/adapters/cloudwatch-telemetry.ts sends (a test holds them together).
 */
import { Duration } from 'aws-cdk-lib';
import {
  Alarm,
  ComparisonOperator,
  type IAlarmAction,
  Metric,
  type MetricOptions,
  TreatMissingData,
} from 'aws-cdk-lib/aws-cloudwatch';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { MetricName } from '../../lib/ports/telemetry.ts';
import { FUNCTION_NAMES, type FunctionName, METRIC_NAMESPACE, type NodeId } from '../names.ts';

export const ownMetric = (id: NodeId, metricName: MetricName, options: MetricOptions): Metric =>
  new Metric({
    namespace: METRIC_NAMESPACE,
    metricName,
    dimensionsMap: { Network: id.network, Node: id.node },
    ...options,
  });

/** Messages in five minutes above which strangers are shut out until `stackchain peers open`. */
const BREAKER_MESSAGES = 30_000;
const SPACINGS_WITHOUT_BLOCK = 10;
const FIVE_MINUTES = Duration.minutes(5);
const MINUTE_SECONDS = 60;

export interface NodeAlarmsProps {
  readonly id: NodeId;
  readonly inbox: Queue;
  readonly dlq: Queue;
  readonly functions: Readonly<Record<FunctionName, LambdaFunction>>;
  readonly spacingSeconds: number;
  readonly hasMiner: boolean;
  /** Called by the breaker's alarm. */
  readonly breaker: IAlarmAction;
}

export class NodeAlarms extends Construct {
  constructor(scope: Construct, name: string, props: NodeAlarmsProps) {
    super(scope, name);
    this.#queueAlarms(props);
    if (props.hasMiner) this.#minerAlarms(props);
  }

  #queueAlarms({ dlq, inbox, breaker }: NodeAlarmsProps): void {
    new Alarm(this, 'DlqNotEmpty', {
      alarmDescription:
        'A message failed five times: what is invalid is dropped, so this is a bug.',
      metric: dlq.metricApproximateNumberOfMessagesVisible({
        period: FIVE_MINUTES,
        statistic: 'Maximum',
      }),
      threshold: 0,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    const flood = new Alarm(this, 'Breaker', {
      alarmDescription: 'Flood of messages: senders of other accounts are shut out.',
      metric: inbox.metricNumberOfMessagesSent({ period: FIVE_MINUTES, statistic: 'Sum' }),
      threshold: BREAKER_MESSAGES,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    flood.addAlarmAction(breaker);
  }

  #minerAlarms({ id, functions, spacingSeconds }: NodeAlarmsProps): void {
    const minutes = Math.max(
      1,
      Math.ceil((spacingSeconds * SPACINGS_WITHOUT_BLOCK) / MINUTE_SECONDS),
    );
    const nothing = {
      threshold: 1,
      comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
      evaluationPeriods: 1,
      treatMissingData: TreatMissingData.BREACHING,
    };
    new Alarm(this, 'NoBlock', {
      alarmDescription: 'No block in ten spacings although a miner is on.',
      metric: ownMetric(id, 'BlocksConnected', {
        period: Duration.minutes(minutes),
        statistic: 'Sum',
      }),
      ...nothing,
    });
    new Alarm(this, 'NoHashRate', {
      alarmDescription: 'The miner reports no hash rate.',
      metric: ownMetric(id, 'HashRate', { period: FIVE_MINUTES, statistic: 'Average' }),
      ...nothing,
    });
    for (const each of FUNCTION_NAMES) {
      new Alarm(this, `Errors-${each}`, {
        alarmDescription: `The function ${each} fails.`,
        metric: functions[each].metricErrors({ period: FIVE_MINUTES, statistic: 'Sum' }),
        threshold: 0,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: 1,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
    }
  }
}
