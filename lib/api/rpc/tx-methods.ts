/** Methods that hand transactions in, and those on the mempool. */
import { decodeTx, fromHex } from '../../codec/index.ts';
import type { MempoolEntry } from '../../mempool/types.ts';
import type { Node } from '../../node/types.ts';
import type { Txid } from '../../types.ts';
import { allEntries, feeRates } from '../fee-rate.ts';
import { findTx } from '../lookups.ts';
import { feeRateOf } from './amount.ts';
import { decodeFailed, invalidParameter, RPC, RpcError, wrongType } from './errors.ts';
import { coins, WEIGHT_PER_BYTE } from './forms.ts';
import type { Args, Method } from './method.ts';

/** Core's guard against a fee typed wrong: 0.10 coins per 1,000 bytes. */
const MAX_FEE_RATE_SATS = 10_000_000;
const TEST_TXS_MAX = 25;
/** Sequences below this say that the transaction may be replaced (BIP125). */
const REPLACEABLE_BELOW = 0xfffffffe;

/** Base units per 1,000 bytes; 0 takes any fee. */
function maxFeeRate(args: Args, at: number): number {
  const value = args.raw(at);
  if (value === undefined) return MAX_FEE_RATE_SATS;
  // Core's argument before 0.19, which btcd's client still sends: allowhighfees.
  if (typeof value === 'boolean') return value ? 0 : MAX_FEE_RATE_SATS;
  return feeRateOf(value);
}

/** The most that the rate allows is rounded up, as Core rounds it. */
const tooDear = (feeSats: number, bytes: number, rateMax: number): boolean =>
  rateMax > 0 && feeSats > Math.ceil((rateMax * bytes) / 1000);

const sendRawTransaction: Method = {
  name: 'sendrawtransaction',
  params: ['hexstring', 'maxfeerate', 'maxburnamount'],
  required: 1,
  async run({ api: { node } }, args) {
    const raw = args.bytes(0);
    if (raw === undefined || !decodeTx(raw).ok) throw decodeFailed();
    const rateMax = maxFeeRate(args, 1);
    const checked = await node.mempool.test(raw);
    if (checked.ok && tooDear(checked.value.feeSats, checked.value.bytes, rateMax)) {
      throw new RpcError(
        RPC.verifyError,
        'Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)',
      );
    }
    const outcome = await node.acceptTx(raw, { local: true });
    if (outcome.status === 'accepted') return outcome.entry.txid;
    if (outcome.status === 'known') {
      const inMempool = (await node.mempool.get(outcome.txid)) !== undefined;
      if (inMempool || (await findTx(node, outcome.txid))?.place === undefined) return outcome.txid;
      throw new RpcError(RPC.verifyAlreadyInChain, 'Transaction outputs already in utxo set');
    }
    const { reason, kind } =
      outcome.status === 'rejected'
        ? outcome.reject
        : { reason: 'bad-txns-inputs-missingorspent', kind: 'missing' };
    const code = kind === 'missing' ? RPC.verifyError : RPC.verifyRejected;
    throw new RpcError(code, reason);
  },
};

async function testOne(node: Node, hex: unknown, rateMax: number): Promise<object> {
  if (typeof hex !== 'string') throw wrongType(hex, 'string');
  const raw = fromHex(hex);
  const tx = raw && decodeTx(raw);
  if (raw === undefined || !tx?.ok) throw decodeFailed(hex);
  const { txid } = tx.value;
  const verdict = await node.mempool.test(raw);
  const refused = (reason: string): object => ({
    txid,
    wtxid: txid,
    allowed: false,
    'reject-reason': reason,
  });
  if (!verdict.ok) {
    const { reason } = verdict.reject;
    // This method alone has another name for it (Core's rpc/mempool.cpp).
    return refused(reason === 'bad-txns-inputs-missingorspent' ? 'missing-inputs' : reason);
  }
  const { feeSats, bytes } = verdict.value;
  if (tooDear(feeSats, bytes, rateMax)) return refused('max-fee-exceeded');
  const fees = {
    base: coins(feeSats),
    'effective-feerate': coins(Math.floor((feeSats * 1000) / bytes)),
    'effective-includes': [txid],
  };
  return { txid, wtxid: txid, allowed: true, vsize: bytes, fees };
}

const testMempoolAccept: Method = {
  name: 'testmempoolaccept',
  params: ['rawtxs', 'maxfeerate'],
  required: 1,
  async run({ api: { node } }, args) {
    const hexes = args.array(0);
    const rateMax = maxFeeRate(args, 1);
    if (hexes.length < 1 || hexes.length > TEST_TXS_MAX) {
      throw invalidParameter(`Array must contain between 1 and ${TEST_TXS_MAX} transactions.`);
    }
    const results: object[] = [];
    for (const hex of hexes) results.push(await testOne(node, hex, rateMax));
    return results;
  },
};

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

function entryForms(entries: readonly MempoolEntry[], height: number): (txid: Txid) => object {
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
  const signals = (entry: MempoolEntry): boolean =>
    entry.tx.inputs.some(({ sequence }) => sequence < REPLACEABLE_BELOW);
  return (txid) => {
    const entry = byId.get(txid) as MempoolEntry;
    const above = [txid, ...reach(txid, parentsOf)];
    const below = [txid, ...reach(txid, childrenOf)];
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
      'bip125-replaceable': total(above, (one) => (signals(one) ? 1 : 0)) > 0,
      unbroadcast: false,
    };
  };
}

const getRawMempool: Method = {
  name: 'getrawmempool',
  params: ['verbose', 'mempool_sequence'],
  required: 0,
  async run({ api: { node } }, args) {
    const verbose = args.bool(0, false);
    const entries = await allEntries(node);
    if (!verbose) return entries.map(({ txid }) => txid);
    const { entry: tip } = await node.chain.tip();
    const formOf = entryForms(entries, tip.height);
    return Object.fromEntries(entries.map(({ txid }) => [txid, formOf(txid)]));
  },
};

const getMempoolEntry: Method = {
  name: 'getmempoolentry',
  params: ['txid'],
  required: 1,
  async run({ api: { node } }, args) {
    const txid = args.txid(0);
    if ((await node.mempool.get(txid)) === undefined) {
      throw new RpcError(RPC.invalidAddressOrKey, 'Transaction not in mempool');
    }
    const [entries, { entry: tip }] = await Promise.all([allEntries(node), node.chain.tip()]);
    if (!entries.some((entry) => entry.txid === txid)) {
      throw new RpcError(RPC.invalidAddressOrKey, 'Transaction not in mempool');
    }
    return entryForms(entries, tip.height)(txid);
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
    };
  },
};

const estimateSmartFee: Method = {
  name: 'estimatesmartfee',
  params: ['conf_target', 'estimate_mode'],
  required: 1,
  async run({ api: { node } }, args) {
    const blocks = args.integer(0);
    if (blocks < 1 || blocks > 1008) {
      throw invalidParameter('Invalid conf_target, must be between 1 and 1008');
    }
    const [rate = 0] = await feeRates(node, [blocks]);
    return { feerate: coins(Math.ceil(rate * 1000)), blocks };
  },
};

export const txMethods: readonly Method[] = [
  sendRawTransaction,
  testMempoolAccept,
  getRawMempool,
  getMempoolEntry,
  getMempoolInfo,
  estimateSmartFee,
];
