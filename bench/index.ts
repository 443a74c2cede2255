/**
 * Runs the benches one after the other, each with a ratio against a peer or a limit measured in the
 * same run: `npm run bench`, or some of them by name. Those that take minutes and an emulated cloud
 * run only by name. Flags go to each: `npm run bench -- cloud-sync cold-start --json`.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const QUICK: Readonly<Record<string, string>> = {
  asert: 'asert-simulation.ts',
  'connect-block': 'connect-block.ts',
  connect: 'connect.ts',
  miner: 'miner.ts',
  sync: 'sync.ts',
  mempool: 'mempool.ts',
  'dynamodb-units': 'dynamodb-units.ts',
  'dynamodb-rounds': 'dynamodb-rounds.ts',
  prices: 'prices/index.ts',
  verifiers: 'verifiers.ts',
  sighash: 'sighash.ts',
};
const BY_NAME: Readonly<Record<string, string>> = {
  'cloud-propagation': 'cloud-propagation.ts',
  'cloud-stale': 'cloud-stale.ts',
  'cloud-api': 'cloud-api.ts',
  'cloud-sync': 'cloud-sync.ts',
  'cold-start': 'cold-start.ts',
};

const HELP = `npm run bench [-- NAME… [FLAG…]]
  without names   ${Object.keys(QUICK).join(', ')}
  only by name    ${Object.keys(BY_NAME).join(', ')}
                  (minutes each; all but cloud-sync in an emulated cloud: Python 3.10 with venv)
  flags           are the bench's own: its first lines name them; the cloud's take --json`;

const given = process.argv.slice(2);
const flagsAt = given.findIndex((word) => word.startsWith('-'));
const names = flagsAt < 0 ? given : given.slice(0, flagsAt);
const flags = flagsAt < 0 ? [] : given.slice(flagsAt);
if (flags.includes('--help') || flags.includes('-h')) {
  console.log(HELP);
  process.exit(0);
}
const all = { ...QUICK, ...BY_NAME };
const unknown = names.filter((name) => all[name] === undefined);
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}\n${HELP}`);
  process.exit(2);
}
let failed = 0;
for (const name of names.length > 0 ? names : Object.keys(QUICK)) {
  // To whom a program reads there is nothing but the bench's line.
  if (!flags.includes('--json')) console.log(`\n== ${name}`);
  const path = fileURLToPath(new URL(all[name] as string, import.meta.url));
  const { status } = spawnSync(process.execPath, [path, ...flags], { stdio: 'inherit' });
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
