/**
 * A node of plain maps, for tests of the HTTP face alone: its answers can be set, its faults thrown.
 * Rules are not its affair; the app runs on the real node in real-node.test.ts.
 */
import { createMemoryStore } from '../../../lib/adapters/memory-store.ts';
import type { BlockOutcome } from '../../../lib/chain/types.ts';
import { decodeTx } from '../../../lib/codec/index.ts';
import { decodeCompact } from '../../../lib/consensus/pow.ts';
import type { BlockEntry } from '../../../lib/consensus/types.ts';
import type { PeerInfo } from '../../../lib/gossip/types.ts';
import { DEFAULT_POLICY } from '../../../lib/mempool/policy.ts';
import type { MempoolEntry, TxOutcome } from '../../../lib/mempool/types.ts';
import type { Template } from '../../../lib/mining/types.ts';
import type { Node, NodeEvent } from '../../../lib/node/types.ts';
import { regtest } from '../../../lib/params/index.ts';
import { revealedScript, scriptHash } from '../../../lib/script/index.ts';
import type { Block, Sats, Tx, Verdict } from '../../../lib/types.ts';
import { valid } from '../../../lib/types.ts';
import { chainOf, fakeChain, NOW_MS } from './fake-chain.ts';

/** What a test may change before it asks. */
export interface Script {
  nowMs: number;
  blockOutcome: BlockOutcome | undefined;
  txOutcome: TxOutcome | undefined;
  template: Verdict<Template> | undefined;
  proposal: Verdict;
  templateId: string;
  received: { envelopes: readonly unknown[]; key: string }[];
  receive:
    | { ok: false; code: 'banned' | 'wrong-network' | 'invalid-request'; detail: string }
    | undefined;
  addPeer:
    | { ok: false; code: 'wrong-network' | 'unreachable' | 'invalid-request'; detail: string }
    | undefined;
  peers: PeerInfo[];
  fault: Error | undefined;
  submitted: Uint8Array[];
}

export interface FakeNode {
  readonly node: Node;
  readonly script: Script;
  readonly blocks: readonly { block: Block; entry: BlockEntry }[];
  readonly waiting: MempoolEntry[];
  emit(event: NodeEvent): void;
}

export const entryOf = (tx: Tx, feeSats: number): MempoolEntry => ({
  tx,
  txid: tx.txid,
  feeSats: feeSats as Sats,
  bytes: tx.raw.length,
  addedAt: NOW_MS / 1000,
  nonce: 'n',
  parents: [],
});

