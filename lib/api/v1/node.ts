/** Rows of the node itself: state, network, peers, mempool, mining on command, gossip, health. */
import { medianTimePast } from '../../consensus/context.ts';
import { toNetworkFile } from '../../params/index.ts';
import { nowSeconds } from '../../ports/clock.ts';
import type { Txid } from '../../types.ts';
import { addressScript } from '../lookups.ts';
import { fromCursor, pageOf, toCursor } from '../paging.ts';
import { invalidRequest, notFound, Problem, rejectProblem, unavailable } from '../problem.ts';
import { BLOCK_BODY_BYTES_MAX } from '../request.ts';
import { defineRow } from '../row.ts';
import {
  GossipAnswer,
  GossipRequest,
  HealthSchema,
  MempoolList,
  MempoolSchema,
  MineAnswer,
  MineRequest,
  NetworkSchema,
  NodeSchema,
  PageQuery,
  PeerList,
  PeerParams,
  PeerRequest,
  PeerSchema,
} from '../schemas.ts';

const MEMPOOL = 'mempool';
const HASH = /^[0-9a-f]{64}$/;
const IDLE = { active: false, hashRate: 0, address: null };

export const getNode = defineRow({
  method: 'get',
  path: '/v1/node',
  summary: 'State of this node',
  tag: 'node',
  answers: { 200: { description: 'State', schema: NodeSchema } },
  async handle({ node, options }) {
    const [{ startedAt, ...status }, { active, hashRate, address }] = await Promise.all([
      node.status(),
      options.mining?.() ?? IDLE,
    ]);
    const mining = { active, hashRate, address };
    return { status: 200, body: { ...status, mining, startedAt } };
  },
});

export const getNetwork = defineRow({
  method: 'get',
  path: '/v1/network',
  summary: 'Parameters and genesis: what another node needs to join',
  tag: 'node',
  answers: { 200: { description: 'The network', schema: NetworkSchema } },
  async handle({ node }) {
    const { minimumChainWork, checkpoints, reorgLimit, peers, ...network } = toNetworkFile(
      node.params,
    );
    return { status: 200, body: network };
  },
});

export const listPeers = defineRow({
  method: 'get',
  path: '/v1/peers',
  summary: 'Peers of this node',
  tag: 'peers',
  query: PageQuery,
  answers: { 200: { description: 'A page', schema: PeerList } },
  async handle({ node }, { query: { limit, cursor } }) {
    const peers = await node.gossip.peers();
    const page = pageOf('peers', peers, { limit, cursor, nameOf: (peer) => peer.id });
    return { status: 200, body: page };
  },
});

export const addPeer = defineRow({
  method: 'post',
  path: '/v1/peers',
  summary: 'Adds a peer and shakes hands with it',
  tag: 'peers',
  token: true,
  body: PeerRequest,
  answers: { 201: { description: 'The peer', schema: PeerSchema } },
  async handle({ node }, { body }) {
    const added = await node.gossip.addPeer(body.address);
    if (added.ok) return { status: 201, body: added.peer };
    const code = added.code === 'unreachable' ? 'unavailable' : added.code;
    throw new Problem(code, added.detail);
  },
});

export const removePeer = defineRow({
  method: 'delete',
  path: '/v1/peers/{id}',
  summary: 'Forgets a peer',
  tag: 'peers',
  token: true,
  params: PeerParams,
  answers: { 204: { description: 'Forgotten' } },
  problems: [404],
  async handle({ node }, { params }) {
    if (!(await node.gossip.removePeer(params.id))) throw notFound('no such peer');
    return { status: 204, body: null };
  },
});

export const getMempool = defineRow({
  method: 'get',
  path: '/v1/mempool',
  summary: 'Size of the mempool and the fee rate that it asks',
  tag: 'mempool',
  answers: { 200: { description: 'Totals', schema: MempoolSchema } },
  async handle({ node }) {
    const { count, bytes, feeSats, minFeeRateSatVb } = await node.mempool.info();
    return { status: 200, body: { count, bytes, feeSats, minFeeRateSatVb } };
  },
});

