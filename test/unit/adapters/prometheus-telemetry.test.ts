/** Prometheus' text of what a node tells (interfaces section 8). */
import { expect, test } from 'vitest';
import { createPrometheusTelemetry } from '../../../lib/adapters/prometheus-telemetry.ts';

test('gauges keep the last value, counters add up, labels are escaped', () => {
  const telemetry = createPrometheusTelemetry({ network: 'a"b\\c\nd', node: 'node0' });
  expect(telemetry.text()).toBe('');
  telemetry.metric('TipHeight', 7);
  telemetry.metric('TipHeight', 6);
  telemetry.metric('BlocksFound', 1);
  telemetry.metric('BlocksFound', 2);
  const labels = '{network="a\\"b\\\\c\\nd",node="node0"}';
  const lines = telemetry.text().split('\n');
  expect(lines).toContain(`stackchain_tip_height${labels} 6`);
  expect(lines).toContain('# TYPE stackchain_tip_height gauge');
  expect(lines).toContain(`stackchain_blocks_found_total${labels} 3`);
  expect(lines).toContain('# TYPE stackchain_blocks_found_total counter');
  expect(lines.at(-1)).toBe('');
});

test('lines go to whoever wants them', () => {
  const heard: unknown[] = [];
  const telemetry = createPrometheusTelemetry({
    network: 'n',
    node: 'x',
    onLog: (...entry) => heard.push(entry),
  });
  telemetry.log('warn', 'slow', { ms: 5 });
  expect(heard).toEqual([['warn', 'slow', { ms: 5 }]]);
  createPrometheusTelemetry({ network: 'n', node: 'x' }).log('info', 'nobody listens');
});
