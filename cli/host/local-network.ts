/**
 * Several nodes in one process, each with its own directory, port, keys and peers: they speak over
 * HTTP all the same, so that nothing but the process is shared. Owns the order of starting: what can
 * be in use first, the network's genesis next, then the nodes.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LevelStore } from '../../lib/adapters/leveldb-store.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import { stacknetBase } from '../../lib/params/index.ts';
import type { Verifier } from '../../lib/ports/verifier.ts';
import { p2pkhScript } from '../../lib/script/index.ts';
import type { Keystore } from '../../lib/wallet/types.ts';
import type { Context } from '../command.ts';
import { ensureToken } from './data-dir.ts';
import { type Listener, listen } from './listen.ts';
import { logTo } from './log.ts';
import { checkChoice, chosenNetwork, hashOfAddress, networkOfDir } from './network.ts';
import { openStore } from './open-node.ts';
import { bitsForRate, measureHashRate } from './pow-threads.ts';
import { found, settle } from './prepare.ts';
import { type RunningNode, runNode } from './running-node.ts';
import { openWallets } from './wallet.ts';

export interface LocalNetworkOptions {
  readonly nodes: number;
  /** Node i listens on port + i; 0: on any. */
  readonly port: number;
  /** The first so many mine, to addresses of their own. */
  readonly miningNodes: number;
  readonly threads: number;
  readonly rpc: { readonly user: string; readonly password: string } | undefined;
  readonly verifier: Verifier;
  readonly signal: AbortSignal;
  readonly warn: (line: string) => void;
}

export interface LocalNode extends RunningNode {
  /** Mines to it, or was funded with the genesis. */
  readonly address: string;
}

interface Place {
  readonly name: string;
  readonly dir: string;
  readonly store: LevelStore;
  readonly keystore: Keystore;
  readonly token: string;
  readonly listener: Listener;
}

interface AddressedPlace extends Place {
  readonly address: string;
}

const HOST = '127.0.0.1';
/** Of all nodes together: they hold the same blocks. */
const CACHE_BYTES = 64 * 1024 * 1024;
/** The first blocks come a third faster than the spacing, until the retarget has taken its measure. */
const FIRST_SPACING = 2 / 3;

export const nodeDir = (baseDir: string, index: number): string => join(baseDir, `node${index}`);

export async function startLocalNetwork(
  context: Context,
  options: LocalNetworkOptions,
): Promise<LocalNode[]> {
  const { baseDir } = context.settings;
  const known = knownNetwork(context, options.nodes);
  const places: Place[] = [];
  try {
    for (let i = 0; i < options.nodes; i++) {
      places.push(await openPlace(context, { index: i, form: known ?? stacknetBase, options }));
    }
    // Only now, when nothing is in use or damaged, is anything made that is kept.
    const addressed: AddressedPlace[] = [];
    for (const place of places) addressed.push({ ...place, address: await addressOf(place) });
    const params = known ?? (await foundNetwork(context, addressed[0], options));
    for (const { dir } of places) settle(dir, params);
    if (known === undefined) context.note(`Founded a network with genesis ${params.genesisHash}.`);
    return await startAll(context, addressed, params, options);
  } catch (error) {
    for (const place of places) await closePlace(place);
    throw error;
  } finally {
    if (existsSync(join(baseDir, 'network.json'))) {
      context.note(`The node of ${baseDir} itself is another one; these are in node0/, node1/ ...`);
    }
  }
}

/** What the nodes' directories hold, or what `--network` names; undefined: to be founded. */
function knownNetwork({ settings }: Context, nodes: number): ChainParams | undefined {
  const choice = chosenNetwork(settings);
  let known: ChainParams | undefined;
  for (let i = 0; i < nodes; i++) {
    const dir = nodeDir(settings.baseDir, i);
    const params = networkOfDir(dir);
    if (params === undefined) continue;
    const wanted = known ? ({ kind: 'fixed', params: known } as const) : choice;
    checkChoice(wanted, params, `the data directory ${dir}`);
    known ??= params;
  }
  return known ?? (choice?.kind === 'fixed' ? choice.params : undefined);
}

/** Whom a node mines to, or who was funded with the genesis. */
const addressOf = async ({ keystore }: Place): Promise<string> =>
  (await keystore.addresses()).at(-1) ?? (await keystore.newAddress()).address;

async function openPlace(
  context: Context,
  at: {
    readonly index: number;
    readonly form: { readonly addressVersion: number; readonly wifVersion: number };
    readonly options: LocalNetworkOptions;
  },
): Promise<Place> {
  const { index, form, options } = at;
  const name = `node${index}`;
  const dir = nodeDir(context.settings.baseDir, index);
  const store = await openStore(dir, { cacheBytes: Math.ceil(CACHE_BYTES / options.nodes) });
  try {
    const token = ensureToken(dir);
    const keystore = await openWallets(context, { dir, form });
    const port = options.port === 0 ? 0 : options.port + index;
    const onBusy = (busy: number): void => context.note(`Port ${busy} is busy: ${name} goes on.`);
    const listener = await listen({ host: HOST, port, onBusy });
    return { name, dir, store, keystore, token, listener };
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function closePlace({ listener, keystore, store }: Place): Promise<void> {
  await Promise.allSettled([listener.stop(), keystore.close(), store.close()]);
}

/** At a difficulty that this machine's mining threads meet, measured, so that blocks keep their spacing. */
async function foundNetwork(
  context: Context,
  first: AddressedPlace | undefined,
  options: LocalNetworkOptions,
): Promise<ChainParams> {
  const threads = Math.max(1, options.miningNodes * options.threads);
  context.note('Measuring how fast this machine hashes ...');
  const rate = await measureHashRate(threads, options.signal);
  const bits = bitsForRate(rate, stacknetBase.retarget.spacing * FIRST_SPACING);
  context.note(`Mining the first block at ${Math.round(rate / 1000)} kH/s ...`);
  const payTo = hashOfAddress(first?.address, stacknetBase);
  const { signal } = options;
  return found({ bits, signal, ...(payTo !== undefined && { payTo }) });
}

async function startAll(
  context: Context,
  places: readonly AddressedPlace[],
  params: ChainParams,
  options: LocalNetworkOptions,
): Promise<LocalNode[]> {
  const nodes: LocalNode[] = [];
  const urls = places.map((place) => place.listener.url);
  for (const [index, place] of places.entries()) {
    const { name, dir, address, listener } = place;
    const hash = index < options.miningNodes ? hashOfAddress(address, params) : undefined;
    const node = await runNode({
      ...place,
      name,
      dir,
      params,
      verifier: options.verifier,
      peers: [...urls.filter((url) => url !== listener.url), ...params.peers],
      ...(hash !== undefined && {
        mining: { address, payTo: p2pkhScript(hash), threads: options.threads },
      }),
      ...(options.rpc !== undefined && { rpc: options.rpc }),
      onLog: logTo(context.io, options.warn, name),
    });
    nodes.push({ ...node, address });
  }
  return nodes;
}
