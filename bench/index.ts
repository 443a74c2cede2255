/**
 * Runs the benches one after the other: `npm run bench`, or `npm run bench -- connect miner` for some
 * of them. Each prints a ratio against a peer or a limit measured in the same run.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BENCHES: Readonly<Record<string, string>> = {
  asert: 'asert-simulation.ts',
  'connect-block': 'connect-block.ts',
  connect: 'connect.ts',
  miner: 'miner.ts',
  sync: 'sync.ts',
  mempool: 'mempool.ts',
  'dynamodb-units': 'dynamodb-units.ts',
  prices: 'prices/index.ts',
  verifiers: 'verifiers.ts',
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => BENCHES[name] === undefined);
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}`);
  process.exit(2);
}
let failed = 0;
for (const [name, file] of Object.entries(BENCHES)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n== ${name}`);
  const path = fileURLToPath(new URL(file, import.meta.url));
  const { status } = spawnSync(process.execPath, [path], { stdio: 'inherit' });
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
