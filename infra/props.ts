/** What a NodeStack is told: its props, each with its default. Owns words, makes nothing. */
import type { StackProps } from 'aws-cdk-lib';
import type { IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { StackLine } from '../functions/stack-line.ts';
import type { BudgetProps } from './constructs/budget.ts';
import type { MinerGround } from './constructs/miner.ts';
import type { FunctionName } from './names.ts';

export type MinerKind = 'fargate' | 'fargate-spot' | 'lambda' | 'off';

/** What of the network a stack has to know; the file itself goes to the functions as it is. */
export interface NetworkFacts {
  readonly name: string;
  /** Genesis hash, 64 hex. */
  readonly genesisHash: string;
  /** The network file, JSON. */
  readonly file: string;
  readonly spacingSeconds: number;
}

/** Bounds of what strangers can make the node pay. */
export interface BoundProps {
  /** Write units a second that the chain table takes at most. Default 1,000. */
  readonly writeUnitsMax?: number;
  /** Read units a second that the chain table takes at most. Default 4,000. */
  readonly readUnitsMax?: number;
  /**
   * Concurrency that a function has to itself, and at most. Default none of them: a new account has
   * ten in all, of which AWS lets none be reserved, and the deploy would fail.
   */
  readonly reservedConcurrency?: Readonly<Partial<Record<FunctionName, number>>>;
  /** A letter when the account's month costs more than it should. Default none. */
  readonly budget?: BudgetProps;
}

/** Keys of KMS, each of which costs a dollar a month. */
export interface KeyProps {
  /**
   * A key of one's own that seals the wallets' key in SSM, in place of the account's for SSM. Only
   * read when the first wallet is made: a parameter that exists stays under the key that sealed it.
   * Default none.
   */
  readonly walletKey?: IKey;
  /**
   * A key of the kind ECC_SECG_P256K1, SIGN_VERIFY, that signs for a treasury: its address is one of
   * the node's wallets, and nobody can export it. Default none.
   */
  readonly treasuryKey?: IKey;
}

export interface MinerProps {
  /** `off`: the node follows and serves, and mines on command only. Default `off`. */
  readonly miner?: MinerKind;
  /** Tasks of a Fargate miner. Default 1. */
  readonly miners?: number;
  /** Who the miner pays; without it rewards are left unclaimed. */
  readonly miningAddress?: string;
  /** Needed with a Fargate miner: SharedStack, or a network and cluster of one's own. */
  readonly ground?: MinerGround;
  /** An image that holds the miner (see Dockerfile). Default the stock Node image and an S3 asset. */
  readonly minerImage?: string;
  /** Of the Fargate task. Default `arm64`; x86 costs a quarter more. */
  readonly minerArchitecture?: 'arm64' | 'x86';
}

export interface NodeStackProps extends StackProps, MinerProps, BoundProps, KeyProps {
  /** Lower-case letters, digits, hyphens; at most 20, and with the network's name 28 (names.ts). */
  readonly nodeName: string;
  readonly network: NetworkFacts;
  /** Names of the other nodes of this account and region. Their stacks need not exist yet. */
  readonly neighbours: readonly string[];
  /** Nodes of other accounts, from their invite lines. Default none. */
  readonly foreignPeers?: readonly StackLine[];
  /**
   * Id of an AWS organization (`o-…`): nodes of this network in any of its accounts may send to the
   * inbox. Whose messages count is still told by the lines alone. Default none.
   */
  readonly organization?: string;
  /** Folder of the bundles, as `bundleAll()` makes and answers it. */
  readonly bundles: string;
  /** Refuse queue messages without TLS. Default true; an emulator needs false. */
  readonly tlsOnly?: boolean;
  /** Where the API is reached, if not where AWS puts it: an emulator's URL. */
  readonly apiUrl?: string;
  /** Throw-away: destroying removes wallets too. Default false. */
  readonly dev?: boolean;
  /** Name of a chain table restored from a backup, in place of the stack's own. Default none. */
  readonly restoredTable?: string;
  /** How long logs are kept. Default two weeks. */
  readonly logRetention?: RetentionDays;
  /** X-Ray traces of the functions. Default false. */
  readonly tracing?: boolean;
  /** Whom every alarm tells, e.g. `new SnsAction(topic)`. Default nobody: see them in the console. */
  readonly alarmActions?: readonly IAlarmAction[];
}
