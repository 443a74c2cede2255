/**
 * What a stack costs a month, as a table: list prices (docs/prices.json) times what a stack uses
 * (docs/use.json: measured on dynoxide, an emulator, or assumed and marked so) and what its
 * synthesized template holds.
 *
 *   npx node bench/prices/index.ts             prints it
 *   npx node bench/prices/index.ts --write     puts it into README.md
 *   npx node bench/prices/index.ts --measure   measures again first, into docs/use.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { dynoxidePath, startDynoxide } from '../../test/helpers/dynamodb.ts';
import { measureStackUse } from '../../test/helpers/stack-use.ts';
import { readPrices, readUse, USE_FILE } from './files.ts';
import { putPrices, renderPrices } from './render.ts';

const asked = new Set(process.argv.slice(2));
if (asked.has('--measure')) {
  const binary = dynoxidePath();
  if (binary === undefined) {
    console.error('npm has no build of dynoxide for this platform');
    process.exit(3);
  }
  const running = await startDynoxide(binary);
  const measured = await measureStackUse(running);
  running.stop();
  const text = JSON.stringify({ ...readUse(), measured }, roundedNumbers, 2);
  writeFileSync(USE_FILE, `${text}\n`);
}
const table = renderPrices(readPrices(), readUse());
console.log(table);
if (asked.has('--write')) {
  writeFileSync('README.md', putPrices(readFileSync('README.md', 'utf8'), table));
}
process.exit(0);

function roundedNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}
