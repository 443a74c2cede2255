/**
 * The API's token: 256 random bits of which only a salted HMAC is kept (the form of Core's rpcauth).
 * Two at a time: the one before stays valid until the next is made. Without one, writing is closed.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type DynamoDBClient, GetItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb';

const KEY = { pk: { S: 'tokens' }, sk: { S: '-' } };
const TOKENS_MAX = 2;
const TOKEN_BYTES = 32;
const SALT_BYTES = 16;
/** So long a token that was replaced may still be believed. */
const CACHE_MS = 60_000;
/** A token that is not known may be newer than what was read; guesses cost no more reads than this. */
const READ_AGAIN_MS = 200;

const hmac = (salt: string, token: string): string =>
  createHmac('sha256', salt).update(token).digest('hex');

async function readEntries(client: DynamoDBClient, table: string): Promise<string[]> {
  const answer = await client.send(
    new GetItemCommand({ TableName: table, Key: KEY, ConsistentRead: true }),
  );
  return answer.Item?.['t']?.L?.map(({ S = '' }) => S) ?? [];
}

/** Makes a token, forgets all but the newest before it, and answers it: it is shown this once. */
export async function rotateToken(client: DynamoDBClient, table: string): Promise<string> {
  for (;;) {
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const salt = randomBytes(SALT_BYTES).toString('hex');
    const before = await readEntries(client, table);
    const entries = [`${salt}$${hmac(salt, token)}`, ...before].slice(0, TOKENS_MAX);
    const [newest] = before;
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: table,
          Key: KEY,
          UpdateExpression: 'SET t = :t',
          ConditionExpression: newest === undefined ? 'attribute_not_exists(t)' : 't[0] = :was',
          ExpressionAttributeValues: {
            ':t': { L: entries.map((S) => ({ S })) },
            ...(newest !== undefined && { ':was': { S: newest } }),
          },
        }),
      );
      return token;
    } catch (error) {
      if ((error as Error).name !== 'ConditionalCheckFailedException') throw error;
    }
  }
}

export interface TokenCheck {
  isValid(token: string): Promise<boolean>;
}

export function createTokenCheck(options: {
  readonly client: DynamoDBClient;
  readonly table: string;
  readonly nowMs: () => number;
}): TokenCheck {
  const { client, table, nowMs } = options;
  let entries: readonly string[] = [];
  let readAtMs = Number.NEGATIVE_INFINITY;
  const read = async (): Promise<void> => {
    entries = await readEntries(client, table);
    readAtMs = nowMs();
  };
  return {
    async isValid(token) {
      if (!/^[0-9a-f]{64}$/.test(token)) return false;
      if (nowMs() - readAtMs > CACHE_MS) await read();
      if (isAmong(entries, token)) return true;
      if (nowMs() - readAtMs <= READ_AGAIN_MS) return false;
      await read();
      return isAmong(entries, token);
    },
  };
}

const isAmong = (entries: readonly string[], token: string): boolean =>
  entries.some((entry) => {
    const [salt = '', kept = ''] = entry.split('$');
    const given = Buffer.from(hmac(salt, token));
    return given.length === kept.length && timingSafeEqual(given, Buffer.from(kept));
  });
