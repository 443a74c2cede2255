/** Somebody who posts envelopes to a node, as an HTTP client does. */
import { encodePayload, type Message } from '../../../lib/gossip/messages.ts';
import type { Sender } from '../../../lib/gossip/types.ts';
import type { NetNode, NodeNet } from '../../helpers/node-net.ts';

export const LOOPBACK: Sender = { transport: 'http', key: '127.0.0.1' };

export async function post(
  net: NodeNet,
  { node }: NetNode,
  messages: readonly Message[],
  options: { readonly from?: string; readonly sender?: Sender } = {},
): Promise<{ code: string; replies: readonly { type: string; payload: unknown }[] }> {
  const { from = 'tester', sender = LOOPBACK } = options;
  const envelopes = messages.map((message) =>
    net.envelope(message.type, encodePayload(message), from),
  );
  const answer = await node.gossip.receive(envelopes, sender);
  return answer.ok ? { code: 'ok', replies: answer.replies } : { code: answer.code, replies: [] };
}

export const greeting = (name: string, url = ''): Message => ({
  type: 'version',
  name,
  genesis: '',
  height: 0,
  tip: '',
  work: '0'.repeat(64),
  url,
  node: name,
});

/** Shakes hands as an HTTP client does, by default on loopback; answers its session. */
export async function sessionOf(
  net: NodeNet,
  node: NetNode,
  name: string,
  { url = '', sender = LOOPBACK }: { readonly url?: string; readonly sender?: Sender } = {},
): Promise<string> {
  const { replies } = await post(net, node, [greeting(name, url)], { from: name, sender });
  const verack = replies.find(({ type }) => type === 'verack')?.payload as { session: string };
  return verack.session;
}

export const ping: Message = { type: 'ping', nonce: new Uint8Array(8) };
