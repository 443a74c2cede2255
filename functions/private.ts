/** What wants a token: JSON-RPC, wallets, peers, mining on command. The only function that reads wallets. */
import { SSMClient } from '@aws-sdk/client-ssm';
import { awsLimits } from '../lib/adapters/aws-limits.ts';
import { createDynamoClient } from '../lib/adapters/dynamodb-store.ts';
import { createDynamoVault } from '../lib/adapters/dynamodb-vault.ts';
import { createSsmKey } from '../lib/adapters/ssm-key.ts';
import { createWalletService } from '../lib/node/wallet-service.ts';
import { createKeystore } from '../lib/wallet/keystore.ts';
import type { Keystore } from '../lib/wallet/types.ts';
import { withSigner } from '../lib/wallet/with-signer.ts';
import { createHandler } from './api.ts';
import { createTimedGenerate } from './generate.ts';
import { createTokenCheck } from './tokens.ts';

/** Attempts of plain table calls: the vault and the tokens need no deadline. */
const ATTEMPTS = 3;

export const handler = createHandler('private', async (host) => {
  const { walletTable, walletKey, walletKmsKey, treasuryKmsKey, params } = host.environment;
  if (walletTable === undefined || walletKey === undefined) {
    throw new Error('STACKCHAIN_WALLET_TABLE and STACKCHAIN_WALLET_KEY are not set');
  }
  const client = createDynamoClient({ maxAttempts: ATTEMPTS });
  const { random, clock, node } = host;
  const tokens = createTokenCheck({ client, table: walletTable, nowMs: () => clock.nowMs() });
  const key = createSsmKey({
    client: new SSMClient(awsLimits()),
    name: walletKey,
    random,
    ...(walletKmsKey !== undefined && { kmsKeyId: walletKmsKey }),
  });
  const { addressVersion, wifVersion } = params;
  const vault = createDynamoVault({ client, table: walletTable, key, random });
  let keystore: Keystore = await createKeystore({ vault, random, addressVersion, wifVersion });
  if (treasuryKmsKey !== undefined) {
    const { openTreasury } = await import('./treasury.ts');
    keystore = withSigner(keystore, await openTreasury(treasuryKmsKey, addressVersion));
  }
  return {
    wallet: createWalletService({ node, keystore }),
    generate: createTimedGenerate({ node }),
    // JSON-RPC's password is the token too, under any name.
    authorize: async ({ bearer, password }) => tokens.isValid(bearer ?? password ?? ''),
  };
});
