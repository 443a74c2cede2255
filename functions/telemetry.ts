/**
 * The Telemetry port on AWS: metrics as EMF lines, logs as JSON lines, both by Powertools. What is
 * logged are our own words and numbers: never an event, a header, a phrase or a key.
 */
import { Logger } from '@aws-lambda-powertools/logger';
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics';
import type { MetricName, Telemetry } from '../lib/ports/telemetry.ts';

const UNITS: Record<MetricName, (typeof MetricUnit)[keyof typeof MetricUnit]> = {
  TipHeight: MetricUnit.Count,
  BlockInterval: MetricUnit.Seconds,
  BlocksConnected: MetricUnit.Count,
  BlocksFound: MetricUnit.Count,
  BlocksStale: MetricUnit.Count,
  ReorgDepth: MetricUnit.Count,
  HashRate: MetricUnit.CountPerSecond,
  MempoolTx: MetricUnit.Count,
  SendsFailed: MetricUnit.Count,
};

export interface AwsTelemetry extends Telemetry {
  /** Writes the metrics that were collected: before a handler ends, or the line is lost. */
  flush(): void;
}

/**
 * `miner`: name of the miner in this process, if there is one. Its lines bear it as a property, so that
 * the logs tell the tasks of a node apart; as a dimension each metric would be billed once more.
 */
export function createAwsTelemetry(about: {
  readonly network: string;
  readonly node: string;
  readonly service: string;
  readonly miner?: string;
}): AwsTelemetry {
  const metrics = new Metrics({ namespace: 'Stackchain' });
  // Its own default is a dimension `service`, under which no alarm of ours would find the metric.
  metrics.clearDefaultDimensions();
  metrics.setDefaultDimensions({ Network: about.network, Node: about.node });
  const logger = new Logger({ serviceName: about.service });
  return {
    metric(name, value) {
      metrics.addMetric(name, UNITS[name], value);
    },
    log(level, message, fields = {}) {
      logger[level](message, { ...fields });
    },
    flush() {
      if (!metrics.hasStoredMetrics()) return;
      if (about.miner !== undefined) metrics.addMetadata('Miner', about.miner);
      metrics.publishStoredMetrics();
    },
  };
}
