/** Lines of a function: one a request, and metrics in CloudWatch's embedded format, only when there are any. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { createAwsTelemetry } from '../../../functions/telemetry.ts';

/**
 * The embedded metric format as its specification has it: what names a metric or a dimension names a
 * member of the root, values are numbers (at most 100 of them), dimensions are texts.
 */
const units = ['Count', 'Seconds', 'Count/Second'];
const emfLine = z
  .object({
    _aws: z.strictObject({
      Timestamp: z.int().positive(),
      CloudWatchMetrics: z
        .array(
          z.strictObject({
            Namespace: z.literal('Stackchain'),
            Dimensions: z.array(z.array(z.string().min(1).max(250)).max(30)).min(1),
            Metrics: z
              .array(z.strictObject({ Name: z.string().min(1).max(1024), Unit: z.enum(units) }))
              .min(1)
              .max(100),
          }),
        )
        .length(1),
    }),
  })
  .loose()
  .superRefine(({ _aws, ...root }, ctx) => {
    const number = z.number();
    const values = z.union([number, z.array(number).min(1).max(100)]);
    const wrong = (message: string) => ctx.addIssue({ code: 'custom', message });
    for (const { Dimensions, Metrics } of _aws.CloudWatchMetrics) {
      for (const name of Dimensions.flat()) {
        if (!z.string().min(1).max(1024).safeParse(root[name]).success) wrong(`dimension ${name}`);
      }
      for (const { Name } of Metrics) {
        if (!values.safeParse(root[Name]).success) wrong(`metric ${Name}`);
      }
    }
  });

describe('the lines of a function', () => {
  let lines: string[];
  beforeEach(() => {
    lines = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      lines.push(...String(text).split('\n').filter(Boolean));
      return true;
    });
  });
  afterEach(() => vi.restoreAllMocks());

  const about = { network: 'testnet', node: 'node0', service: 'inbox' };
  const emf = () => lines.map((line) => JSON.parse(line)).filter((line) => '_aws' in line);
  const only = () => {
    expect(emf().length).toBe(1);
    return emfLine.parse(emf()[0]);
  };

  it('metrics are one valid line, under network and node and nothing else', () => {
    const telemetry = createAwsTelemetry(about);
    telemetry.metric('TipHeight', 7);
    telemetry.metric('BlocksConnected', 1);
    telemetry.metric('BlockInterval', 15);
    telemetry.flush();
    const line = only();
    expect(line._aws.CloudWatchMetrics[0]?.Dimensions).toEqual([['Network', 'Node']]);
    expect(line).toMatchObject({
      Network: 'testnet',
      Node: 'node0',
      TipHeight: 7,
      BlocksConnected: 1,
      BlockInterval: 15,
    });
    expect(Object.keys(line).length).toBe(6);
  });

  it('what was told several times keeps all its values', () => {
    const telemetry = createAwsTelemetry(about);
    for (let i = 0; i < 250; i++) telemetry.metric('TipHeight', i);
    telemetry.flush();
    const values = emf().flatMap((line) => emfLine.parse(line)['TipHeight']);
    expect(values).toEqual(Array.from({ length: 250 }, (_, i) => i));
  });

  it('those of a process that mines bear its name, as a property that costs nothing', () => {
    const telemetry = createAwsTelemetry({ ...about, miner: 'task-1' });
    for (let round = 0; round < 2; round++) {
      telemetry.metric('HashRate', 1000);
      telemetry.flush();
      expect(emfLine.parse(emf()[round])).toMatchObject({ Miner: 'task-1', HashRate: 1000 });
      expect(emf()[round]._aws.CloudWatchMetrics[0].Dimensions).toEqual([['Network', 'Node']]);
    }
  });

  it('says nothing where nothing happened, and nothing twice', () => {
    const telemetry = createAwsTelemetry(about);
    telemetry.flush();
    expect(lines).toEqual([]);
    telemetry.metric('MempoolTx', 3);
    telemetry.flush();
    telemetry.flush();
    expect(lines.length).toBe(1);
  });

  it('a log line is one line of JSON', () => {
    createAwsTelemetry(about).log('info', 'done\nor not', { event: 'inbox', records: 10 });
    expect(lines.length).toBe(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({
      level: 'INFO',
      message: 'done\nor not',
      service: 'inbox',
      event: 'inbox',
      records: 10,
    });
  });
});
