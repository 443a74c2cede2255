/** `send`: pays from an address whose key is here; signs itself, whatever node takes the payment. */
import { createHttpCoinSource } from '../../lib/adapters/http-coin-source.ts';
import type { Sats } from '../../lib/types.ts';
import { type Payer, sendPayment } from '../../lib/wallet/pay.ts';
import type { Keystore, SendRequest } from '../../lib/wallet/types.ts';
import { parseCoins } from '../amounts.ts';
import { type CliCommand, type Context, textOption } from '../command.ts';
import { CliError, refused, rejected, usage } from '../errors.ts';
import { type ChainHandle, withChain } from '../host/connect.ts';
import { expectedForm, hashOfAddress } from '../host/network.ts';
import { withKeystore } from '../host/wallet.ts';

interface Request {
  readonly from: string;
  readonly to: string;
  readonly amountSats: Sats;
  readonly feeSats: Sats | undefined;
  readonly freshChange: boolean;
}

interface Sent {
  readonly txid: string;
  readonly feeSats: number;
  readonly blockHash: string | null;
}

/** Nobody else is asked to carry a payment that its sender mines: the seed's way, without a fee. */
const OWN_CHAIN_POLICY = { minRelayFeeRate: 0, dustSats: 0 } as const;
const MINE_TIMEOUT_MS = 3_600_000;

function readRequest(options: Readonly<Record<string, unknown>>): Request {
  const amountSats = parseCoins(textOption(options, 'amount') ?? '');
  const feeText = textOption(options, 'fee');
  const feeSats = feeText === undefined ? undefined : parseCoins(feeText);
  const change = (textOption(options, 'change') ?? 'back').toLowerCase();
  if (amountSats === undefined || amountSats === 0) throw usage('Error: Amount is not valid');
  if (feeText !== undefined && feeSats === undefined) throw usage('Error: Fee is not valid');
  if (change !== 'back' && change !== 'fresh') throw usage('Error: --change takes back or fresh.');
  return {
    from: textOption(options, 'from') ?? '',
    to: textOption(options, 'to') ?? '',
    amountSats,
    feeSats,
    freshChange: change === 'fresh',
  };
}

async function pay(
  { client, params, isRunning }: ChainHandle,
  keystore: Keystore,
  request: Request,
): Promise<Sent> {
  const { from, to, amountSats, feeSats = isRunning ? undefined : 0, freshChange } = request;
  const { addressVersion } = params;
  const source = createHttpCoinSource({
    url: '',
    addressVersion,
    fetch: (path, init) => client.fetch(path, init),
  });
  const payer: Payer = { source, signer: keystore, addressVersion };
  if (!(await keystore.has(from)))
    throw refused(`Error: no key for ${from} here.`, 'not-found', 404);
  const changeTo = freshChange ? (await keystore.newAddress()).address : undefined;
  const payment: SendRequest = {
    from,
    to,
    amountSats,
    ...(feeSats !== undefined && { feeSats }),
    ...(changeTo !== undefined && { changeTo }),
  };
  const sent = await sendPayment(payer, payment);
  if (!sent.ok) {
    if (sent.reject.reason !== 'insufficient-funds') throw rejected(sent.reject);
    throw refused('Not enough funds!', 'insufficient-funds', 422);
  }
  const { txid, feeSats: paidSats } = sent.value;
  const blockHash = isRunning ? null : await mineOne({ client, params, isRunning }, from);
  return { txid, feeSats: paidSats, blockHash };
}

/** No node runs: the payment's block is made here, and its sender gets the reward. */
async function mineOne({ client }: ChainHandle, address: string): Promise<string> {
  try {
    const { hashes } = await client.call<{ hashes: readonly string[] }>('/v1/mine', {
      method: 'POST',
      body: { blocks: 1, address },
      authorized: true,
      timeoutMs: MINE_TIMEOUT_MS,
    });
    return hashes[0] ?? '';
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const said = error.message.replace(/^Error: /, '');
    throw new CliError(`Error: the payment is kept for the next block, this one failed: ${said}`, {
      exit: error.exit,
      code: error.problem.code,
    });
  }
}

function checkAddresses(
  { from, to }: Request,
  form: { readonly addressVersion: number } | undefined,
): void {
  if (form === undefined) return;
  if (hashOfAddress(from, form) === undefined) throw usage('Error: Sender address is not valid');
  if (hashOfAddress(to, form) === undefined) throw usage('Error: Recipient address is not valid');
}

async function run(context: Context, options: Readonly<Record<string, unknown>>): Promise<void> {
  const { settings, print, note } = context;
  const request = readRequest(options);
  checkAddresses(request, expectedForm(settings));
  const sent = await withChain(
    settings,
    async (chain) => {
      checkAddresses(request, chain.params);
      return withKeystore(context, (keystore) => pay(chain, keystore, request), chain.params);
    },
    { policy: OWN_CHAIN_POLICY },
  );
  note(`Transaction ${sent.txid}`);
  await print(settings.json ? JSON.stringify(sent) : 'Success!');
}

export const send: CliCommand = {
  examples: [
    'stackchain send --from A --to B --amount 0.5',
    'stackchain send --from A --to B --amount 2 --fee 0.0001 --change fresh',
  ],
  configure(command) {
    command
      .requiredOption('--from <A>', 'an address of list-addresses')
      .requiredOption('--to <B>', 'who is paid')
      .requiredOption('--amount <N>', 'in coins, at most 8 decimal places')
      .option('--fee <N>', 'in coins (default: by size; 0 where no node runs)')
      .option('--change <where>', 'back to A, or to a fresh address', 'back');
  },
  run,
};
