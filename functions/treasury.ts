/** The signer of a treasury's key in KMS; a file of its own, for few stacks have one to load it for. */
import { KMSClient } from '@aws-sdk/client-kms';
import { awsLimits } from '../lib/adapters/aws-limits.ts';
import { createKmsSigner, type KmsSigner } from '../lib/adapters/kms-signer.ts';

export const openTreasury = (keyId: string, addressVersion: number): Promise<KmsSigner> =>
  createKmsSigner({ client: new KMSClient(awsLimits()), keyId, addressVersion });
