/**
 * One node: tables, inbox, functions, HTTP API, alarms, and its miner. Ids are made of names, never
 * of positions: another node changes nothing here but the list of peers.
 */
import { CfnOutput, Duration, Stack, Token } from 'aws-cdk-lib';
import { Alarm, type IAlarmAction } from 'aws-cdk-lib/aws-cloudwatch';
import { LambdaAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as LambdaTarget } from 'aws-cdk-lib/aws-events-targets';
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import { EventInvokeConfig } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { NodeApi } from './constructs/api.ts';
import { MonthlyBudget } from './constructs/budget.ts';
import { ForeignLines } from './constructs/foreign-lines.ts';
import {
  checkEnvironment,
  NodeFunctions,
  type NodeFunctionsProps,
} from './constructs/functions.ts';
import { NodeGossip } from './constructs/gossip.ts';
import { LambdaMiner } from './constructs/lambda-miner.ts';
import { NodeMiner } from './constructs/miner.ts';
import { NodeAlarms } from './constructs/observability.ts';
import { NodeStore } from './constructs/store.ts';
import {
  type FunctionName,
  functionName,
  inboxName,
  type NodeId,
  nameFault,
  peerParameter,
  SENDING_ROLES,
  walletKeyParameter,
} from './names.ts';
import type { KeyProps, MinerKind, NodeStackProps } from './props.ts';

export type { MinerKind, NetworkFacts, NodeStackProps } from './props.ts';

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
    this.#checkNames(props);
    this.store = new NodeStore(this, 'Store', {
      id: this.nodeId,
      dev: props.dev ?? false,
      restoredTable: props.restoredTable,
      maxWriteUnits: props.writeUnitsMax,
      maxReadUnits: props.readUnitsMax,
    });
    this.#foreign = new ForeignLines(this, 'Foreign', this.nodeId, props.foreignPeers ?? []);
    this.gossip = new NodeGossip(this, 'Gossip', {
      id: this.nodeId,
      genesis: props.network.genesisHash,
      foreignPeers: props.foreignPeers ?? [],
      organization: props.organization,
      tlsOnly: props.tlsOnly ?? true,
    });
    this.functions = new NodeFunctions(this, 'Functions', {
      ...this.#common(props),
      environment: this.#environment(props),
    });
    const { all } = this.functions;
    for (const each of Object.values(all)) each.node.addDependency(this.#foreign);
    this.api = new NodeApi(this, 'Http', {
      id: this.nodeId,
      publicFunction: all.public,
      privateFunction: all.private,
      logRetention: props.logRetention,
    });
    this.url = props.apiUrl ?? this.api.url;
    this.miner = this.#makeMiner(props);
    this.lambdaMiner = this.#makeLambdaMiner(props);
    this.lambdaMiner?.fn.node.addDependency(this.#foreign);
    this.#wire();
    this.#grant(props);
    this.#alarms(props);
    this.#tell(props);
    if (props.budget !== undefined) {
      new MonthlyBudget(this, 'Budget', this.nodeId, props.budget);
    }
    const called = this.lambdaMiner === undefined ? [] : [this.lambdaMiner.fn];
    for (const each of [...Object.values(all), ...called]) checkEnvironment(each);
  }

  /** Beforehand: CloudFormation would say it after minutes, of one role among others. */
  #checkNames({ nodeName, neighbours }: NodeStackProps): void {
    const region = Token.isUnresolved(this.region) ? undefined : this.region;
    for (const node of [nodeName, ...neighbours]) {
      const fault = nameFault({ network: this.nodeId.network, node }, region);
      if (fault !== undefined) throw new Error(fault);
    }
  }

  /** What all functions have in common, the miner's too. */
  #common(props: NodeStackProps): Omit<NodeFunctionsProps, 'environment'> {
    const { bundles, tracing = false, logRetention, reservedConcurrency } = props;
    return { id: this.nodeId, bundles, tracing, logRetention, reservedConcurrency };
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
      ...this.#common(props),
      environment: this.#minerEnvironment(props),
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
      image: props.minerImage,
      architecture: props.minerArchitecture,
      logRetention: props.logRetention,
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
    this.#grantKeys(roles.private, props);
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

  /** Keys of the operator's own. By this role's rights; the key's policy must leave those to IAM. */
  #grantKeys(role: Role, { walletKey, treasuryKey }: KeyProps): void {
    const { all } = this.functions;
    if (walletKey !== undefined) {
      role.addToPolicy(
        new PolicyStatement({
          actions: ['kms:Encrypt', 'kms:Decrypt'],
          resources: [walletKey.keyArn],
          // By SSM only, and for parameters only.
          conditions: { StringEquals: { 'kms:ViaService': `ssm.${this.region}.amazonaws.com` } },
        }),
      );
      all.private.addEnvironment('STACKCHAIN_WALLET_KMS_KEY', walletKey.keyArn);
    }
    if (treasuryKey !== undefined) {
      role.addToPolicy(
        new PolicyStatement({
          actions: ['kms:GetPublicKey', 'kms:Sign'],
          resources: [treasuryKey.keyArn],
        }),
      );
      all.private.addEnvironment('STACKCHAIN_TREASURY_KMS_KEY', treasuryKey.keyArn);
    }
  }

  #alarms(props: NodeStackProps): void {
    const alarms = this.#makeAlarms(props);
    const actions: readonly IAlarmAction[] = props.alarmActions ?? [];
    for (const each of alarms.node.findAll()) {
      if (each instanceof Alarm) each.addAlarmAction(...actions);
    }
  }

  #makeAlarms(props: NodeStackProps): NodeAlarms {
    return new NodeAlarms(this, 'Alarms', {
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
