/**
 * Which network a directory belongs to, and what it becomes while it is empty (interfaces section
 * 4). Owns `network.json`; the rules and the genesis are lib/params'.
 */
import { readFileSync } from 'node:fs';
import { parseAddress } from '../../lib/codec/index.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import { parseNetworkFile, regtest, stacknetBase, toNetworkFile } from '../../lib/params/index.ts';
import { p2pkhScript } from '../../lib/script/index.ts';
import { CliError, EXIT, machine, refused, usage } from '../errors.ts';
import type { Settings } from '../settings.ts';
import { networkPath } from './data-dir.ts';
import { readText, writeText } from './files.ts';

/** A network file holds one block, which is at most a megabyte, in hex. */
const NETWORK_FILE_BYTES_MAX = 4 * 1024 * 1024;

/** What `--network` asks for. */
export type NetworkChoice =
  /** Any network with stacknet's parameters. */
  { readonly kind: 'stacknet' } | { readonly kind: 'fixed'; readonly params: ChainParams };

export function chosenNetwork(settings: Settings): NetworkChoice | undefined {
  const { network } = settings;
  if (network === undefined) return undefined;
  if (network === 'stacknet') return { kind: 'stacknet' };
  if (network === 'regtest') return { kind: 'fixed', params: regtest };
  return { kind: 'fixed', params: readNetwork(network) };
}

/** The file that the user named: what is wrong with it is a wrong argument. */
function readNetwork(path: string): ChainParams {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    throw usage(`Error: '${path}' is no network: stacknet, regtest or a network file is.`);
  }
  const params = parseNetwork(text);
  if (typeof params === 'string') throw usage(`Error: ${path} is no network file: ${params}.`);
  return params;
}

/** The parameters, or what is wrong with the text. */
function parseNetwork(text: string): ChainParams | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return 'it is not JSON';
  }
  const parsed = parseNetworkFile(json);
  if (parsed.ok) return parsed.value;
  return parsed.reject.detail ?? parsed.reject.reason;
}

/** The network that the directory holds; undefined while it is empty. */
export function networkOfDir(dir: string): ChainParams | undefined {
  const path = networkPath(dir);
  const text = readText(path, NETWORK_FILE_BYTES_MAX);
  if (text === undefined) return undefined;
  const params = parseNetwork(text);
  if (typeof params === 'string') {
    throw machine(`Error: ${path} is damaged: ${params}.`, 'network-damaged');
  }
  return params;
}

/** Keeps the network in the directory; false if another process was there first. */
export const saveNetwork = (dir: string, params: ChainParams): boolean =>
  writeText(networkPath(dir), `${JSON.stringify(toNetworkFile(params), null, 2)}\n`, {
    once: true,
  });

/** Exit 3 where `--network` asks for another network than the one at hand. */
export function checkChoice(
  choice: NetworkChoice | undefined,
  params: ChainParams,
  where: string,
): void {
  if (choice === undefined) return;
  const fits =
    choice.kind === 'fixed'
      ? choice.params.genesisHash === params.genesisHash
      : params.genesisHash !== regtest.genesisHash;
  if (fits) return;
  const wanted = choice.kind === 'fixed' ? choice.params.genesisHash : 'stacknet';
  throw new CliError(
    `Error: ${where} is of another network: genesis ${params.genesisHash}, not ${wanted}.`,
    { exit: EXIT.machine, code: 'wrong-network', status: 403 },
  );
}

/** The directory's network, checked against `--network`. */
export function knownNetwork(settings: Settings): ChainParams | undefined {
  const params = networkOfDir(settings.dataDir);
  if (params !== undefined) {
    checkChoice(chosenNetwork(settings), params, `the data directory ${settings.dataDir}`);
  }
  return params;
}

export const noChain = (dir: string): CliError =>
  refused(
    `Error: there is no blockchain in ${dir}; 'stackchain init-blockchain' makes one.`,
    'not-found',
    404,
  );

export function requireNetwork(settings: Settings): ChainParams {
  const params = knownNetwork(settings);
  if (params === undefined) throw noChain(settings.dataDir);
  return params;
}

export interface AddressForm {
  readonly addressVersion: number;
  readonly wifVersion: number;
}

/** What addresses look like here: the directory's network, else the one asked for, else stacknet's. */
export function addressForm(settings: Settings): AddressForm {
  const known = knownNetwork(settings);
  if (known !== undefined) return known;
  const choice = chosenNetwork(settings);
  return choice?.kind === 'fixed' ? choice.params : stacknetBase;
}

/** As addressForm; also the other one where nothing tells yet which network the directory is of. */
export function addressForms(settings: Settings): readonly [AddressForm, AddressForm?] {
  const form = addressForm(settings);
  const isTold = knownNetwork(settings) !== undefined || chosenNetwork(settings) !== undefined;
  return isTold ? [form] : [form, regtest];
}

/**
 * The form that an address must have, before any node or chain is asked: a mistake in it is told
 * first. Undefined where only the node of `--node` knows.
 */
export const expectedForm = (
  settings: Settings,
): { readonly addressVersion: number } | undefined =>
  settings.nodeUrl === undefined ? addressForm(settings) : undefined;

/** The HASH160 in an address of this network, or undefined. */
export function hashOfAddress(
  address: string | undefined,
  form: { readonly addressVersion: number },
): Uint8Array | undefined {
  const parsed = parseAddress(address ?? '');
  return parsed.ok && parsed.value.version === form.addressVersion
    ? parsed.value.hash160
    : undefined;
}

/** The script that pays an address of this network, or undefined. */
export function scriptOfAddress(
  address: string | undefined,
  form: { readonly addressVersion: number },
): Uint8Array | undefined {
  const hash = hashOfAddress(address, form);
  return hash && p2pkhScript(hash);
}
