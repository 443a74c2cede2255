/** Methods that hand transactions in, and what a fee should be. */
import { decodeTx, fromHex } from '../../codec/index.ts';
import type { Node } from '../../node/types.ts';
import { feeRates } from '../fee-rate.ts';
import { findTx } from '../lookups.ts';
import { feeRateOf } from './amount.ts';
import { decodeFailed, invalidParameter, RPC, RpcError, wrongType } from './errors.ts';
import { coins } from './forms.ts';
import type { Args, Method } from './method.ts';

/** Core's guard against a fee typed wrong: 0.10 coins per 1,000 bytes. */
const MAX_FEE_RATE_SATS = 10_000_000;
const TEST_TXS_MAX = 25;
/** All the same here: no history is kept to be careful with. */
const ESTIMATE_MODES = ['unset', 'economical', 'conservative'];

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

const estimateSmartFee: Method = {
  name: 'estimatesmartfee',
  params: ['conf_target', 'estimate_mode'],
  required: 1,
  async run({ api: { node } }, args) {
    const blocks = args.integer(0);
    if (blocks < 1 || blocks > 1008) {
      throw invalidParameter('Invalid conf_target, must be between 1 and 1008');
    }
    const mode = args.string(1, 'unset').toLowerCase();
    if (!ESTIMATE_MODES.includes(mode)) {
      const known = ESTIMATE_MODES.map((one) => `"${one}"`).join(', ');
      throw invalidParameter(`Invalid estimate_mode parameter, must be one of: ${known}`);
    }
    const [rate = 0] = await feeRates(node, [blocks]);
    return { feerate: coins(Math.ceil(rate * 1000)), blocks };
  },
};

export const txMethods: readonly Method[] = [
  sendRawTransaction,
  testMempoolAccept,
  estimateSmartFee,
];
