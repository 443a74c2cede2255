/**
 * What goes in and out of `/v1`, as zod schemas (interfaces sections 2, 4, 6, 7). They validate
 * requests, and responses in tests; the OpenAPI document is made from them.
 */
import { z } from '@hono/zod-openapi';
import { CURSOR_CHARS_MAX, PAGE_ITEMS_DEFAULT, PAGE_ITEMS_MAX } from './paging.ts';

const SATS_MAX = 21e14;
const HASH = /^[0-9a-fA-F]{64}$/;
/** Bytes of a block, a transaction, in hex digits. */
const BLOCK_HEX_MAX = 2_000_000;
const TX_HEX_MAX = 200_000;
export const MINE_BLOCKS_MAX = 1000;
export const ENVELOPES_MAX = 100;

/* Parts */

export const sats = z.number().int().min(0).max(SATS_MAX).openapi({ example: 5_000_000_000 });
const hash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .openapi({ description: '64 hex digits, display order' });
const height = z.number().int().min(0);
const time = z.number().int().min(0).openapi({ description: 'Unix seconds' });
const hexText = z.string().regex(/^([0-9a-f]{2})*$/);
const address = z.string().min(1).max(100);

const hashText = z
  .string()
  .regex(HASH, 'not 64 hex digits')
  .transform((text) => text.toLowerCase());

/* Requests */

export const AddressParams = z.object({ address });
/** Printable, as all names of rows are. */
export const PeerParams = z.object({ id: z.string().regex(/^[\x21-\x7e]{1,256}$/, 'no id') });
export const TxidParams = z.object({ txid: hashText });
export const BlockParams = z.object({
  block: z
    .string()
    .regex(/^([0-9a-fA-F]{64}|\d{1,9})$/, 'neither a hash nor a height')
    .transform((text) => text.toLowerCase())
    .openapi({ description: 'Hash (64 hex digits) or height' }),
});
/** Digits only: `Number` would also read 0x10, 1e1 and a space. */
const digits = (text: unknown): unknown =>
  typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
export const PageQuery = z.object({
  limit: z
    .preprocess(digits, z.number().int().min(1).max(PAGE_ITEMS_MAX))
    .default(PAGE_ITEMS_DEFAULT),
  cursor: z.string().min(1).max(CURSOR_CHARS_MAX).optional(),
});
export const IdempotencyHeaders = z.object({
  'idempotency-key': z.string().min(1).max(255).optional(),
});

export const WalletRequest = z.strictObject({}).openapi('WalletRequest');
export const SendRequestSchema = z
  .strictObject({
    to: address,
    amountSats: z.number().int().min(1).max(SATS_MAX),
    feeSats: z.number().int().min(0).max(SATS_MAX).optional(),
  })
  .openapi('SendRequest');
export const BlockRequest = z
  .strictObject({ hex: z.string().min(1).max(BLOCK_HEX_MAX) })
  .openapi('BlockRequest');
export const TxRequest = z
  .strictObject({ hex: z.string().min(1).max(TX_HEX_MAX) })
  .openapi('TransactionRequest');
export const PeerRequest = z
  .strictObject({ address: z.string().min(1).max(2048) })
  .openapi('PeerRequest');
export const MineRequest = z
  .strictObject({ blocks: z.number().int().min(1).max(MINE_BLOCKS_MAX), address })
  .openapi('MineRequest');

export const EnvelopeSchema = z
  .object({
    v: z.literal(1),
    network: z.string().max(64),
    from: z.string().max(256),
    type: z.string().min(1).max(32),
    payload: z.union([z.string(), z.record(z.string(), z.unknown())]).openapi({
      description: 'base64 of Bitcoin’s wire form; an object for version, verack, addr',
    }),
  })
  .openapi('Envelope');
export const GossipRequest = z
  .object({ envelopes: z.array(EnvelopeSchema).min(1).max(ENVELOPES_MAX) })
  .openapi('GossipRequest');

/* Answers */

export const ProblemSchema = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string().openapi({ description: 'Stable. Bitcoin’s reject reason, or one of ours' }),
    requestId: z.string(),
  })
  .openapi('Problem');

const listOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({ items: z.array(item), next: z.string().nullable() });

export const SeedInputSchema = z
  .strictObject({
    refTxId: z.union([hash, z.literal('')]),
    refOutIdx: z.number().int().min(-1),
    signature: hexText,
    pubKey: hexText,
  })
  .openapi('Input');
export const SeedOutputSchema = z
  .strictObject({
    idx: z.number().int().min(0),
    value: z.number().openapi({ description: 'Coins, at most 8 places' }),
    pubKeyHash: z.union([z.string().regex(/^[0-9a-f]{40}$/), z.literal('')]),
    scriptPubKey: hexText.optional(),
  })
  .openapi('Output');
