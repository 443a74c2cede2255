/** Methods on the node itself, its peers, and addresses. */
import { toHex } from '../../codec/index.ts';
import { nowSeconds } from '../../ports/clock.ts';
import { addressScript } from '../lookups.ts';
import { coins } from './forms.ts';
import type { Method } from './method.ts';

const PROTOCOL_VERSION = 70016;
const SERVICES = '0000000000000001';
const SERVICE_NAMES = ['NETWORK'];

/** 1.2.3 as Core writes versions: 10203. */
const versionNumber = (version: string): number => {
  const [major = 0, minor = 0, patch = 0] = version
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return major * 10_000 + minor * 100 + patch;
};

const uptime: Method = {
  name: 'uptime',
  params: [],
  required: 0,
  async run({ api: { node } }) {
    const { startedAt } = await node.status();
    return Math.max(0, nowSeconds(node.clock) - startedAt);
  },
};

const getNetworkInfo: Method = {
  name: 'getnetworkinfo',
  params: [],
  required: 0,
  async run({ api: { node } }) {
    const status = await node.status();
    const least = coins(node.mempool.policy.minRelayFeeRate);
    return {
      version: versionNumber(status.version),
      subversion: `/stackchain:${status.version}(${status.name})/`,
      protocolversion: PROTOCOL_VERSION,
      localservices: SERVICES,
      localservicesnames: SERVICE_NAMES,
      localrelay: true,
      timeoffset: 0,
      networkactive: true,
      connections: status.peers,
      connections_in: 0,
      connections_out: status.peers,
      networks: [],
      relayfee: least,
      incrementalfee: least,
      localaddresses: [],
      warnings: [],
    };
  },
};

/** One of Core's names, which clients parse: what is neither address of the internet has this one. */
function networkOf(address: string): string {
  const host = URL.canParse(address) ? new URL(address).hostname : '';
  if (/^(127|10)\.|^192\.168\.|^\[::1\]$/.test(host)) return 'not_publicly_routable';
  if (/^\d+\.\d+\.\d+\.\d+$/.test(host)) return 'ipv4';
  return host.startsWith('[') ? 'ipv6' : 'not_publicly_routable';
}

const getPeerInfo: Method = {
  name: 'getpeerinfo',
  params: [],
  required: 0,
  async run({ api: { node } }) {
    const peers = await node.gossip.peers();
    // Connections do not last here, and what they carried is not counted: 0, or empty. Clients refuse
    // an answer without it.
    return peers.map((peer, id) => ({
      id,
      addr: peer.address,
      addrbind: '',
      network: networkOf(peer.address),
      services: SERVICES,
      servicesnames: SERVICE_NAMES,
      relaytxes: true,
      lastsend: 0,
      lastrecv: peer.lastSeen,
      last_transaction: 0,
      last_block: 0,
      bytessent: 0,
      bytesrecv: 0,
      conntime: 0,
      timeoffset: 0,
      version: PROTOCOL_VERSION,
      subver: '',
      inbound: peer.address === '',
      bip152_hb_to: false,
      bip152_hb_from: false,
      startingheight: peer.height,
      presynced_headers: -1,
      synced_headers: peer.height,
      synced_blocks: peer.height,
      inflight: [],
      addr_relay_enabled: true,
      addr_processed: 0,
      addr_rate_limited: 0,
      permissions: [],
      minfeefilter: coins(0),
      bytessent_per_msg: {},
      bytesrecv_per_msg: {},
      connection_type: 'manual',
      transport_protocol_type: 'v1',
      session_id: '',
      // Not Core's.
      transport: peer.transport,
      banscore: peer.score,
    }));
  },
};

const validateAddress: Method = {
  name: 'validateaddress',
  params: ['address'],
  required: 1,
  async run({ api: { node } }, args) {
    const script = addressScript(node, args.string(0));
    if (script === undefined) {
      return {
        isvalid: false,
        error_locations: [],
        error: 'Invalid or unsupported Base58-encoded address.',
      };
    }
    return {
      isvalid: true,
      address: script.address,
      scriptPubKey: toHex(script.scriptPubKey),
      isscript: false,
      iswitness: false,
    };
  },
};

/** Every transaction of the chain is found by its id, and no other index has a name of Core's. */
const getIndexInfo: Method = {
  name: 'getindexinfo',
  params: ['index_name'],
  required: 0,
  async run({ api: { node } }, args) {
    if (args.string(0, 'txindex') !== 'txindex') return {};
    const { entry } = await node.chain.tip();
    return { txindex: { synced: true, best_block_height: entry.height } };
  },
};

export const nodeMethods: readonly Method[] = [
  uptime,
  getIndexInfo,
  { name: 'ping', params: [], required: 0, run: async () => null },
  { name: 'getzmqnotifications', params: [], required: 0, run: async () => [] },
  getNetworkInfo,
  getPeerInfo,
  validateAddress,
  {
    name: 'getconnectioncount',
    params: [],
    required: 0,
    run: async ({ api }) => (await api.node.status()).peers,
  },
];
