/**
 * The Vault port on a DynamoDB item, sealed by AES-256-GCM under a key that lies elsewhere (SSM):
 * who reads the table alone reads nothing. One item, replaced only on top of the revision that it
 * was made from. Owns item and seal; where the key comes from is a parameter.
 *
 *   pk "keystore", sk "-": r revision, w id of the write, n nonce (12 bytes), d sealed record + tag
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';
import { Fault } from '../faults.ts';
import type { Random } from '../ports/random.ts';
import type { Vault } from '../wallet/types.ts';

const KEY = { pk: { S: 'keystore' }, sk: { S: '-' } };
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const WRITE_ID_BYTES = 16;

export interface SecretKey {
  /** 32 bytes; undefined: none was made yet. */
  read(): Promise<Uint8Array | undefined>;
  /** Makes it unless somebody else just did, and answers the one that is kept. */
  create(): Promise<Uint8Array>;
}

export interface DynamoVaultOptions {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly key: SecretKey;
  readonly random: Random;
}

/** A revision is sealed with its number, so that an older one cannot be passed off as a newer. */
const associated = (revision: number): Buffer => Buffer.from(`stackchain keystore ${revision}`);

export function createDynamoVault(options: DynamoVaultOptions): Vault {
  const { client, table, key, random } = options;
  const readItem = async () => {
    const answer = await client.send(
      new GetItemCommand({ TableName: table, Key: KEY, ConsistentRead: true }),
    );
    return answer.Item;
  };

  async function load(): Promise<{ revision: number; data: Uint8Array } | undefined> {
    const item = await readItem();
    if (item === undefined) return undefined;
    const revision = Number(item['r']?.N);
    const secret = await key.read();
    if (secret === undefined) {
      throw new Fault('keystore', 'The key that seals the wallets is missing.');
    }
    const nonce = item['n']?.B ?? new Uint8Array(0);
    const sealed = item['d']?.B ?? new Uint8Array(0);
    try {
      const cipher = createDecipheriv('aes-256-gcm', secret, nonce).setAAD(associated(revision));
      cipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
      const body = cipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
      return { revision, data: new Uint8Array(Buffer.concat([body, cipher.final()])) };
    } catch (cause) {
      throw new Fault('keystore', 'The wallets are damaged, or sealed by another key.', { cause });
    }
  }

  async function save(data: Uint8Array, revision: number): Promise<boolean> {
    const secret = (await key.read()) ?? (await key.create());
    const nonce = random.bytes(NONCE_BYTES);
    const next = revision + 1;
    const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(associated(next));
    const sealed = Buffer.concat([cipher.update(data), cipher.final(), cipher.getAuthTag()]);
    const writeId = Buffer.from(random.bytes(WRITE_ID_BYTES)).toString('hex');
    const update = new UpdateItemCommand({
      TableName: table,
      Key: KEY,
      UpdateExpression: 'SET r = :r, w = :w, n = :n, d = :d',
      ConditionExpression: revision === 0 ? 'attribute_not_exists(r)' : 'r = :was',
      ExpressionAttributeValues: {
        ':r': { N: String(next) },
        ':w': { S: writeId },
        ':n': { B: nonce },
        ':d': { B: sealed },
        ...(revision > 0 && { ':was': { N: String(revision) } }),
      },
    });
    try {
      await client.send(update);
      return true;
    } catch (error) {
      if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
      // An earlier try of the client's may have been carried out and its answer lost.
      return (await readItem())?.['w']?.S === writeId;
    }
  }

  return {
    async revision() {
      return Number((await readItem())?.['r']?.N ?? 0);
    },
    load,
    save,
    close: async () => undefined,
  };
}
