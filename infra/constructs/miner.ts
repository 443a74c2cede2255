/**
 * The long-running miner of a node: a Fargate task that hosts the node itself, on its table and
 * queues. The stock Node image runs the miner's bundle, which an init container brings from S3, so
 * that deploying needs no Docker. It has no right to wallets.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib';
import { type ISecurityGroup, type IVpc, SubnetType } from 'aws-cdk-lib/aws-ec2';
import {
  ContainerDependencyCondition,
  ContainerImage,
  CpuArchitecture,
  FargateService,
  FargateTaskDefinition,
  type ICluster,
  LogDrivers,
  OperatingSystemFamily,
} from 'aws-cdk-lib/aws-ecs';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { Construct } from 'constructs';
import { type NodeId, roleName } from '../names.ts';

/** What a Fargate miner runs on; one per account and region. */
export interface MinerGround {
  readonly vpc: IVpc;
  readonly cluster: ICluster;
  readonly securityGroup: ISecurityGroup;
}

export interface NodeMinerProps {
  readonly id: NodeId;
  readonly ground: MinerGround;
  readonly spot: boolean;
  /** Tasks. */
  readonly count: number;
  readonly environment: Record<string, string>;
  /** Folder of the miner's bundle, `main.mjs` in it. */
  readonly bundle: string;
  /** An image of one's own that holds the miner, in place of the stock image and the asset. */
  readonly image?: string;
  readonly architecture?: 'arm64' | 'x86';
  /** Default two weeks. */
  readonly logRetention?: RetentionDays;
}

const NODE_IMAGE = 'public.ecr.aws/docker/library/node:24-slim';
const CLI_IMAGE = 'public.ecr.aws/aws-cli/aws-cli:2.31.0';
const BUNDLE_DIR = '/opt/miner';
const STOP_TIMEOUT = Duration.seconds(30);
const CPU = 256;
const MEMORY_MB = 512;

export class NodeMiner extends Construct {
  readonly role: Role;
  readonly service: FargateService;

  constructor(scope: Construct, name: string, props: NodeMinerProps) {
    super(scope, name);
    const { id, ground } = props;
    this.role = new Role(this, 'Role', {
      roleName: roleName(id, 'miner', Stack.of(this).region),
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    const log = new LogGroup(this, 'Log', {
      logGroupName: `/stackchain/${id.network}/${id.node}/miner`,
      retention: props.logRetention ?? RetentionDays.TWO_WEEKS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const task = this.#task(props, log);
    this.service = new FargateService(this, 'Service', {
      cluster: ground.cluster,
      serviceName: `stackchain-${id.network}-${id.node}-miner`,
      taskDefinition: task,
      desiredCount: props.count,
      assignPublicIp: true,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      securityGroups: [ground.securityGroup],
      minHealthyPercent: 0,
      maxHealthyPercent: 100,
      circuitBreaker: { rollback: true },
      capacityProviderStrategies: [
        { capacityProvider: props.spot ? 'FARGATE_SPOT' : 'FARGATE', weight: 1 },
      ],
    });
  }

  #task(props: NodeMinerProps, log: LogGroup): FargateTaskDefinition {
    const { id } = props;
    const execution = new Role(this, 'ExecutionRole', {
      assumedBy: new ServicePrincipal('ecs-tasks.amazonaws.com'),
    });
    execution.addToPolicy(
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [log.logGroupArn],
      }),
    );
    const task = new FargateTaskDefinition(this, 'Task', {
      family: `stackchain-${id.network}-${id.node}-miner`,
      cpu: CPU,
      memoryLimitMiB: MEMORY_MB,
      taskRole: this.role,
      executionRole: execution,
      runtimePlatform: {
        cpuArchitecture:
          props.architecture === 'x86' ? CpuArchitecture.X86_64 : CpuArchitecture.ARM64,
        operatingSystemFamily: OperatingSystemFamily.LINUX,
      },
    });
    Validations.of(task).acknowledge({
      id: 'AwsSolutions::AwsSolutions-ECS2',
      reason: 'Names of tables and queues are no secrets; the task is given none.',
    });
    const main = task.addContainer('miner', {
      image: ContainerImage.fromRegistry(props.image ?? NODE_IMAGE),
      // Node itself is process 1, so that SIGTERM reaches it.
      ...(props.image === undefined && { command: ['node', `${BUNDLE_DIR}/main.mjs`, '--store'] }),
      environment: props.environment,
      stopTimeout: STOP_TIMEOUT,
      logging: LogDrivers.awsLogs({ logGroup: log, streamPrefix: 'miner' }),
    });
    if (props.image !== undefined) return task;
    const files = this.#bundleFiles(props.bundle);
    task.addVolume({ name: 'bundle' });
    const fetch = task.addContainer('fetch', {
      image: ContainerImage.fromRegistry(CLI_IMAGE),
      essential: false,
      entryPoint: ['sh', '-c'],
      command: [files.map(([name, url]) => `aws s3 cp ${url} ${BUNDLE_DIR}/${name}`).join(' && ')],
      logging: LogDrivers.awsLogs({ logGroup: log, streamPrefix: 'fetch' }),
    });
    const mount = { sourceVolume: 'bundle', containerPath: BUNDLE_DIR };
    fetch.addMountPoints({ ...mount, readOnly: false });
    main.addMountPoints({ ...mount, readOnly: true });
    main.addContainerDependencies({
      container: fetch,
      condition: ContainerDependencyCondition.SUCCESS,
    });
    return task;
  }

  /** File by file: of the image that fetches them nothing is asked but that it is the CLI's. */
  #bundleFiles(folder: string): [name: string, url: string][] {
    return readdirSync(folder)
      .sort()
      .map((name) => {
        const asset = new Asset(this, `Bundle-${name}`, { path: join(folder, name) });
        this.role.addToPolicy(
          new PolicyStatement({
            actions: ['s3:GetObject'],
            resources: [asset.bucket.arnForObjects(asset.s3ObjectKey)],
          }),
        );
        return [name, asset.s3ObjectUrl];
      });
  }
}