export const listMempool = defineRow({
  method: 'get',
  path: '/v1/mempool/transactions',
  summary: 'Unconfirmed transactions, oldest first',
  tag: 'mempool',
  query: PageQuery,
  answers: { 200: { description: 'A page', schema: MempoolList } },
  async handle({ node }, { query: { limit, cursor } }) {
    const after = fromCursor(MEMPOOL, cursor);
    if (after !== undefined && !HASH.test(after)) throw invalidRequest('not a cursor');
    // One more than asked tells whether there is a next page.
    const entries = await node.mempool.list({
      limit: limit + 1,
      ...(after === undefined ? {} : { after: after as Txid }),
    });
    const items = entries
      .slice(0, limit)
      .map(({ txid, bytes, feeSats, addedAt }) => ({ txid, bytes, feeSats, addedAt }));
    const last = items.at(-1);
    const next = entries.length > limit && last ? toCursor(MEMPOOL, last.txid) : null;
    return { status: 200, body: { items, next } };
  },
});

export const mine = defineRow({
  method: 'post',
  path: '/v1/mine',
  summary: 'Mines blocks now, one after the other',
  tag: 'mining',
  token: true,
  body: MineRequest,
  answers: { 200: { description: 'Their hashes', schema: MineAnswer } },
  async handle({ node, options }, { body }) {
    const payTo = addressScript(node, body.address);
    if (payTo === undefined) throw invalidRequest('body.address: no address of this network');
    if (options.generate === undefined) throw unavailable('this host does not mine on command');
    const mined = await options.generate(body.blocks, payTo.scriptPubKey);
    if (mined.ok) return { status: 200, body: { hashes: mined.value } };
    if (mined.reject.kind === 'early')
      throw unavailable(mined.reject.detail ?? mined.reject.reason);
    throw rejectProblem(mined.reject);
  },
});

export const gossip = defineRow({
  method: 'post',
  path: '/v1/gossip',
  summary: 'Messages of a peer; the answer bears the replies',
  tag: 'gossip',
  body: GossipRequest,
  bodyBytesMax: BLOCK_BODY_BYTES_MAX,
  answers: { 200: { description: 'Replies', schema: GossipAnswer } },
  async handle({ node }, { body, clientKey }) {
    const sender = { transport: 'http', key: clientKey } as const;
    const received = await node.gossip.receive(body.envelopes, sender);
    if (!received.ok) throw new Problem(received.code, received.detail);
    return { status: 200, body: { envelopes: received.replies } };
  },
});

export const healthz = defineRow({
  method: 'get',
  path: '/healthz',
  summary: 'Whether the process answers',
  tag: 'health',
  answers: { 200: { description: 'It does', schema: HealthSchema } },
  async handle() {
    return { status: 200, body: { status: 'ok' } };
  },
});

export const readyz = defineRow({
  method: 'get',
  path: '/readyz',
  summary: 'Whether the chain is open and the clock is not behind it',
  tag: 'health',
  answers: { 200: { description: 'Ready', schema: HealthSchema } },
  async handle({ node }) {
    const { entry } = await node.chain.tip().catch(() => {
      throw unavailable('the chain is not open yet');
    });
    // As far as blocks may be ahead of it the clock is not at fault.
    if (nowSeconds(node.clock) + node.params.maxFutureSeconds < medianTimePast(entry)) {
      throw unavailable('the clock of this machine is behind the chain');
    }
    return { status: 200, body: { status: 'ok' } };
  },
});

export const metrics = defineRow({
  method: 'get',
  path: '/metrics',
  summary: 'Prometheus text',
  tag: 'health',
  answers: { 200: { description: 'Metrics', mediaType: 'text/plain' } },
  problems: [404],
  async handle({ options }) {
    if (options.metrics === undefined) throw notFound('this host keeps no metrics here');
    const type = { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' };
    return { status: 200, body: options.metrics(), headers: type };
  },
});