export function createFakeNode(options: { blocks?: number } = {}): FakeNode {
  const blocks = chainOf(options.blocks ?? 12);
  const waiting: MempoolEntry[] = [];
  const listeners = new Set<(event: NodeEvent) => void>();
  const tip = () => blocks.at(-1) as (typeof blocks)[number];
  const script: Script = {
    nowMs: NOW_MS,
    blockOutcome: undefined,
    txOutcome: undefined,
    template: undefined,
    proposal: valid(),
    templateId: `${tip().entry.hash}0`,
    received: [],
    receive: undefined,
    addPeer: undefined,
    peers: [],
    fault: undefined,
    submitted: [],
  };
  const parts = { blocks, waiting, script, tip };
  const clock = { nowMs: () => script.nowMs };
  let counter = 0;
  const random = {
    bytes: (count: number) => Uint8Array.from({ length: count }, () => counter++ & 255),
  };
  const store = createMemoryStore({ clock });
  const node: Node = {
    // Block 3 spends a young coinbase.
    params: { ...regtest, maturity: 1 },
    name: 'fake',
    clock,
    random,
    store,
    chain: fakeChain(parts),
    mempool: fakeMempool(parts),
    gossip: fakeGossip(parts),
    async acceptBlock(raw) {
      script.submitted.push(raw);
      if (script.fault) throw script.fault;
      return script.blockOutcome ?? { status: 'known', hash: tip().entry.hash };
    },
    async acceptTx(raw) {
      script.submitted.push(raw);
      if (script.fault) throw script.fault;
      if (script.txOutcome) return script.txOutcome;
      const tx = decodeTx(raw);
      if (!tx.ok) return { status: 'rejected', reject: tx.reject };
      return { status: 'accepted', entry: entryOf(tx.value, 1000), replaced: [], first: false };
    },
    template: async () => script.template ?? valid(templateOn(tip().entry, script, waiting)),
    templateId: async () => script.templateId,
    async status() {
      if (script.fault) throw script.fault;
      return statusOf(parts);
    },
    async tick() {},
    on(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {},
  };
  return { node, script, blocks, waiting, emit: (event) => listeners.forEach((one) => one(event)) };
}

export interface Parts {
  readonly blocks: readonly { block: Block; entry: BlockEntry }[];
  readonly waiting: MempoolEntry[];
  readonly script: Script;
  readonly tip: () => { block: Block; entry: BlockEntry };
}

function templateOn(tip: BlockEntry, script: Script, waiting: readonly MempoolEntry[]): Template {
  return {
    id: script.templateId,
    version: 0x20000000,
    prevHash: tip.hash,
    height: tip.height + 1,
    bits: tip.header.bits,
    target: decodeCompact(tip.header.bits).target,
    curTime: Math.floor(script.nowMs / 1000),
    minTime: tip.header.time + 1,
    coinbaseValue: 5_000_000_000 as Sats,
    coinbaseFlags: '06226e46111a0b59',
    txs: waiting.map((entry) => ({ entry, sigops: 2, depends: [] })),
  };
}

const statusOf = ({ tip, waiting, script, blocks }: Parts) => ({
  name: 'fake',
  version: '0.1.0',
  network: regtest.name,
  genesis: regtest.genesisHash,
  height: tip().entry.height,
  tip: tip().entry.hash,
  tipTime: tip().entry.header.time,
  chainwork: tip().entry.chainwork.toString(16).padStart(64, '0'),
  bits: tip().entry.header.bits.toString(16),
  difficulty: 4.6e-10,
  headers: blocks.length - 1,
  syncing: false,
  mempool: { count: waiting.length, bytes: 0 },
  peers: script.peers.length,
  startedAt: NOW_MS / 1000 - 60,
});

function fakeMempool({ waiting }: Parts): Node['mempool'] {
  const mempool: Partial<Node['mempool']> = {
    policy: DEFAULT_POLICY,
    get: async (txid) => waiting.find((entry) => entry.txid === txid),
    async list({ after, limit = 1000 } = {}) {
      const start = waiting.findIndex((entry) => entry.txid === after);
      return waiting.slice(start + 1, start + 1 + limit);
    },
    info: async () => ({
      count: waiting.length,
      bytes: waiting.reduce((sum, { bytes }) => sum + bytes, 0),
      feeSats: waiting.reduce((sum, { feeSats }) => sum + feeSats, 0) as Sats,
      minFeeRateSatVb: 1,
    }),
    byScript: async (of) =>
      waiting.filter(
        ({ tx }) =>
          tx.outputs.some((output) => scriptHash(output.scriptPubKey) === of) ||
          tx.inputs.some((input) => {
            const revealed = revealedScript(input.scriptSig);
            return revealed !== undefined && scriptHash(revealed) === of;
          }),
      ),
    async test(raw) {
      const tx = decodeTx(raw);
      if (!tx.ok) return tx;
      return valid({ txid: tx.value.txid, feeSats: 1000 as Sats, bytes: raw.length });
    },
    reconcile: async () => ({ accepted: [] }),
  };
  return mempool as Node['mempool'];
}

function fakeGossip({ script }: Parts): Node['gossip'] {
  const gossip: Partial<Node['gossip']> = {
    async receive(envelopes, sender) {
      script.received.push({ envelopes, key: sender.key });
      if (script.receive) return script.receive;
      const pong = {
        v: 1,
        network: regtest.genesisHash,
        from: 'fake',
        type: 'pong',
        payload: 'AAAAAAAAAAA=',
      } as const;
      return { ok: true, replies: [pong] };
    },
    peers: async () => script.peers,
    async addPeer(address) {
      if (script.addPeer) return script.addPeer;
      const peer = peerAt(address);
      script.peers.push(peer);
      return { ok: true, peer };
    },
    async removePeer(id) {
      const at = script.peers.findIndex((peer) => peer.id === id);
      if (at >= 0) script.peers.splice(at, 1);
      return at >= 0;
    },
    progress: async () => ({ syncing: false, headers: 0 }),
    listeners: async () => [],
    announceBlock: async () => undefined,
  };
  return gossip as Node['gossip'];
}

export const peerAt = (address: string): PeerInfo => ({
  id: `peer-${address.length}-${address.slice(-4)}`,
  address,
  transport: 'http',
  height: 3,
  tip: 'ab'.repeat(32),
  score: 0,
  banned: false,
  lastSeen: NOW_MS / 1000,
});
