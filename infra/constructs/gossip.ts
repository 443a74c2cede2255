/** The inbox of a node: the queue, who may send to it, and what reads it. */
import { Duration, Stack } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam';
import {
  FilterCriteria,
  FilterRule,
  type Function as LambdaFunction,
} from 'aws-cdk-lib/aws-lambda';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import type { StackLine } from '../../functions/stack-line.ts';
import { dlqName, inboxName, type NodeId, rolePattern } from '../names.ts';
import { foreignSenders } from './foreign-senders.ts';

export interface NodeGossipProps {
  readonly id: NodeId;
  /** Genesis hash: messages of another network are filtered out before they cost a call. */
  readonly genesis: string;
  /** Nodes of other accounts, from their invite lines. */
  readonly foreignPeers: readonly StackLine[];
  /** An organization of AWS (`o-…`) whose accounts' nodes may send. */
  readonly organization?: string;
  /**
   * Refuse what does not come by TLS. An emulator speaks plain HTTP, and compares the ARN of a
   * role's session where AWS compares the role's.
   */
  readonly tlsOnly: boolean;
}

/** At least six times the inbox function's timeout, or messages are handled twice at once. */
const VISIBILITY = Duration.seconds(180);
const RECEIVES_MAX = 5;
const BATCH = 10;
const CONCURRENCY_MAX = 5;
/** The CDK spreads statements over policies, but splits none; a managed policy holds 6,144 characters. */
const QUEUES_PER_STATEMENT = 20;

export class NodeGossip extends Construct {
  readonly inbox: Queue;
  readonly dlq: Queue;
  readonly #id: NodeId;
  readonly #genesis: string;
  /** SQS counts a batch as sending; MiniStack with real IAM knows an action of its own for it. */
  readonly #sending: readonly string[];

  constructor(scope: Construct, name: string, props: NodeGossipProps) {
    super(scope, name);
    this.#id = props.id;
    this.#genesis = props.genesis;
    this.#sending = ['sqs:SendMessage', ...(props.tlsOnly ? [] : ['sqs:SendMessageBatch'])];
    // A key of KMS would shut other accounts out: SQS encrypts by itself.
    const encryption = QueueEncryption.SQS_MANAGED;
    this.dlq = new Queue(this, 'Dlq', {
      queueName: dlqName(props.id),
      encryption,
      enforceSSL: props.tlsOnly,
      retentionPeriod: Duration.days(14),
    });
    this.inbox = new Queue(this, 'Inbox', {
      queueName: inboxName(props.id),
      encryption,
      enforceSSL: props.tlsOnly,
      retentionPeriod: Duration.days(1),
      visibilityTimeout: VISIBILITY,
      deadLetterQueue: { queue: this.dlq, maxReceiveCount: RECEIVES_MAX },
    });
    if (props.foreignPeers.length > 0) this.#letIn(props.foreignPeers, !props.tlsOnly);
    if (props.organization !== undefined) this.#letInOrganization(props.organization);
  }

  /** Of any account of the organization the roles of this network's nodes, and nobody else. */
  #letInOrganization(organization: string): void {
    const pattern = rolePattern({ network: this.#id.network, node: '*' });
    this.inbox.addToResourcePolicy(
      new PolicyStatement({
        sid: 'Organization',
        effect: Effect.ALLOW,
        principals: [new AnyPrincipal()],
        actions: ['sqs:SendMessage'],
        resources: [this.inbox.queueArn],
        conditions: {
          StringEquals: { 'aws:PrincipalOrgID': organization },
          StringLike: {
            'aws:PrincipalArn': `arn:${Stack.of(this).partition}:iam::*:role/${pattern}`,
          },
        },
      }),
    );
  }

  #letIn(peers: readonly StackLine[], isEmulated: boolean): void {
    this.inbox.addToResourcePolicy(
      new PolicyStatement({
        sid: 'ForeignPeers',
        effect: Effect.ALLOW,
        principals: [new AnyPrincipal()],
        actions: [...this.#sending],
        resources: [this.inbox.queueArn],
        conditions: foreignSenders(peers, isEmulated),
      }),
    );
  }

  /** Messages of this version and network wake the function, a few at a time. */
  feeds(fn: LambdaFunction): void {
    fn.addEventSource(
      new SqsEventSource(this.inbox, {
        batchSize: BATCH,
        maxBatchingWindow: Duration.seconds(0),
        maxConcurrency: CONCURRENCY_MAX,
        reportBatchItemFailures: true,
        filters: [
          FilterCriteria.filter({
            body: { v: FilterRule.isEqual(1), network: FilterRule.isEqual(this.#genesis) },
          }),
        ],
      }),
    );
  }

  /** `role` may send to the inboxes of neighbours and foreign peers, each named. */
  letSend(role: Role, neighbours: readonly string[], foreign: readonly StackLine[]): void {
    const { partition, region, account } = Stack.of(this);
    const own = neighbours.map(
      (node) =>
        `arn:${partition}:sqs:${region}:${account}:${inboxName({ network: this.#id.network, node })}`,
    );
    const resources = [...own, ...foreign.map(({ queue }) => queue)];
    for (let at = 0; at < resources.length; at += QUEUES_PER_STATEMENT) {
      const some = resources.slice(at, at + QUEUES_PER_STATEMENT);
      role.addToPolicy(new PolicyStatement({ actions: [...this.#sending], resources: some }));
    }
  }
}
