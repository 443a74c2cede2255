/** Methods on the mempool. */
import { signalsReplacement } from '../../mempool/policy.ts';
import type { MempoolEntry } from '../../mempool/types.ts';
import type { Node } from '../../node/types.ts';
import { DATA_BYTES_MAX } from '../../script/index.ts';
import { type Outpoint, type Txid, toOutpointKey } from '../../types.ts';
import { allEntries } from '../fee-rate.ts';
import { claimsIn } from '../lookups.ts';
import { invalidParameter, RPC, RpcError, wrongType } from './errors.ts';
import { coins, WEIGHT_PER_BYTE } from './forms.ts';
import { hashOf, type Method } from './method.ts';

/** 52 bits. */
const SEQUENCE_DIGITS = 13;

/** Txids reached from `start` by `next`, without itself. */
function reach(start: Txid, next: (txid: Txid) => readonly Txid[]): Set<Txid> {
  const found = new Set<Txid>();
  const open = [...next(start)];
  for (let txid = open.pop(); txid !== undefined; txid = open.pop()) {
    if (found.has(txid)) continue;
    found.add(txid);
    open.push(...next(txid));
  }
  return found;
}

/** What getmempoolentry and its like say of entries, and their families without themselves. */
interface Families {
  form(txid: Txid): object;
  ancestors(txid: Txid): ReadonlySet<Txid>;
  descendants(txid: Txid): ReadonlySet<Txid>;
}

function familiesOf(entries: readonly MempoolEntry[], height: number): Families {
  const byId = new Map(entries.map((entry) => [entry.txid, entry]));
  const children = new Map<Txid, Txid[]>();
  for (const { txid, parents } of entries) {
    for (const parent of parents) children.set(parent, [...(children.get(parent) ?? []), txid]);
  }
  const parentsOf = (txid: Txid) => (byId.get(txid)?.parents ?? []).filter((id) => byId.has(id));
  const childrenOf = (txid: Txid) => children.get(txid) ?? [];
  const total = (ids: Iterable<Txid>, of: (entry: MempoolEntry) => number): number => {
    let sum = 0;
    for (const id of ids) {
      const entry = byId.get(id);
      if (entry !== undefined) sum += of(entry);
    }
    return sum;
  };
  const ancestors = (txid: Txid) => reach(txid, parentsOf);
  const descendants = (txid: Txid) => reach(txid, childrenOf);
  const form = (txid: Txid): object => {
    const entry = byId.get(txid) as MempoolEntry;
    const above = [txid, ...ancestors(txid)];
    const below = [txid, ...descendants(txid)];
    return {
      vsize: entry.bytes,
      weight: entry.bytes * WEIGHT_PER_BYTE,
      time: entry.addedAt,
      height,
      descendantcount: below.length,
      descendantsize: total(below, ({ bytes }) => bytes),
      ancestorcount: above.length,
      ancestorsize: total(above, ({ bytes }) => bytes),
      wtxid: txid,
      fees: {
        base: coins(entry.feeSats),
        modified: coins(entry.feeSats),
        ancestor: coins(total(above, ({ feeSats }) => feeSats)),
        descendant: coins(total(below, ({ feeSats }) => feeSats)),
      },
      depends: parentsOf(txid),
      spentby: childrenOf(txid),
      'bip125-replaceable': total(above, (one) => (signalsReplacement(one.tx) ? 1 : 0)) > 0,
      unbroadcast: false,
    };
  };
  return { form, ancestors, descendants };
}

/** It moves with every change, as Core's; that it grows is of use with ZMQ only. */
const sequenceNumber = (sequence: string): number =>
  Number.parseInt(sequence.slice(0, SEQUENCE_DIGITS), 16);

