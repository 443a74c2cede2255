/**
 * Wallet calls against a node in this process: the keystore signs, the node's chain tells the coins,
 * its mempool takes the payment. Owns that payments from one address wait for each other, so that
 * they do not reach for the same coin.
 */
import { refuse } from '../rejects.ts';
import { scriptHash } from '../script/index.ts';
import { type Txid, type Verdict, valid } from '../types.ts';
import { lockOf } from '../wallet/build-transaction.ts';
import { buildPayment, type Payer, sendPayment } from '../wallet/pay.ts';
import type { CoinSource, Keystore, SpendableCoin, WalletService } from '../wallet/types.ts';
import { addressBalance, type CoinNode, spendableCoins } from './address-coins.ts';
import type { Node } from './types.ts';

const RATE_BYTES = 1000;

type WalletNode = CoinNode & Pick<Node, 'acceptTx'>;

/** A node in this process as a source of coins. */
export function createNodeCoinSource(node: WalletNode): CoinSource {
  return {
    async *coins(address) {
      const lock = lockOf(address, node.params.addressVersion);
      if (lock.ok) yield* spendableCoins(node, scriptHash(lock.value));
    },

    async feeRate() {
      const { minFeeRateSatVb } = await node.mempool.info();
      return Math.ceil(minFeeRateSatVb * RATE_BYTES);
    },

    async submit(raw): Promise<Verdict<Txid>> {
      const outcome = await node.acceptTx(raw, { local: true });
      switch (outcome.status) {
        case 'accepted':
          return valid(outcome.entry.txid);
        case 'known':
          return valid(outcome.txid);
        case 'orphan':
          return refuse('missing-inputs');
        case 'rejected':
          return { ok: false, reject: outcome.reject };
      }
    },
  };
}

/** Rejects of its calls: see WalletService and wallet/pay.ts. */
export function createWalletService(options: {
  readonly node: WalletNode;
  readonly keystore: Keystore;
}): WalletService {
  const { node, keystore } = options;
  const { addressVersion } = node.params;
  const source = createNodeCoinSource(node);
  const payer: Payer = { source, signer: keystore, addressVersion };
  const turns = new Map<string, Promise<unknown>>();

  /** After what was asked for this address before. */
  function inTurn<T>(address: string, work: () => Promise<T>): Promise<T> {
    const mine = (turns.get(address) ?? Promise.resolve()).then(work, work);
    turns.set(address, mine);
    const leave = (): void => {
      if (turns.get(address) === mine) turns.delete(address);
    };
    mine.then(leave, leave);
    return mine;
  }

  return {
    keystore,

    async balance(address) {
      const lock = lockOf(address, addressVersion);
      if (!lock.ok) return lock;
      return valid(await addressBalance(node, { address, script: scriptHash(lock.value) }));
    },

    async coins(address) {
      const coins: SpendableCoin[] = [];
      for await (const page of source.coins(address)) coins.push(...page);
      return coins;
    },

    build: (request) => buildPayment(payer, request),
    send: (request) => inTurn(request.from, () => sendPayment(payer, request)),
  };
}
