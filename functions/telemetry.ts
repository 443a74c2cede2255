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
};

export interface AwsTelemetry extends Telemetry {
  /** Writes the metrics that were collected: before a handler ends, or the line is lost. */
  flush(): void;
}

export function createAwsTelemetry(about: {
  readonly network: string;
  readonly node: string;
  readonly service: string;
}): AwsTelemetry {
  const metrics = new Metrics({
    namespace: 'Stackchain',
    defaultDimensions: { Network: about.network, Node: about.node },
  });
  const logger = new Logger({ serviceName: about.service });
  let count = 0;
  return {
    metric(name, value) {
      metrics.addMetric(name, UNITS[name], value);
      count++;
    },
    log(level, message, fields = {}) {
      logger[level](message, { ...fields });
    },
    flush() {
      if (count === 0) return;
      count = 0;
      metrics.publishStoredMetrics();
    },
  };
}
