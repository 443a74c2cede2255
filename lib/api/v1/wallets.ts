/** Rows of the node's own wallets, and of any address. */

import { addressBalance } from '../../node/address-coins.ts';
import type { Balance, WalletService } from '../../wallet/types.ts';
import { type AddressScript, addressScript } from '../lookups.ts';
import { pageOf } from '../paging.ts';
import { invalidRequest, notFound, rejectProblem, unavailable } from '../problem.ts';
import { type Api, defineRow } from '../row.ts';
import {
  AddressParams,
  AddressSchema,
  PageQuery,
  SendAnswer,
  SendRequestSchema,
  WalletAnswer,
  WalletList,
  WalletRequest,
} from '../schemas.ts';

const SHOWN_CHARS = 100;

function walletOf(api: Api): WalletService {
  const { wallet } = api.options;
  if (wallet === undefined) throw unavailable('this node holds no wallets');
  return wallet;
}

/** Throws Problem `invalid-request`. */
export function scriptOf(api: Api, address: string): AddressScript {
  const script = addressScript(api.node, address);
  if (script !== undefined) return script;
  throw invalidRequest(`${address.slice(0, SHOWN_CHARS)} is no address of this network`);
}

const balanceOf = (api: Api, address: string): Promise<Balance> =>
  addressBalance(api.node, { address, script: scriptOf(api, address).scriptHash });

export const createWallet = defineRow({
  method: 'post',
  path: '/v1/wallets',
  summary: 'A new address, its key kept by this node',
  tag: 'wallets',
  token: true,
  idempotent: true,
  body: WalletRequest,
  answers: { 201: { description: 'Made', schema: WalletAnswer } },
  async handle(api) {
    const { address, path } = await walletOf(api).keystore.newAddress();
    return { status: 201, body: { address, path } };
  },
});

export const listWallets = defineRow({
  method: 'get',
  path: '/v1/wallets',
  summary: 'Addresses whose keys this node keeps, newest first',
  tag: 'wallets',
  token: true,
  query: PageQuery,
  answers: { 200: { description: 'A page', schema: WalletList } },
  async handle(api, { query }) {
    const addresses = await walletOf(api).keystore.addresses();
    const { limit, cursor } = query;
    const page = pageOf('wallets', addresses, { limit, cursor, nameOf: (address) => address });
    const items = [];
    for (const address of page.items) {
      const { confirmedSats, spendableSats } = await balanceOf(api, address);
      items.push({ address, confirmedSats, spendableSats });
    }
    return { status: 200, body: { items, next: page.next } };
  },
});

export const send = defineRow({
  method: 'post',
  path: '/v1/wallets/{address}/send',
  summary: 'Pays from an address of this node; change goes back to it',
  tag: 'wallets',
  token: true,
  idempotent: true,
  params: AddressParams,
  body: SendRequestSchema,
  answers: { 202: { description: 'In the mempool', schema: SendAnswer } },
  problems: [404, 422],
  async handle(api, { params, body }) {
    const wallet = walletOf(api);
    scriptOf(api, params.address);
    scriptOf(api, body.to);
    if (!(await wallet.keystore.has(params.address))) {
      throw notFound('this node has no key for the sender’s address');
    }
    const { to, amountSats, feeSats } = body;
    const sent = await wallet.send({
      from: params.address,
      to,
      amountSats,
      ...(feeSats === undefined ? {} : { feeSats }),
    });
    if (!sent.ok) throw rejectProblem(sent.reject);
    const { txid, feeSats: paidSats, changeSats } = sent.value;
    return { status: 202, body: { txid, feeSats: paidSats, changeSats } };
  },
});

export const getAddress = defineRow({
  method: 'get',
  path: '/v1/addresses/{address}',
  summary: 'What an address holds',
  tag: 'addresses',
  params: AddressParams,
  answers: { 200: { description: 'Amounts', schema: AddressSchema } },
  async handle(api, { params }) {
    return { status: 200, body: await balanceOf(api, params.address) };
  },
});
