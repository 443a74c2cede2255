/** What a node's log shows to the user of a terminal: warnings; all of it with STACKCHAIN_DEBUG. */
import type { PrometheusOptions } from '../../lib/adapters/prometheus-telemetry.ts';
import type { Verifier } from '../../lib/ports/verifier.ts';
import type { Io } from '../io.ts';

type OnLog = NonNullable<PrometheusOptions['onLog']>;

export function logTo(io: Io, warn: (line: string) => void, name?: string): OnLog {
  const prefix = name === undefined ? '' : `${name}: `;
  const isDebug = Boolean(io.env['STACKCHAIN_DEBUG']);
  return (level, message, fields) => {
    const isGrave = level === 'warn' || level === 'error';
    if (!isGrave && !isDebug) return;
    const more = Object.entries(fields ?? {}).map(([key, value]) => `${key}=${value}`);
    const line = [`${prefix}${message}`, ...more].join(' ');
    if (isGrave) warn(line);
    else io.stderr.write(`${level} ${line}\n`);
  };
}

/** Signatures are most of a block's cost: whoever runs the slow library should know. */
export function warnOfVerifier(verifier: Verifier, warn: (line: string) => void): void {
  if (!verifier.name.includes('noble')) return;
  warn(
    'libsecp256k1 does not run here, neither natively nor as WebAssembly: signatures are checked in JavaScript, 40 times slower.',
  );
}
