/**
 * Which network the cloud's commands mean, all by one rule: what `--network` says, else the file
 * beside the checkout's cdk.json, which `deploy` founds. Where the user stands does not matter.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ChainParams } from '../../lib/params/index.ts';
import { parseNetworkFile, regtest } from '../../lib/params/index.ts';
import { machine, usage } from '../errors.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** `regtest`, which has no file, or the file's absolute path: the CDK runs in the checkout. */
export function networkContext(chosen: string | undefined): string {
  if (chosen === regtest.name) return chosen;
  return chosen === undefined || chosen === 'stacknet'
    ? join(ROOT, 'network.json')
    : resolve(chosen);
}

/** The network; undefined while there is no file. Exit 3 where the file is damaged. */
export function deployedNetwork(chosen: string | undefined): ChainParams | undefined {
  const path = networkContext(chosen);
  if (path === regtest.name) return regtest;
  if (!existsSync(path)) return undefined;
  const damaged = (why: string): never => {
    throw machine(`Error: ${path} is damaged: ${why}.`, 'network-damaged');
  };
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return damaged('it is not JSON');
  }
  const parsed = parseNetworkFile(json);
  return parsed.ok ? parsed.value : damaged(parsed.reject.detail ?? parsed.reject.reason);
}

/** As deployedNetwork, for what makes no sense before a deploy: exit 2 while there is no file. */
export function requireDeployed(chosen: string | undefined): ChainParams {
  const params = deployedNetwork(chosen);
  if (params !== undefined) return params;
  const path = networkContext(chosen);
  throw usage(`Error: ${path} is missing: a deploy makes it, --network names another.`);
}
