/**
 * What would tell that a node is ill. Owns alarms that a fault can reach; every metric that is named
 * here is one that AWS or functions/telemetry.ts sends (a test holds them together).
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
import { METRIC_NAMESPACE, type NodeId } from '../names.ts';

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
/** A peer that is away is called every 15 to 20 minutes: two failures in so many periods of five. */
const AWAY_PERIODS = 8;
const AWAY_FAILURES = 2;
const FIVE_MINUTES = Duration.minutes(5);
const MINUTE_SECONDS = 60;
/** CloudWatch looks no further back. */
const PERIOD_MINUTES_MAX = 24 * 60;
/** Two hourly calls may fail to find a block in time; a third is a fault. */
const CALLED_PATIENCE = Duration.hours(3);

export interface NodeAlarmsProps {
  readonly id: NodeId;
  readonly inbox: Queue;
  readonly dlq: Queue;
  /** All of the node's, by name. */
  readonly functions: Readonly<Record<string, LambdaFunction>>;
  readonly spacingSeconds: number;
  /** `running`: one that never stops. `called`: one that sleeps, and mines a block an hour. */
  readonly miner: 'none' | 'running' | 'called';
  /** Called by the breaker's alarm. */
  readonly breaker: IAlarmAction;
}

export class NodeAlarms extends Construct {
  constructor(scope: Construct, name: string, props: NodeAlarmsProps) {
    super(scope, name);
    this.#queueAlarms(props);
    this.#peerAlarm(props);
    if (props.miner === 'running') this.#runningMinerAlarms(props);
    if (props.miner === 'called') this.#calledMinerAlarms(props);
    this.#errorAlarms(props);
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

  #peerAlarm({ id }: NodeAlarmsProps): void {
    new Alarm(this, 'PeerAway', {
      alarmDescription: 'A configured peer, or its queue, is not reached.',
      metric: ownMetric(id, 'SendsFailed', { period: FIVE_MINUTES, statistic: 'Sum' }),
      threshold: 0,
      comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
      evaluationPeriods: AWAY_PERIODS,
      datapointsToAlarm: AWAY_FAILURES,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
  }

  #runningMinerAlarms({ id, spacingSeconds }: NodeAlarmsProps): void {
    const patience = Math.ceil((spacingSeconds * SPACINGS_WITHOUT_BLOCK) / MINUTE_SECONDS);
    const minutes = Math.min(Math.max(1, patience), PERIOD_MINUTES_MAX);
    new Alarm(this, 'NoBlock', {
      alarmDescription: 'No block in ten spacings although a miner is on.',
      metric: ownMetric(id, 'BlocksConnected', {
        period: Duration.minutes(minutes),
        statistic: 'Sum',
      }),
      ...NOTHING,
    });
    new Alarm(this, 'NoHashRate', {
      alarmDescription: 'The miner reports no hash rate.',
      metric: ownMetric(id, 'HashRate', { period: FIVE_MINUTES, statistic: 'Average' }),
      ...NOTHING,
    });
  }

  /** It rests most of the time: that it hashes now, or has of late, says nothing. */
  #calledMinerAlarms({ id }: NodeAlarmsProps): void {
    new Alarm(this, 'NoBlock', {
      alarmDescription: 'No block in three hours although one is mined every hour.',
      metric: ownMetric(id, 'BlocksConnected', { period: CALLED_PATIENCE, statistic: 'Sum' }),
      ...NOTHING,
    });
  }

  #errorAlarms({ functions, miner }: NodeAlarmsProps): void {
    // Asleep, an alarm is a cost: the tick meets every five minutes what ails all of them.
    const isWatched = (each: string): boolean => miner !== 'none' || each === 'tick';
    for (const [each, fn] of Object.entries(functions).filter(([name]) => isWatched(name))) {
      new Alarm(this, `Errors-${each}`, {
        alarmDescription: `The function ${each} fails.`,
        metric: fn.metricErrors({ period: FIVE_MINUTES, statistic: 'Sum' }),
        threshold: 0,
        comparisonOperator: ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluationPeriods: 1,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      });
    }
  }
}

/** Where silence is the fault. */
const NOTHING = {
  threshold: 1,
  comparisonOperator: ComparisonOperator.LESS_THAN_THRESHOLD,
  evaluationPeriods: 1,
  treatMissingData: TreatMissingData.BREACHING,
};
