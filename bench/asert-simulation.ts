/**
 * Block times of stacknet's difficulty rule: a table on stdout, a plot in docs/asert.svg. Exit code 1
 * if a scenario does not settle within a factor 2 of the spacing.
 *
 *   npx node bench/asert-simulation.ts [--seeds 20] [--out docs/asert.svg]
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { foundNetwork, stacknetBase } from '../lib/params/index.ts';
import { drawPlot, type Panel } from './asert/plot.ts';
import { scenarios } from './asert/scenarios.ts';
import { movingMeans, type Scenario, simulate } from './asert/simulate.ts';

/** Blocks of which the mean spacing is taken. */
const MEAN_OF = 100;
const POINT_EVERY = 10;
const FACTOR = 2;
const GENESIS_TIME = 1_760_000_000;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    out: { type: 'string', default: new URL('../docs/asert.svg', import.meta.url).pathname },
  },
});
const seeds = Number(values.seeds);
const { retarget } = stacknetBase;
if (retarget.kind !== 'asert' || !(seeds >= 1)) throw new Error('nothing to simulate');
const { spacing } = retarget;
process.stderr.write('founding a network at the limit of its proof of work\n');
const params = foundNetwork({ time: GENESIS_TIME, bits: stacknetBase.powLimitBits });

interface Result {
  readonly panel: Panel;
  /** Means of the settled blocks over the spacing: of all runs the least and the most. */
  readonly least: number;
  readonly most: number;
  /** Mean spacing of all settled blocks of all runs, over the spacing. */
  readonly mean: number;
  readonly isSettled: boolean;
}

function run(scenario: Scenario): Result {
  const runs = Array.from({ length: seeds }, (_, seed) => simulate(scenario, params, seed + 1));
  const means = runs.map((blocks) => movingMeans(blocks, MEAN_OF));
  const settled: number[] = [];
  let seconds = 0;
  let count = 0;
  for (const { from, to } of scenario.settled) {
    // The window of the mean must lie on this side of the event.
    for (const of of means) settled.push(...of.slice(from - 1 + MEAN_OF, to - 1));
    for (const blocks of runs) {
      for (const block of blocks.slice(from - 1, to - 1)) {
        seconds += block.spacing;
        count++;
      }
    }
  }
  const [least, most] = [Math.min(...settled) / spacing, Math.max(...settled) / spacing];
  const isSettled = least >= 1 / FACTOR && most <= FACTOR;
  const mean = seconds / count / spacing;
  const points = [];
  // For the eye a shorter mean, which shows the event itself.
  const short = runs.map((blocks) => movingMeans(blocks, POINT_EVERY));
  for (let i = POINT_EVERY - 1; i < scenario.blocks; i += POINT_EVERY) {
    const at = short.map((of) => of[i] as number).sort((a, b) => a - b);
    points.push({
      height: i + 1,
      middle: at[Math.floor(at.length / 2)] as number,
      least: at[0] as number,
      most: at.at(-1) as number,
    });
  }
  const range = `${least.toFixed(2)} to ${most.toFixed(2)}`;
  const note = `settled: ${range} of ${spacing} s (means of ${MEAN_OF} blocks, ${seeds} runs)`;
  return { panel: { title: scenario.name, note, points }, least, most, mean, isSettled };
}

const rule = `spacing ${spacing} s, half-life ${retarget.halfLife} s, solve time at most ${retarget.maxSolveSeconds} s`;
console.log(
  `relative aserti3-2d: ${rule}, future limit ${params.maxFutureSeconds} s; ${seeds} runs`,
);
console.log(`means of ${MEAN_OF} blocks over the spacing, once settled: least, most, mean of all`);
const results = scenarios(params.maxFutureSeconds).map((scenario, i, all) => {
  process.stderr.write(`${i + 1}/${all.length} ${scenario.name}\n`);
  const result = run(scenario);
  const cells = [result.least, result.most, result.mean].map((value) => value.toFixed(2));
  const verdict = result.isSettled ? 'within a factor 2' : 'NOT SETTLED';
  console.log(`${scenario.name.padEnd(44)} ${cells.join('  ')}  ${verdict}`);
  return result;
});
writeFileSync(
  values.out,
  drawPlot(
    `Block spacing: ${rule}`,
    results.map(({ panel }) => panel),
    spacing,
  ),
);
process.stderr.write(`plot: ${values.out}\n`);
process.exitCode = results.every(({ isSettled }) => isSettled) ? 0 : 1;
