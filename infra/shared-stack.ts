/**
 * What Fargate miners of one account and region run on: a network of public subnets and a cluster.
 * One for all nodes (a region holds five VPCs), and only there when a Fargate miner is on. No NAT,
 * no interface endpoint: gateway endpoints cost nothing.
 */
import { Stack, type StackProps, Validations } from 'aws-cdk-lib';
import {
  GatewayVpcEndpointAwsService,
  IpAddresses,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import { type CfnCluster, Cluster, ContainerInsights } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import type { MinerGround } from './constructs/miner.ts';

export class SharedStack extends Stack implements MinerGround {
  readonly vpc: Vpc;
  readonly cluster: Cluster;
  readonly securityGroup: SecurityGroup;

  constructor(scope: Construct, id: string, props: StackProps = {}) {
    super(scope, id, props);
    this.vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.84.0.0/20'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [{ name: 'public', subnetType: SubnetType.PUBLIC }],
      restrictDefaultSecurityGroup: false,
      gatewayEndpoints: {
        s3: { service: GatewayVpcEndpointAwsService.S3 },
        dynamodb: { service: GatewayVpcEndpointAwsService.DYNAMODB },
      },
    });
    // Nothing calls a miner.
    this.securityGroup = new SecurityGroup(this, 'Outbound', {
      vpc: this.vpc,
      description: 'Miners call out, nothing calls in',
      allowAllOutbound: true,
    });
    this.cluster = new Cluster(this, 'Cluster', {
      vpc: this.vpc,
      containerInsightsV2: ContainerInsights.DISABLED,
    });
    // On the cluster itself: an emulator knows no association of its own.
    const cluster = this.cluster.node.defaultChild as CfnCluster;
    cluster.capacityProviders = ['FARGATE', 'FARGATE_SPOT'];
    Validations.of(this.vpc).acknowledge({
      id: 'AwsSolutions::AwsSolutions-VPC7',
      reason: 'Nothing calls in; flow logs would cost more than the tasks that they watch.',
    });
    Validations.of(this.cluster).acknowledge({
      id: 'AwsSolutions::AwsSolutions-ECS4',
      reason: 'The miner sends its own eight metrics; Insights would cost more than the miner.',
    });
  }
}
