/**
 * The Transport port between nodes of one process: simulations, tests, examples. Owns a table of
 * who listens where; a fault hook may lose, delay or double what passes.
 */
import { Fault } from '../faults.ts';
import { type Envelope, refusal, type Transport } from '../ports/transport.ts';

/** A node's `gossip.receive`, as far as a transport knows it. */
export type Receive = (
  envelopes: readonly unknown[],
  sender: { readonly transport: 'local'; readonly key: string },
) => Promise<
  | { readonly ok: true; readonly replies: readonly Envelope[] }
  | { readonly ok: false; readonly code: string; readonly detail: string }
>;

export interface Passage {
  readonly from: string;
  readonly to: string;
  readonly envelopes: readonly Envelope[];
}

export interface InProcessHub {
  /** The transport of the node at `address`; addresses are free text that is no URL and no ARN. */
  transport(address: string): Transport;
  /** Delivers to `receive` what is sent to `address`; answers how to stop. */
  listen(address: string, receive: Receive): () => void;
}

export interface HubOptions {
  /** Runs around every delivery: may wait, call `deliver` several times, or throw instead. */
  readonly fault?: (
    passage: Passage,
    deliver: () => Promise<readonly Envelope[]>,
  ) => Promise<readonly Envelope[]>;
}

/**
 * @example
 * const hub = createInProcessHub();
 * const node = await createNode({ ...ports, transports: [hub.transport('alice')], peers: ['bob'] });
 * hub.listen('alice', node.gossip.receive);
 */
export function createInProcessHub(options: HubOptions = {}): InProcessHub {
  const { fault = (_passage, deliver) => deliver() } = options;
  const listeners = new Map<string, Receive>();

  async function deliver({ from, to, envelopes }: Passage): Promise<readonly Envelope[]> {
    const receive = listeners.get(to);
    if (receive === undefined) throw new Fault('transport', `nobody listens at ${to}`);
    // Over JSON, as any other way would take it: nothing is shared between two nodes.
    const copies = JSON.parse(JSON.stringify(envelopes)) as unknown[];
    const answer = await receive(copies, { transport: 'local', key: from });
    if (!answer.ok) throw refusal(answer.code, answer.detail);
    return JSON.parse(JSON.stringify(answer.replies)) as Envelope[];
  }

  return {
    transport: (from) => ({
      kind: 'local',
      send: (to, envelopes) => {
        const passage = { from, to, envelopes };
        return fault(passage, () => deliver(passage));
      },
    }),
    listen(address, receive) {
      listeners.set(address, receive);
      return () => {
        if (listeners.get(address) === receive) listeners.delete(address);
      };
    },
  };
}
