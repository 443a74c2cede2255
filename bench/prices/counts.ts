/**
 * What a stack's template says about its bill: alarms, metrics, memory, the task. Counted from the
 * synthesized template, so that the table cannot say other than what is deployed.
 */
import { Template } from 'aws-cdk-lib/assertions';
import { BoardStack } from '../../infra/board-stack.ts';
import type { MinerKind } from '../../infra/node-stack.ts';
import { NETWORK, resourcesOf, synth } from '../../test/infra/helpers.ts';

export interface Task {
  readonly vcpu: number;
  readonly memoryGb: number;
  readonly spot: boolean;
  readonly count: number;
  readonly publicAddress: boolean;
}

export interface Counts {
  /** Metrics that alarms watch: what an alarm is billed by. */
  readonly alarmMetrics: number;
  readonly tickSeconds: number;
  /** By the function's name. */
  readonly memoryGb: Readonly<Record<string, number>>;
  readonly queuesWithReader: number;
  readonly task: Task | undefined;
}

export const STACKS = 3;

/** A rule may be the hourly call of a miner: the tick is the shortest. */
const secondsOf = (expression: string): number => {
  const [, count = '', unit = ''] = /^rate\((\d+) (minute|hour)s?\)$/.exec(expression) ?? [];
  const seconds = { minute: 60, hour: 3600 }[unit];
  if (seconds === undefined) throw new Error(`no rate that is known: ${expression}`);
  return Number(count) * seconds;
};

const alarmMetrics = (properties: Record<string, unknown>): number => {
  const { Metrics } = properties as { Metrics?: { MetricStat?: unknown }[] };
  return Metrics?.filter(({ MetricStat }) => MetricStat !== undefined).length ?? 1;
};

const sum = (list: readonly number[]): number => list.reduce((all, each) => all + each, 0);

function taskOf(template: Template): Task | undefined {
  const [service] = resourcesOf(template, 'AWS::ECS::Service');
  const [definition] = resourcesOf(template, 'AWS::ECS::TaskDefinition');
  if (service === undefined || definition === undefined) return undefined;
  const { DesiredCount, CapacityProviderStrategy, NetworkConfiguration } = service[1]
    .Properties as {
    DesiredCount: number;
    CapacityProviderStrategy: { CapacityProvider: string }[];
    NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: string } };
  };
  const { Cpu, Memory, RuntimePlatform } = definition[1].Properties as {
    Cpu: string;
    Memory: string;
    RuntimePlatform: { CpuArchitecture: string };
  };
  if (RuntimePlatform.CpuArchitecture !== 'ARM64') throw new Error('a task that is not on ARM');
  return {
    vcpu: Number(Cpu) / 1024,
    memoryGb: Number(Memory) / 1024,
    spot: CapacityProviderStrategy[0]?.CapacityProvider === 'FARGATE_SPOT',
    count: DesiredCount,
    publicAddress: NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp === 'ENABLED',
  };
}

/** Of one of three stacks with this miner. */
export function countsOf(miner: MinerKind): Counts {
  const template = synth(STACKS, { miner }).template();
  const functions = resourcesOf(template, 'AWS::Lambda::Function').map(([, { Properties }]) => {
    const { FunctionName, MemorySize } = Properties as { FunctionName: string; MemorySize: number };
    return [FunctionName.split('-').at(-1) ?? '', MemorySize / 1024] as const;
  });
  const rates = resourcesOf(template, 'AWS::Events::Rule').map(([, { Properties }]) =>
    secondsOf(Properties['ScheduleExpression'] as string),
  );
  return {
    alarmMetrics: sum(
      resourcesOf(template, 'AWS::CloudWatch::Alarm').map(([, r]) => alarmMetrics(r.Properties)),
    ),
    tickSeconds: Math.min(...rates),
    memoryGb: Object.fromEntries(functions),
    queuesWithReader: resourcesOf(template, 'AWS::Lambda::EventSourceMapping').length,
    task: taskOf(template),
  };
}

export interface BoardCounts {
  readonly dashboards: number;
  /** Names of our own metrics, on the board or watched by an alarm. */
  readonly customMetrics: readonly string[];
}

export function boardCounts(): BoardCounts {
  const { app, stacks } = synth(STACKS, { miner: 'fargate' });
  const board = new BoardStack(app, 'Stackchain-board', {
    networkName: NETWORK.name,
    spacingSeconds: NETWORK.spacingSeconds,
    nodes: stacks.map(({ nodeId }) => nodeId.node),
  });
  const template = Template.fromStack(board);
  const shown = JSON.stringify(template.toJSON());
  const watched = stacks.map((stack) => JSON.stringify(Template.fromStack(stack).toJSON())).join();
  const names = [
    ...shown.matchAll(/\\"Stackchain\\",\\"([A-Za-z]+)\\"/g),
    ...watched.matchAll(/"MetricName":"([A-Za-z]+)","Namespace":"Stackchain"/g),
  ].map(([, name = '']) => name);
  return {
    dashboards: resourcesOf(template, 'AWS::CloudWatch::Dashboard').length,
    customMetrics: [...new Set(names)].sort(),
  };
}
