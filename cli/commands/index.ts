/** All commands, in the order in which help lists them: the seed's first. */
import type { CliCommand } from '../command.ts';
import { createWallet } from './create-wallet.ts';
import { exportKey } from './export-key.ts';
import { generate } from './generate.ts';
import { getBalance } from './get-balance.ts';
import { importKey } from './import-key.ts';
import { initBlockchain } from './init-blockchain.ts';
import { listAddresses } from './list-addresses.ts';
import { network } from './network.ts';
import { peers } from './peers.ts';
import { printBlockchain } from './print-blockchain.ts';
import { restore } from './restore.ts';
import { send } from './send.ts';
import { sendRaw } from './send-raw.ts';
import { showPhrase } from './show-phrase.ts';
import { status } from './status.ts';
import { up } from './up.ts';

export const COMMANDS: readonly CliCommand[] = [
  createWallet,
  listAddresses,
  initBlockchain,
  printBlockchain,
  getBalance,
  send,
  up,
  network,
  generate,
  status,
  peers,
  sendRaw,
  exportKey,
  importKey,
  showPhrase,
  restore,
];
