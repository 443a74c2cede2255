export type MetricName =
  | 'TipHeight'
  | 'BlockInterval'
  | 'BlocksConnected'
  | 'BlocksFound'
  | 'BlocksStale'
  | 'ReorgDepth'
  | 'HashRate'
  | 'MempoolTx'
  /** Messages for a peer of the operator's that did not reach it. */
  | 'SendsFailed';
/** Numbers and lines for whoever operates a node. Never a key, phrase or token. */
export interface Telemetry {
  metric(name: MetricName, value: number): void;
  log(
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields?: Record<string, string | number | boolean>,
  ): void;
}
export const silentTelemetry: Telemetry = { metric() {}, log() {} };
