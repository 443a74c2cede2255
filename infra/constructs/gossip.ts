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
import { dlqName, inboxName, type NodeId, rolePattern } from '../names.ts';

/** A node of another account, from its invite line. */
export interface ForeignPeer {
  readonly network: string;
  readonly node: string;
  /** Queue ARN: tells region and account. */
  readonly queueArn: string;
}

export interface NodeGossipProps {
  readonly id: NodeId;
  /** Genesis hash: messages of another network are filtered out before they cost a call. */
  readonly genesis: string;
  readonly foreignPeers: readonly ForeignPeer[];
  /** Refuse what does not come by TLS. An emulator speaks plain HTTP. */
  readonly tlsOnly: boolean;
}

/** At least six times the inbox function's timeout, or messages are handled twice at once. */
const VISIBILITY = Duration.seconds(180);
const RECEIVES_MAX = 5;
const BATCH = 10;
const CONCURRENCY_MAX = 5;

export const accountOf = (arn: string): string => arn.split(':')[4] ?? '';
export const regionOf = (arn: string): string => arn.split(':')[3] ?? '';

export class NodeGossip extends Construct {
  readonly inbox: Queue;
  readonly dlq: Queue;
  readonly #id: NodeId;
  readonly #genesis: string;

  constructor(scope: Construct, name: string, props: NodeGossipProps) {
    super(scope, name);
    this.#id = props.id;
    this.#genesis = props.genesis;
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
    for (const peer of props.foreignPeers) this.#letIn(peer);
  }

  /**
   * Lets in the account, and of it only the peer's roles. Never a role as principal: it must exist
   * first and dies with its id. Both forms of the ARN: the role's, and the session's that an
   * emulator compares.
   */
  #letIn(peer: ForeignPeer): void {
    const account = accountOf(peer.queueArn);
    const pattern = rolePattern(peer);
    this.inbox.addToResourcePolicy(
      new PolicyStatement({
        sid: `Peer${account}${peer.node.replaceAll('-', '')}`,
        effect: Effect.ALLOW,
        principals: [new AnyPrincipal()],
        actions: ['sqs:SendMessage'],
        resources: [this.inbox.queueArn],
        conditions: {
          StringEquals: { 'aws:PrincipalAccount': account },
          StringLike: {
            'aws:PrincipalArn': [
              `arn:aws:iam::${account}:role/${pattern}`,
              `arn:aws:sts::${account}:assumed-role/${pattern}/*`,
            ],
          },
        },
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
  letSend(role: Role, neighbours: readonly string[], foreign: readonly ForeignPeer[]): void {
    const { partition, region, account } = Stack.of(this);
    const own = neighbours.map(
      (node) =>
        `arn:${partition}:sqs:${region}:${account}:${inboxName({ network: this.#id.network, node })}`,
    );
    const resources = [...own, ...foreign.map((peer) => peer.queueArn)];
    if (resources.length === 0) return;
    role.addToPolicy(new PolicyStatement({ actions: ['sqs:SendMessage'], resources }));
  }
}
