/** `peers`, `peers add`, `peers remove`: whom the node speaks with. */
import type { PeerInfo } from '../../lib/gossip/types.ts';
import { deployedNetwork } from '../cloud/deployed-network.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { refused, usage } from '../errors.ts';
import type { Client } from '../host/client.ts';
import { withChain } from '../host/connect.ts';
import { checkUrl } from '../settings.ts';
import { table } from '../table.ts';

const ACTIONS = ['list', 'add', 'remove', 'open'] as const;
const PAGE = 100;
/** A handshake with a peer that does not answer takes its time. */
const ADD_TIMEOUT_MS = 60_000;
const HASH_SHOWN = 16;

interface Page {
  readonly items: readonly PeerInfo[];
  readonly next: string | null;
}

async function allPeers(client: Client): Promise<PeerInfo[]> {
  const peers: PeerInfo[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    const at: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await client.call<Page>(`/v1/peers?limit=${PAGE}${at}`);
    peers.push(...page.items);
    cursor = page.items.length === 0 ? null : page.next;
  }
  return peers;
}

const row = (peer: PeerInfo): string[] => [
  peer.id,
  peer.address === '' ? '(calls us)' : peer.address,
  peer.transport,
  String(peer.height),
  peer.tip.slice(0, HASH_SHOWN),
  `${peer.score}${peer.banned ? ' banned' : ''}`,
  peer.lastSeen === 0 ? 'never' : new Date(peer.lastSeen * 1000).toISOString(),
];
const HEAD = ['id', 'address', 'by', 'height', 'tip', 'score', 'last seen'];

async function show({ settings, print }: Context, peers: readonly PeerInfo[]): Promise<void> {
  const lines = settings.json
    ? peers.map((peer) => JSON.stringify(peer))
    : table([HEAD, ...peers.map(row)]);
  for (const line of lines) await print(line);
}

/** Whether the text is an invite line rather than a URL. */
const isLine = (text: string): boolean => text.trimStart().startsWith('{');

const stackOf = ({ settings }: Context, node: string) => ({ node, network: settings.network });

/** Lets strangers in again after the breaker of a deployed node shut them out. */
async function openStack(context: Context, node: string): Promise<void> {
  const { reopenInbox } = await import('../cloud/stack.ts');
  const { regionFrom } = await import('../cloud/checks.ts');
  const wasShut = await reopenInbox(stackOf(context, node), await regionFrom(context.io.env));
  context.note(wasShut ? `${node} takes messages of other accounts again.` : `${node} was open.`);
}

const ADDED = {
  added: 'Added to the network file; the next deploy lets it in.',
  replaced: 'Took the place of its older line; the next deploy lets it in.',
  known: 'The network file has this line already.',
} as const;

/** A node of another account is no laptop's peer: its line goes to the file that is deployed. */
async function addForeign(context: Context, text: string): Promise<void> {
  const { addForeignPeer, isOwnLine, readForeignLine, showForeign } = await import(
    '../cloud/stack.ts'
  );
  const stack = stackOf(context, 'node0');
  const line = readForeignLine(stack, text);
  const isOwn = await isOwnLine(line);
  if (isOwn) throw refused('Error: this is the line of a node of your own.', 'invalid-request');
  if (isOwn === undefined) context.note('AWS could not be asked whether this is a line of yours.');
  context.note(ADDED[addForeignPeer(stack, line)]);
  await show(context, [showForeign(line)]);
}

/** False: nothing was deployed, or its network file has no such line. */
async function removeForeign(context: Context, what: string): Promise<boolean> {
  if (deployedNetwork(context.settings.network) === undefined) return false;
  const { removeForeignPeer } = await import('../cloud/stack.ts');
  if (removeForeignPeer(stackOf(context, 'node0'), what) === undefined) return false;
  context.note('Removed from the network file; the next deploy shuts it out.');
  if (!context.settings.json) await context.print(`Removed peer: ${what}`);
  return true;
}

async function act(context: Context, action: string, what: string | undefined): Promise<void> {
  const { settings, print } = context;
  if (action === 'open') return openStack(context, what ?? 'node0');
  if (action === 'list') {
    if (what !== undefined) throw usage("Error: 'peers list' takes no argument.");
    return show(context, await withChain(settings, ({ client }) => allPeers(client)));
  }
  if (what === undefined) {
    throw usage(`Error: 'peers ${action}' wants ${action === 'add' ? 'a URL' : 'an id'}.`);
  }
  if (settings.nodeUrl === undefined) {
    if (action === 'add' && isLine(what)) return addForeign(context, what);
    if (action === 'remove' && (await removeForeign(context, what))) return;
  }
  if (action === 'add') {
    const address = isLine(what) ? what : checkUrl(what);
    const options = {
      method: 'POST',
      body: { address },
      authorized: true,
      timeoutMs: ADD_TIMEOUT_MS,
    } as const;
    const peer = await withChain(settings, ({ client }) =>
      client.call<PeerInfo>('/v1/peers', options),
    );
    return show(context, [peer]);
  }
  await withChain(settings, ({ client }) =>
    client.call(`/v1/peers/${encodeURIComponent(what)}`, { method: 'DELETE', authorized: true }),
  );
  if (!settings.json) await print(`Removed peer: ${what}`);
}

export const peers: CliCommand = {
  examples: [
    'stackchain peers',
    'stackchain peers add http://192.0.2.7:8400',
    'stackchain peers remove ID',
  ],
  configure(command) {
    command
      .argument('[action]', 'list (default), add, remove or open')
      .argument('[what]', 'the URL or line to add, the id to remove, the deployed node to open');
  },
  async run(context, _options, args) {
    const word = (args[0] ?? 'list').toLowerCase();
    const action = ACTIONS.find((name) => name.startsWith(word));
    if (action === undefined)
      throw usage(`Error: 'peers' knows list, add, remove and open, not '${word}'.`);
    await act(context, action, textOption({ what: args[1] }, 'what'));
  },
};
