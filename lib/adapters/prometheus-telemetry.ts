/**
 * The Telemetry port for a local process: numbers as Prometheus text for `/metrics`, lines to
 * whoever wants them. Owns the names that Prometheus shows (interfaces section 8).
 */
import type { MetricName, Telemetry } from '../ports/telemetry.ts';

type LogLevel = Parameters<Telemetry['log']>[0];
type LogFields = Parameters<Telemetry['log']>[2];

interface Shown {
  readonly name: string;
  /** A counter adds up what it is told, a gauge keeps the last. */
  readonly kind: 'counter' | 'gauge';
  readonly help: string;
}

const SHOWN: Record<MetricName, Shown> = {
  TipHeight: { name: 'tip_height', kind: 'gauge', help: 'Height of the best chain.' },
  BlockInterval: {
    name: 'block_interval_seconds',
    kind: 'gauge',
    help: 'Seconds between the last two blocks, by their headers.',
  },
  BlocksConnected: {
    name: 'blocks_connected_total',
    kind: 'counter',
    help: 'Blocks that joined the best chain since the start.',
  },
  BlocksFound: {
    name: 'blocks_found_total',
    kind: 'counter',
    help: 'Blocks that the miner found since the start.',
  },
  BlocksStale: {
    name: 'blocks_stale_total',
    kind: 'counter',
    help: 'Blocks that the miner found too late.',
  },
  ReorgDepth: {
    name: 'reorg_depth',
    kind: 'gauge',
    help: 'Blocks that the last reorganisation took back.',
  },
  HashRate: { name: 'hash_rate', kind: 'gauge', help: 'Hashes per second, over wall time.' },
  MempoolTx: { name: 'mempool_tx', kind: 'gauge', help: 'Transactions in the mempool.' },
  SendsFailed: {
    name: 'sends_failed_total',
    kind: 'counter',
    help: 'Calls of configured peers that did not reach them, since the start.',
  },
};

export interface PrometheusTelemetry extends Telemetry {
  /** The exposition format, version 0.0.4; only metrics that were told of. */
  text(): string;
}

export interface PrometheusOptions {
  readonly network: string;
  readonly node: string;
  /** Takes the lines; absent: they are dropped. */
  readonly onLog?: (level: LogLevel, message: string, fields?: LogFields) => void;
}

/** In a label: backslash, quote and line feed are escaped. */
const label = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

export function createPrometheusTelemetry(options: PrometheusOptions): PrometheusTelemetry {
  const values = new Map<MetricName, number>();
  const labels = `{network="${label(options.network)}",node="${label(options.node)}"}`;
  return {
    metric(name, value) {
      const before = SHOWN[name].kind === 'counter' ? (values.get(name) ?? 0) : 0;
      values.set(name, before + value);
    },
    log(level, message, fields) {
      options.onLog?.(level, message, fields);
    },
    text() {
      const blocks = [...values].map(([metric, value]) => {
        const { name, kind, help } = SHOWN[metric];
        const full = `stackchain_${name}`;
        return `# HELP ${full} ${help}\n# TYPE ${full} ${kind}\n${full}${labels} ${value}\n`;
      });
      return blocks.join('');
    },
  };
}