export const SeedTxSchema = z
  .strictObject({
    id: hash,
    inputs: z.array(SeedInputSchema),
    outputs: z.array(SeedOutputSchema),
  })
  .openapi('BlockTransaction');
export const SeedBlockSchema = z
  .strictObject({
    hash,
    prevHash: hash,
    timestamp: time,
    height,
    nonce: z.number().int().min(0),
    merkleRoot: hash,
    txs: z.array(SeedTxSchema),
  })
  .openapi('Block');
export const BlockList = listOf(SeedBlockSchema).openapi('BlockList');
export const BlockOutcomeSchema = z
  .strictObject({ hash, status: z.enum(['tip', 'side', 'known', 'orphan', 'inconclusive']) })
  .openapi('BlockOutcome');

export const TxidAnswer = z.strictObject({ txid: hash }).openapi('TransactionId');
export const TxAnswer = z
  .strictObject({
    id: hash,
    inputs: z.array(SeedInputSchema),
    outputs: z.array(SeedOutputSchema),
    feeSats: sats,
    status: z.strictObject({
      confirmed: z.boolean(),
      blockHash: hash.nullable(),
      height: height.nullable(),
      confirmations: z.number().int().min(0),
    }),
  })
  .openapi('Transaction');

export const WalletAnswer = z
  .strictObject({ address, path: z.string().openapi({ example: "m/44'/1'/0'/0/0" }) })
  .openapi('NewWallet');
export const WalletSchema = z
  .strictObject({ address, confirmedSats: sats, spendableSats: sats })
  .openapi('Wallet');
export const WalletList = listOf(WalletSchema).openapi('WalletList');
export const SendAnswer = z
  .strictObject({ txid: hash, feeSats: sats, changeSats: sats })
  .openapi('SendResult');
export const AddressSchema = z
  .strictObject({
    address,
    confirmedSats: sats,
    immatureSats: sats,
    spendableSats: sats,
    pendingInSats: sats,
    pendingOutSats: sats,
    coins: z.number().int().min(0),
  })
  .openapi('Address');
export const CoinList = listOf(
  z
    .strictObject({
      txid: hash,
      vout: z.number().int().min(0),
      valueSats: sats,
      confirmed: z.boolean().openapi({ description: 'false: own change in the mempool' }),
    })
    .openapi('SpendableCoin'),
).openapi('SpendableCoinList');

export const NodeSchema = z
  .strictObject({
    name: z.string(),
    version: z.string(),
    network: z.string(),
    genesis: hash,
    height,
    tip: hash,
    tipTime: time,
    chainwork: hash,
    bits: z.string().regex(/^[0-9a-f]{8}$/),
    difficulty: z.number(),
    headers: height,
    syncing: z.boolean(),
    mempool: z.strictObject({ count: z.number().int(), bytes: z.number().int() }),
    peers: z.number().int().min(0),
    mining: z.strictObject({
      active: z.boolean(),
      hashRate: z.number().min(0),
      address: z.string().nullable(),
    }),
    startedAt: time,
  })
  .openapi('Node');

export const NetworkSchema = z
  .strictObject({
    name: z.string(),
    genesis: hexText,
    genesisSpendable: z.boolean(),
    powLimitBits: z.string().regex(/^[0-9a-f]{8}$/),
    retarget: z.strictObject({
      kind: z.enum(['none', 'bitcoin', 'asert']),
      spacing: z.number().int(),
      halfLife: z.number().int().optional(),
      maxSolveSeconds: z.number().int().optional(),
      window: z.number().int().optional(),
    }),
    maxFutureSeconds: z.number().int(),
    halving: z.number().int(),
    maturity: z.number().int(),
    subsidySats: sats,
    addressVersion: z.number().int(),
    wifVersion: z.number().int(),
  })
  .openapi('Network');

export const PeerSchema = z
  .strictObject({
    id: z.string(),
    address: z.string(),
    transport: z.enum(['http', 'sqs', 'local']),
    height: z.number().int(),
    tip: z.string(),
    score: z.number(),
    banned: z.boolean(),
    lastSeen: time,
  })
  .openapi('Peer');
export const PeerList = listOf(PeerSchema).openapi('PeerList');

export const MempoolSchema = z
  .strictObject({
    count: z.number().int(),
    bytes: z.number().int(),
    feeSats: sats,
    minFeeRateSatVb: z.number(),
  })
  .openapi('Mempool');
export const MempoolList = listOf(
  z
    .strictObject({ txid: hash, bytes: z.number().int(), feeSats: sats, addedAt: time })
    .openapi('MempoolTransaction'),
).openapi('MempoolTransactionList');

export const MineAnswer = z.strictObject({ hashes: z.array(hash) }).openapi('MineResult');
export const GossipAnswer = z
  .strictObject({ envelopes: z.array(EnvelopeSchema) })
  .openapi('GossipResult');
export const HealthSchema = z.strictObject({ status: z.literal('ok') }).openapi('Health');
