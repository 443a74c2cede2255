/**
 * One node: tables, inbox, functions, HTTP API, alarms, and its miner. Ids are made of names, never
 * of positions: another node changes nothing here but the list of peers.
 */
import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib';
import { LambdaAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { EventInvokeConfig } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import type { StackLine } from '../functions/stack-line.ts';
import { NodeApi } from './constructs/api.ts';
import { ForeignLines } from './constructs/foreign-lines.ts';
import { NodeFunctions } from './constructs/functions.ts';
import { NodeGossip } from './constructs/gossip.ts';
import { LambdaMiner } from './constructs/lambda-miner.ts';
import { type MinerGround, NodeMiner } from './constructs/miner.ts';
import { NodeAlarms } from './constructs/observability.ts';
import { NodeStore } from './constructs/store.ts';
import {
  type FunctionName,
  functionName,
  inboxName,
  type NodeId,
  peerParameter,
  SENDING_ROLES,
  walletKeyParameter,
} from './names.ts';

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

export interface NodeStackProps extends StackProps {
  /** Lower-case letters, digits, hyphens; at most 20. */
  readonly nodeName: string;
  readonly network: NetworkFacts;
  /** Names of the other nodes of this account and region. */
  readonly neighbours: readonly string[];
  /** Nodes of other accounts, from their invite lines. */
  readonly foreignPeers?: readonly StackLine[];
  /** Default `off`. */
  readonly miner?: MinerKind;
  /** Tasks of a Fargate miner. Default 1. */
  readonly miners?: number;
  /** Who the miner pays; without it rewards are left unclaimed. */
  readonly miningAddress?: string;
  /** Needed with a Fargate miner: SharedStack, or a network and cluster of one's own. */
  readonly ground?: MinerGround;
  readonly minerImage?: string;
  readonly minerArchitecture?: 'arm64' | 'x86';
  /** Folder of the bundles that `npm run build:functions` makes. */
  readonly bundles: string;
  /** Refuse queue messages without TLS. Default true; an emulator needs false. */
  readonly tlsOnly?: boolean;
  /** Where the API is reached, if not where AWS puts it: an emulator's URL. */
  readonly apiUrl?: string;
  /** Throw-away: destroying removes wallets too. Default false. */
  readonly dev?: boolean;
  /** A chain table restored from a backup. */
  readonly restoredTable?: string;
  /** X-Ray. Default off. */
  readonly tracing?: boolean;
}

const TICK = Duration.minutes(5);

export class NodeStack extends Stack {
  readonly nodeId: NodeId;
  readonly store: NodeStore;
  readonly gossip: NodeGossip;
  readonly functions: NodeFunctions;
  readonly api: NodeApi;
  readonly miner: NodeMiner | undefined;
  readonly lambdaMiner: LambdaMiner | undefined;
  readonly url: string;
  readonly #foreign: ForeignLines;

  constructor(scope: Construct, id: string, props: NodeStackProps) {
    super(scope, id, props);
    this.nodeId = { network: props.network.name, node: props.nodeName };
    this.store = new NodeStore(this, 'Store', {
      id: this.nodeId,
      dev: props.dev ?? false,
      ...(props.restoredTable !== undefined && { restoredTable: props.restoredTable }),
    });
    this.#foreign = new ForeignLines(this, 'Foreign', this.nodeId, props.foreignPeers ?? []);
    this.gossip = new NodeGossip(this, 'Gossip', {
      id: this.nodeId,
      genesis: props.network.genesisHash,
      foreignPeers: props.foreignPeers ?? [],
      tlsOnly: props.tlsOnly ?? true,
    });
    this.functions = new NodeFunctions(this, 'Functions', {
      id: this.nodeId,
      bundles: props.bundles,
      environment: this.#environment(props),
      tracing: props.tracing ?? false,
    });
    const { all } = this.functions;
    for (const each of Object.values(all)) each.node.addDependency(this.#foreign);
    this.api = new NodeApi(this, 'Http', {
      id: this.nodeId,
      publicFunction: all.public,
      privateFunction: all.private,
    });
    this.url = props.apiUrl ?? this.api.url;
    this.miner = this.#makeMiner(props);
    this.lambdaMiner = this.#makeLambdaMiner(props);
    this.lambdaMiner?.fn.node.addDependency(this.#foreign);
    this.#wire();
    this.#grant(props);
    this.#alarms(props);
    this.#tell(props);
  }

  #environment(props: NodeStackProps): Record<string, string> {
    const { partition, region, account } = this;
    const peers = props.neighbours.map((node) => ({ network: props.network.name, node }));
    return {
      NODE_OPTIONS: '--enable-source-maps',
      STACKCHAIN_NODE_NAME: props.nodeName,
      STACKCHAIN_NETWORK_FILE: props.network.file,
      STACKCHAIN_CHAIN_TABLE: this.store.chain.tableName,
      STACKCHAIN_INBOX_ARN: `arn:${partition}:sqs:${region}:${account}:${inboxName(this.nodeId)}`,
      STACKCHAIN_PEER_PARAMETERS: peers.map(peerParameter).join(','),
      STACKCHAIN_OWN_PARAMETER: peerParameter(this.nodeId),
      STACKCHAIN_FOREIGN_PARAMETERS: this.#foreign.parameters.join(','),
      STACKCHAIN_SYNC_FUNCTION: functionName(this.nodeId, 'sync'),
      ...(props.miner === 'lambda' && {
        STACKCHAIN_MINE_FUNCTION: functionName(this.nodeId, 'mine'),
      }),
    };
  }

  #minerEnvironment(props: NodeStackProps): Record<string, string> {
    const { miningAddress } = props;
    return {
      ...this.#environment(props),
      ...(miningAddress !== undefined && { STACKCHAIN_MINING_ADDRESS: miningAddress }),
    };
  }

  #makeLambdaMiner(props: NodeStackProps): LambdaMiner | undefined {
    if (props.miner !== 'lambda') return undefined;
    return new LambdaMiner(this, 'Miner', {
      id: this.nodeId,
      bundles: props.bundles,
      environment: this.#minerEnvironment(props),
      tracing: props.tracing ?? false,
    });
  }

  #makeMiner(props: NodeStackProps): NodeMiner | undefined {
    const { miner = 'off', ground } = props;
    if (miner === 'off' || miner === 'lambda') return undefined;
    if (ground === undefined) throw new Error('a Fargate miner needs `ground`, e.g. a SharedStack');
    return new NodeMiner(this, 'Miner', {
      id: this.nodeId,
      ground,
      spot: miner === 'fargate-spot',
      count: props.miners ?? 1,
      environment: this.#minerEnvironment(props),
      bundle: `${props.bundles}/miner`,
      ...(props.minerImage !== undefined && { image: props.minerImage }),
      ...(props.minerArchitecture !== undefined && { architecture: props.minerArchitecture }),
    });
  }

  /** What wakes what. */
  #wire(): void {
    const { all } = this.functions;
    this.gossip.feeds(all.inbox);
    new Rule(this, 'Tick', {
      schedule: Schedule.rate(TICK),
      targets: [new LambdaTarget(all.tick, { retryAttempts: 0 })],
    });
    new EventInvokeConfig(this, 'SyncCalls', {
      function: all.sync,
      retryAttempts: 2,
      maxEventAge: Duration.hours(1),
      onFailure: new SqsDestination(this.gossip.dlq),
    });
  }

  #senders(): { name: string; role: Role }[] {
    const { roles } = this.functions;
    const all: Record<string, Role | undefined> = {
      ...roles,
      mine: this.lambdaMiner?.role,
      miner: this.miner?.role,
    };
    return SENDING_ROLES.flatMap((name) => {
      const role = all[name];
      return role === undefined ? [] : [{ name, role }];
    });
  }

  /** Each role what it needs, action by action. */
  #grant(props: NodeStackProps): void {
    const { roles } = this.functions;
    const { partition, region, account } = this;
    const parameter = (name: string): string =>
      `arn:${partition}:ssm:${region}:${account}:parameter${name}`;
    const peers = [...props.neighbours, props.nodeName].map((node) =>
      parameter(peerParameter({ network: this.nodeId.network, node })),
    );
    for (const { role } of this.#senders()) {
      this.gossip.letSend(role, props.neighbours, props.foreignPeers ?? []);
      role.addToPolicy(
        new PolicyStatement({
          actions: ['ssm:GetParameter', 'ssm:GetParameters'],
          resources: [...peers, ...this.#foreign.parameters.map(parameter)],
        }),
      );
      role.addToPolicy(
        new PolicyStatement({ actions: CHAIN_ACTIONS, resources: [this.store.chain.tableArn] }),
      );
    }
    const sync = `arn:${partition}:lambda:${region}:${account}:function:${functionName(this.nodeId, 'sync')}`;
    for (const each of ['public', 'private', 'inbox', 'sync', 'tick'] satisfies FunctionName[]) {
      roles[each].addToPolicy(
        new PolicyStatement({ actions: ['lambda:InvokeFunction'], resources: [sync] }),
      );
    }
    for (const role of Object.values(roles)) this.lambdaMiner?.letCall(role);
    this.lambdaMiner?.letCall(this.lambdaMiner.role);
    roles.inbox.addToPolicy(
      new PolicyStatement({
        actions: ['sqs:ChangeMessageVisibility'],
        resources: [this.gossip.inbox.queueArn],
      }),
    );
    roles.tick.addToPolicy(
      new PolicyStatement({
        actions: ['sqs:GetQueueAttributes', 'sqs:SetQueueAttributes'],
        resources: [this.gossip.inbox.queueArn],
      }),
    );
    this.#grantWallet(roles.private, parameter(walletKeyParameter(this.nodeId)));
  }

  /** Only `private` reads wallets and the key that seals them. */
  #grantWallet(role: Role, keyParameter: string): void {
    role.addToPolicy(
      new PolicyStatement({ actions: WALLET_ACTIONS, resources: [this.store.wallet.tableArn] }),
    );
    role.addToPolicy(
      new PolicyStatement({
        actions: ['ssm:GetParameter', 'ssm:PutParameter'],
        resources: [keyParameter],
      }),
    );
    this.functions.all.private.addEnvironment(
      'STACKCHAIN_WALLET_TABLE',
      this.store.wallet.tableName,
    );
    this.functions.all.private.addEnvironment(
      'STACKCHAIN_WALLET_KEY',
      walletKeyParameter(this.nodeId),
    );
  }

  #alarms(props: NodeStackProps): void {
    new NodeAlarms(this, 'Alarms', {
      id: this.nodeId,
      inbox: this.gossip.inbox,
      dlq: this.gossip.dlq,
      functions: {
        ...this.functions.all,
        ...(this.lambdaMiner !== undefined && { mine: this.lambdaMiner.fn }),
      },
      spacingSeconds: props.network.spacingSeconds,
      miner: minerLife(props.miner),
      breaker: new LambdaAction(this.functions.all.tick),
    });
  }

  /** What no name gives: the API's URL and the ids of the sending roles. */
  #tell(props: NodeStackProps): void {
    const line = {
      network: props.network.name,
      genesis: props.network.genesisHash,
      name: props.nodeName,
      url: this.url,
      queue: this.gossip.inbox.queueArn,
      roles: this.#senders().map(({ role }) => role.roleId),
    };
    new StringParameter(this, 'PeerLine', {
      parameterName: peerParameter(this.nodeId),
      stringValue: this.toJsonString(line),
    });
    const outputs: Record<string, string> = {
      ApiUrl: this.url,
      InboxUrl: this.gossip.inbox.queueUrl,
      InboxArn: this.gossip.inbox.queueArn,
      DlqUrl: this.gossip.dlq.queueUrl,
      ChainTableName: this.store.chain.tableName,
      WalletTableName: this.store.wallet.tableName,
      MinerServiceName: this.miner?.service.serviceName ?? 'none',
    };
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value });
  }
}

function minerLife(miner: MinerKind = 'off'): 'none' | 'running' | 'called' {
  if (miner === 'off') return 'none';
  return miner === 'lambda' ? 'called' : 'running';
}

const WALLET_ACTIONS = [
  'dynamodb:GetItem',
  'dynamodb:BatchGetItem',
  'dynamodb:Query',
  'dynamodb:PutItem',
  'dynamodb:UpdateItem',
  'dynamodb:DeleteItem',
  'dynamodb:ConditionCheckItem',
];
/** Large commits put new rows by statements. */
const CHAIN_ACTIONS = [...WALLET_ACTIONS, 'dynamodb:PartiQLInsert'];
