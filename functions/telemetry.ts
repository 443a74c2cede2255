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

/** What a miner sends, beside a node that others host too. */
const OF_MINER: ReadonlySet<MetricName> = new Set(['HashRate', 'BlocksFound', 'BlocksStale']);

export interface AwsTelemetry extends Telemetry {
  /** Writes the metrics that were collected: before a handler ends, or the line is lost. */
  flush(): void;
}

function createMetrics(dimensions: Record<string, string>): Metrics {
  const metrics = new Metrics({ namespace: 'Stackchain' });
  // Its own default is a dimension `service`, under which no alarm of ours would find the metric.
  metrics.clearDefaultDimensions();
  metrics.setDefaultDimensions(dimensions);
  return metrics;
}

/**
 * `miner`: name of the miner in this process, if there is one: its metrics are found under the node,
 * as all are, and under its own name beside the node's other miners.
 */
export function createAwsTelemetry(about: {
  readonly network: string;
  readonly node: string;
  readonly service: string;
  readonly miner?: string;
}): AwsTelemetry {
  const { network: Network, node: Node, miner } = about;
  const ofNode = createMetrics({ Network, Node });
  const ofMiner = createMetrics({ Network, Node });
  const logger = new Logger({ serviceName: about.service });
  return {
    metric(name, value) {
      const metrics = OF_MINER.has(name) ? ofMiner : ofNode;
      metrics.addMetric(name, UNITS[name], value);
    },
    log(level, message, fields = {}) {
      logger[level](message, { ...fields });
    },
    flush() {
      if (ofNode.hasStoredMetrics()) ofNode.publishStoredMetrics();
      if (!ofMiner.hasStoredMetrics()) return;
      if (miner !== undefined) ofMiner.addDimensions({}).addDimensions({ Miner: miner });
      ofMiner.publishStoredMetrics();
    },
  };
}
