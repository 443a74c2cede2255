/** The row that a wallet with keys of its own asks: what an address may spend. */
import { type SpendablePage, spendablePage } from '../../node/address-coins.ts';
import { fromCursor, toCursor } from '../paging.ts';
import { defineRow } from '../row.ts';
import { AddressParams, CoinList, PageQuery } from '../schemas.ts';
import { scriptOf } from './wallets.ts';

const COINS = 'coins';
/** Where a cursor may point: at an outpoint. */
const OUTPOINT = /^[0-9a-f]{64}:\d{1,10}$/;

const toItem = ({ outpoint, valueSats, unconfirmed }: SpendablePage['coins'][number]) => ({
  txid: outpoint.txid,
  vout: outpoint.vout,
  valueSats,
  confirmed: unconfirmed !== true,
});

/** Mature, claimed by no unconfirmed transaction; unconfirmed ones only if they are own change. */
export const listCoins = defineRow({
  method: 'get',
  path: '/v1/addresses/{address}/coins',
  summary: 'Coins that the address may spend now; a page may be short though more follow',
  tag: 'addresses',
  params: AddressParams,
  query: PageQuery,
  answers: { 200: { description: 'A page', schema: CoinList } },
  async handle(api, { params, query }) {
    const { scriptHash } = scriptOf(api, params.address);
    const place = fromCursor(COINS, query.cursor);
    const after = place !== undefined && OUTPOINT.test(place) ? place : undefined;
    const { coins, next } = await spendablePage(api.node, scriptHash, {
      after,
      limit: query.limit,
    });
    const cursor = next === undefined ? null : toCursor(COINS, next);
    return { status: 200, body: { items: coins.map(toItem), next: cursor } };
  },
});
