/** Bitcoin's own networks: regtest, on which nodes run, and mainnet, for real headers only. */

import { makeHeader } from '../codec/header.ts';
import { fromHex, toHex } from '../codec/hex.ts';
import type { BlockHash, Hash, Sats } from '../types.ts';
import type { ChainParams } from './chain-params.ts';

/** Count and coinbase of Bitcoin's first block, the same on both. */
const GENESIS_TXS =
  '0101000000010000000000000000000000000000000000000000000000000000000000000000ffffffff' +
  '4d04ffff001d0104455468652054696d65732030332f4a616e2f32303039204368616e63656c6c6f7220' +
  '6f6e206272696e6b206f66207365636f6e64206261696c6f757420666f722062616e6b73ffffffff0100' +
  'f2052a01000000434104678afdb0fe5548271967f1a67130b7105cd6a828e03909a67962e0ea1f61deb6' +
  '49f6bc3f4cef38c4f35504e51ec112de5c384df7ba0b8d578a4c702b6bf11d5fac00000000';
const GENESIS_ROOT = '4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b' as Hash;
const COIN = 100_000_000;

function genesis(fields: { time: number; bits: number; nonce: number }) {
  const prevHash = '0'.repeat(64) as BlockHash;
  const header = makeHeader({ version: 1, prevHash, merkleRoot: GENESIS_ROOT, ...fields });
  const raw = fromHex(toHex(header.raw) + GENESIS_TXS) as Uint8Array;
  return { genesis: raw, genesisHash: header.hash };
}

const COMMON = {
  genesisSpendable: false,
  maxFutureSeconds: 7200,
  subsidySats: (50 * COIN) as Sats,
  maturity: 100,
  minimumChainWork: 0n,
  checkpoints: [],
  reorgLimit: 0,
  peers: [],
} as const;

/** Bitcoin's regression test network, its genesis and its rules; ours are a strict subset. */
export const regtest: ChainParams = {
  ...COMMON,
  ...genesis({ time: 1_296_688_602, bits: 0x207fffff, nonce: 2 }),
  name: 'regtest',
  powLimit: (1n << 255n) - 1n,
  powLimitBits: 0x207fffff,
  retarget: { kind: 'none', spacing: 600 },
  halving: 150,
  addressVersion: 0x6f,
  wifVersion: 0xef,
};

/** For real headers and vectors: no node runs on it. */
export const mainnet: ChainParams = {
  ...COMMON,
  ...genesis({ time: 1_231_006_505, bits: 0x1d00ffff, nonce: 2_083_236_893 }),
  name: 'mainnet',
  powLimit: (1n << 224n) - 1n,
  powLimitBits: 0x1d00ffff,
  retarget: { kind: 'bitcoin', spacing: 600, window: 2016 },
  halving: 210_000,
  addressVersion: 0x00,
  wifVersion: 0x80,
};
