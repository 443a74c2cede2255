/**
 * All commands, in the order in which help lists them: the seed's first. A command's file is loaded
 * when it is called: a wallet's command need not wait for the server's libraries.
 */
import type { CommandEntry } from '../command.ts';

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'create-wallet',
    summary: 'make a new address; the first one makes the phrase that restores them all',
    load: async () => (await import('./create-wallet.ts')).createWallet,
  },
  {
    name: 'list-addresses',
    summary: 'list the addresses of the wallets here, newest first',
    load: async () => (await import('./list-addresses.ts')).listAddresses,
  },
  {
    name: 'init-blockchain',
    summary: 'found a chain of your own; its first block pays you 50 coins',
    load: async () => (await import('./init-blockchain.ts')).initBlockchain,
  },
  {
    name: 'print-blockchain',
    summary: 'print the blocks, newest first',
    load: async () => (await import('./print-blockchain.ts')).printBlockchain,
  },
  {
    name: 'get-balance',
    summary: 'show what an address holds in the chain, in coins',
    load: async () => (await import('./get-balance.ts')).getBalance,
  },
  {
    name: 'send',
    summary: 'pay coins from one of your addresses',
    load: async () => (await import('./send.ts')).send,
  },
  {
    name: 'up',
    summary: 'run one node here; it mines unless told otherwise',
    staysUp: true,
    load: async () => (await import('./up.ts')).up,
  },
  {
    name: 'network',
    summary: 'run several nodes on this machine, some of them mining',
    staysUp: true,
    load: async () => (await import('./network.ts')).network,
  },
  {
    name: 'generate',
    summary: 'mine N blocks now and print their hashes',
    load: async () => (await import('./generate.ts')).generate,
  },
  {
    name: 'mine',
    summary: 'mine for a node, with all threads and the lines of minerd',
    staysUp: true,
    load: async () => (await import('./mine.ts')).mine,
  },
  {
    name: 'status',
    summary: 'show the tip, the mempool, the peers and the miner of the node',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'peers',
    summary: 'list the peers of the node; add or remove one',
    load: async () => (await import('./peers.ts')).peers,
  },
  {
    name: 'send-raw',
    summary: 'hand over a signed transaction (hex, on stdin)',
    load: async () => (await import('./send-raw.ts')).sendRaw,
  },
  {
    name: 'export-key',
    summary: "print an address's private key (WIF): whoever reads it can spend its coins",
    load: async () => (await import('./export-key.ts')).exportKey,
  },
  {
    name: 'import-key',
    summary: 'take a private key (WIF, on stdin) into the wallets here',
    load: async () => (await import('./import-key.ts')).importKey,
  },
  {
    name: 'show-phrase',
    summary: 'print the phrase (BIP39) that restores all addresses made here',
    load: async () => (await import('./show-phrase.ts')).showPhrase,
  },
  {
    name: 'restore',
    summary: 'restore the first addresses of a phrase (on stdin)',
    load: async () => (await import('./restore.ts')).restore,
  },
  {
    name: 'deploy',
    summary: 'put up N nodes on AWS, or on a cloud emulated here (--local)',
    staysUp: true,
    load: async () => (await import('./deploy.ts')).deploy,
  },
  {
    name: 'destroy',
    summary: 'take down what deploy put up; wallets are kept',
    load: async () => (await import('./destroy.ts')).destroy,
  },
  {
    name: 'token',
    summary: 'make a new token for the API of a deployed node',
    load: async () => (await import('./token.ts')).token,
  },
  {
    name: 'invite',
    summary: 'print the line by which a node of another account knows a deployed one',
    load: async () => (await import('./invite.ts')).invite,
  },
];