const getRawMempool: Method = {
  name: 'getrawmempool',
  params: ['verbose', 'mempool_sequence'],
  required: 0,
  async run({ api: { node } }, args) {
    const verbose = args.bool(0, false);
    const withSequence = args.bool(1, false);
    if (verbose && withSequence) {
      throw invalidParameter('Verbose results cannot contain mempool sequence values.');
    }
    // Before the list, which may be newer but never older.
    const sequence = withSequence ? await node.mempool.sequence() : '';
    const entries = await allEntries(node);
    if (!verbose) {
      const txids = entries.map(({ txid }) => txid);
      return withSequence ? { txids, mempool_sequence: sequenceNumber(sequence) } : txids;
    }
    const { entry: tip } = await node.chain.tip();
    const { form } = familiesOf(entries, tip.height);
    return Object.fromEntries(entries.map(({ txid }) => [txid, form(txid)]));
  },
};

/** The families of the mempool, if the transaction is in it. */
async function familiesWith(node: Node, txid: Txid): Promise<Families> {
  const notThere = new RpcError(RPC.invalidAddressOrKey, 'Transaction not in mempool');
  // One row tells most questions that have no answer: the whole list is read for the others.
  if ((await node.mempool.get(txid)) === undefined) throw notThere;
  const [entries, { entry: tip }] = await Promise.all([allEntries(node), node.chain.tip()]);
  if (!entries.some((entry) => entry.txid === txid)) throw notThere;
  return familiesOf(entries, tip.height);
}

const getMempoolEntry: Method = {
  name: 'getmempoolentry',
  params: ['txid'],
  required: 1,
  async run({ api: { node } }, args) {
    const txid = args.txid(0);
    return (await familiesWith(node, txid)).form(txid);
  },
};

const getFamily = (name: string, side: 'ancestors' | 'descendants'): Method => ({
  name,
  params: ['txid', 'verbose'],
  required: 1,
  async run({ api: { node } }, args) {
    const txid = args.txid(0);
    const verbose = args.bool(1, false);
    const families = await familiesWith(node, txid);
    const txids = [...families[side](txid)];
    return verbose ? Object.fromEntries(txids.map((one) => [one, families.form(one)])) : txids;
  },
});

function outpointOf(value: unknown): Outpoint {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongType(value, 'object');
  }
  const { txid, vout } = value as Record<string, unknown>;
  const id = hashOf(txid, 'txid') as Txid;
  if (typeof vout !== 'number') throw wrongType(vout, 'number');
  if (vout < 0) throw invalidParameter('Invalid parameter, vout cannot be negative');
  return { txid: id, vout };
}

/** Who of the mempool spends outputs. What the chain spent is not asked, as with Core. */
const getTxSpendingPrevout: Method = {
  name: 'gettxspendingprevout',
  params: ['outputs'],
  required: 1,
  async run({ api: { node } }, args) {
    const outpoints = args.array(0).map(outpointOf);
    if (outpoints.length === 0) throw invalidParameter('Invalid parameter, outputs are missing');
    const claims = claimsIn(await allEntries(node));
    return outpoints.map(({ txid, vout }) => {
      const claim = claims.get(toOutpointKey(txid, vout));
      return { txid, vout, ...(claim && { spendingtxid: claim.txid }) };
    });
  },
};

const getMempoolInfo: Method = {
  name: 'getmempoolinfo',
  params: [],
  required: 0,
  async run({ api: { node } }) {
    const { count, bytes, feeSats, minFeeRateSatVb } = await node.mempool.info();
    const { bytesMax, minRelayFeeRate } = node.mempool.policy;
    const least = coins(minRelayFeeRate);
    return {
      loaded: true,
      size: count,
      bytes,
      usage: bytes,
      total_fee: coins(feeSats),
      maxmempool: bytesMax,
      mempoolminfee: coins(Math.ceil(minFeeRateSatVb * 1000)),
      minrelaytxfee: least,
      incrementalrelayfee: least,
      unbroadcastcount: 0,
      fullrbf: false,
      permitbaremultisig: false,
      // With OP_RETURN and the push's two bytes, as Core counts.
      maxdatacarriersize: DATA_BYTES_MAX + 3,
    };
  },
};

export const mempoolMethods: readonly Method[] = [
  getRawMempool,
  getMempoolEntry,
  getFamily('getmempoolancestors', 'ancestors'),
  getFamily('getmempooldescendants', 'descendants'),
  getTxSpendingPrevout,
  getMempoolInfo,
];
