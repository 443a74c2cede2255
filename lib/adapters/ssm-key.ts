/**
 * A 32-byte key in an SSM SecureString: made by the first who needs it, never written over. Whoever
 * loses the race to make it reads the winner's.
 */
import { GetParameterCommand, PutParameterCommand, type SSMClient } from '@aws-sdk/client-ssm';
import { Fault } from '../faults.ts';
import type { Random } from '../ports/random.ts';
import type { SecretKey } from './dynamodb-vault.ts';

const KEY_BYTES = 32;

export function createSsmKey(options: {
  readonly client: SSMClient;
  readonly name: string;
  readonly random: Random;
  /** A key of KMS that seals the parameter; absent: the account's own for SSM. */
  readonly kmsKeyId?: string;
}): SecretKey {
  const { client, name, random, kmsKeyId } = options;
  let kept: Uint8Array | undefined;

  async function read(): Promise<Uint8Array | undefined> {
    if (kept !== undefined) return kept;
    try {
      const answer = await client.send(
        new GetParameterCommand({ Name: name, WithDecryption: true }),
      );
      const key = new Uint8Array(Buffer.from(answer.Parameter?.Value ?? '', 'base64'));
      if (key.length !== KEY_BYTES) throw new Fault('keystore', `The parameter ${name} is no key.`);
      kept = key;
      return key;
    } catch (error) {
      if ((error as Error).name === 'ParameterNotFound') return undefined;
      throw error;
    }
  }

  return {
    read,
    async create() {
      try {
        await client.send(
          new PutParameterCommand({
            Name: name,
            Type: 'SecureString',
            ...(kmsKeyId !== undefined && { KeyId: kmsKeyId }),
            Overwrite: false,
            Value: Buffer.from(random.bytes(KEY_BYTES)).toString('base64'),
          }),
        );
      } catch (error) {
        if ((error as Error).name !== 'ParameterAlreadyExists') throw error;
      }
      const key = await read();
      if (key === undefined) throw new Fault('keystore', `The parameter ${name} cannot be read.`);
      return key;
    },
  };
}
