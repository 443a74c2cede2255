/** What a stack tells its functions and its miner by environment variables, checked. */
import { type ChainParams, parseNetworkFile } from '../lib/params/index.ts';

export interface Environment {
  readonly nodeName: string;
  readonly params: ChainParams;
  readonly chainTable: string;
  /** Only `private` has these two. */
  readonly walletTable: string | undefined;
  readonly walletKey: string | undefined;
  /** Keys of KMS: one that seals the parameter above, one that signs for the treasury. */
  readonly walletKmsKey: string | undefined;
  readonly treasuryKmsKey: string | undefined;
  readonly inboxArn: string;
  /** SSM parameter with this node's own line. */
  readonly ownParameter: string;
  readonly peerParameters: readonly string[];
  /** SSM parameters with the lines of nodes of other accounts, several in each. */
  readonly foreignParameters: readonly string[];
  readonly syncFunction: string;
  /** Only where the miner is one that is called. */
  readonly mineFunction: string | undefined;
  /** Who a miner pays; without it rewards are left unclaimed. */
  readonly miningAddress: string | undefined;
  /** An emulator's endpoint. */
  readonly endpoint: string | undefined;
}

const listOf = (text: string | undefined): string[] =>
  (text ?? '').split(',').filter((part) => part !== '');

export function readEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const need = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set`);
    return value;
  };
  const parsed = parseNetworkFile(JSON.parse(need('STACKCHAIN_NETWORK_FILE')));
  if (!parsed.ok) throw new Error(`STACKCHAIN_NETWORK_FILE: ${parsed.reject.detail}`);
  return {
    nodeName: need('STACKCHAIN_NODE_NAME'),
    params: parsed.value,
    chainTable: need('STACKCHAIN_CHAIN_TABLE'),
    walletTable: env['STACKCHAIN_WALLET_TABLE'],
    walletKey: env['STACKCHAIN_WALLET_KEY'],
    walletKmsKey: env['STACKCHAIN_WALLET_KMS_KEY'],
    treasuryKmsKey: env['STACKCHAIN_TREASURY_KMS_KEY'],
    inboxArn: need('STACKCHAIN_INBOX_ARN'),
    ownParameter: need('STACKCHAIN_OWN_PARAMETER'),
    peerParameters: listOf(env['STACKCHAIN_PEER_PARAMETERS']),
    foreignParameters: listOf(env['STACKCHAIN_FOREIGN_PARAMETERS']),
    syncFunction: need('STACKCHAIN_SYNC_FUNCTION'),
    mineFunction: env['STACKCHAIN_MINE_FUNCTION'],
    miningAddress: env['STACKCHAIN_MINING_ADDRESS'],
    endpoint: env['AWS_ENDPOINT_URL'],
  };
}
