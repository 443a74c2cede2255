/**
 * `--traffic`, the seed's demonstration: each node holds ten wallets; every 2 to 3 s one with coins
 * pays half of them to another; after each block the balances are shown.
 */
import { systemRandom } from '../../lib/adapters/system-random.ts';
import { coinsText } from '../../lib/api/seed-json.ts';
import type { LocalNode } from './local-network.ts';
import { sleep } from './sleep.ts';

const WALLETS_PER_NODE = 10;
const PAUSE_MS_MIN = 2_000;
const PAUSE_MS_MORE = 1_000;
/** Less than this is dust after the fee. */
const PAYMENT_SATS_MIN = 10_000;

interface Purse {
  readonly node: LocalNode;
  readonly address: string;
}

export interface Payment {
  readonly node: string;
  readonly from: string;
  readonly to: string;
  readonly amountSats: number;
  readonly txid: string;
}

export interface TrafficOptions {
  readonly signal: AbortSignal;
  readonly onPayment: (payment: Payment) => void;
  readonly onFailure: (message: string) => void;
  readonly line: (text: string) => void;
}

/** Pays until the signal says so. */
export async function runTraffic(
  nodes: readonly LocalNode[],
  options: TrafficOptions,
): Promise<void> {
  const { signal, onFailure } = options;
  const purses = (await Promise.all(nodes.map(pursesOf))).flat();
  const forget = showBalances(nodes, purses, options);
  try {
    while (!signal.aborted) {
      await sleep(PAUSE_MS_MIN + PAUSE_MS_MORE * draw(), signal);
      if (signal.aborted) return;
      await payOnce(purses, options).catch((error: unknown) => {
        if (!signal.aborted) onFailure(error instanceof Error ? error.message : String(error));
      });
    }
  } finally {
    forget();
  }
}

/** 0 to 1. */
const draw = (): number => new DataView(systemRandom.bytes(4).buffer).getUint32(0) / 2 ** 32;

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: draw() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}

async function pursesOf(node: LocalNode): Promise<Purse[]> {
  const { keystore } = node.wallet;
  const addresses = [...(await keystore.addresses())].reverse();
  while (addresses.length < WALLETS_PER_NODE) addresses.push((await keystore.newAddress()).address);
  return addresses.slice(0, WALLETS_PER_NODE).map((address) => ({ node, address }));
}

async function payOnce(purses: readonly Purse[], options: TrafficOptions): Promise<void> {
  for (const { node, address } of shuffled(purses)) {
    const balance = await node.wallet.balance(address);
    const amountSats = balance.ok ? Math.floor(balance.value.spendableSats / 2) : 0;
    if (amountSats < PAYMENT_SATS_MIN) continue;
    const to = shuffled(purses).find((purse) => purse.address !== address)?.address;
    if (to === undefined) return;
    const sent = await node.wallet.send({ from: address, to, amountSats });
    if (!sent.ok) {
      options.onFailure(`${node.name} could not pay: ${sent.reject.reason}`);
      return;
    }
    const { txid } = sent.value;
    options.onPayment({ node: node.name, from: address, to, amountSats, txid });
    return;
  }
}

function showBalances(
  nodes: readonly LocalNode[],
  purses: readonly Purse[],
  { line, signal }: TrafficOptions,
): () => void {
  const show = async (height: number): Promise<void> => {
    line(`Balances at height ${height}:`);
    for (const { node, address } of purses) {
      const balance = await node.wallet.balance(address);
      if (!balance.ok || balance.value.confirmedSats === 0 || signal.aborted) continue;
      line(`  ${node.name} ${address} ${coinsText(balance.value.confirmedSats)}`);
    }
  };
  const [first] = nodes;
  if (first === undefined) return () => undefined;
  let showing = false;
  return first.node.on((event) => {
    // While the chain is caught up, not every block needs its table.
    if (event.type !== 'tip' || showing) return;
    showing = true;
    const done = (): void => {
      showing = false;
    };
    show(event.height).then(done, done);
  });
}
