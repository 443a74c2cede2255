/** The two tables of a node. */
import { RemovalPolicy } from 'aws-cdk-lib';
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb';
import { Construct } from 'constructs';
import { chainTableName, type NodeId, walletTableName } from '../names.ts';

export interface NodeStoreProps {
  readonly id: NodeId;
  /** Everything goes with the stack, also wallets: for throw-away networks only. */
  readonly dev: boolean;
  /** Name of a chain table restored from a backup, in place of the stack's own. */
  readonly restoredTable?: string;
  /** Bounds what a flood can cost, units a second. */
  readonly maxWriteUnits?: number;
  readonly maxReadUnits?: number;
}

const WRITE_UNITS_MAX = 1000;
const READ_UNITS_MAX = 4000;

export class NodeStore extends Construct {
  readonly chain: Table;
  readonly wallet: Table;

  constructor(scope: Construct, name: string, props: NodeStoreProps) {
    super(scope, name);
    const { id, dev } = props;
    const shape = {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      timeToLiveAttribute: 'x',
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
    };
    this.chain = new Table(this, 'Chain', {
      ...shape,
      tableName: props.restoredTable ?? chainTableName(id),
      maxWriteRequestUnits: props.maxWriteUnits ?? WRITE_UNITS_MAX,
      maxReadRequestUnits: props.maxReadUnits ?? READ_UNITS_MAX,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.wallet = new Table(this, 'Wallet', {
      ...shape,
      tableName: walletTableName(id),
      maxWriteRequestUnits: 100,
      maxReadRequestUnits: 400,
      deletionProtection: !dev,
      removalPolicy: dev ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    });
  }
}
