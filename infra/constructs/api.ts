/** The HTTP API of a node: reading is open and answered by `public`, what needs a token by `private`. */
import { RemovalPolicy, Validations } from 'aws-cdk-lib';
import {
  CfnRoute,
  type CfnStage,
  HttpApi,
  HttpMethod,
  HttpStage,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import type { Function as LambdaFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup, LogGroupClass, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { NodeId } from '../names.ts';

export interface NodeApiProps {
  readonly id: NodeId;
  readonly publicFunction: LambdaFunction;
  readonly privateFunction: LambdaFunction;
  /** Default two weeks. */
  readonly logRetention?: RetentionDays;
}

const PUBLIC_RATE = 20;
const PUBLIC_BURST = 100;
const PRIVATE_RATE = 5;
const PRIVATE_BURST = 20;

/** Rows that need a token, and JSON-RPC. */
export const PRIVATE_ROUTES: readonly (readonly [HttpMethod, string])[] = [
  [HttpMethod.POST, '/'],
  [HttpMethod.POST, '/rpc'],
  [HttpMethod.ANY, '/v1/wallets'],
  [HttpMethod.ANY, '/v1/wallets/{proxy+}'],
  [HttpMethod.POST, '/v1/peers'],
  [HttpMethod.DELETE, '/v1/peers/{id}'],
  [HttpMethod.POST, '/v1/mine'],
];

/** What is logged of a request: no header, no query, no address. */
const LOG_FIELDS = {
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  method: '$context.httpMethod',
  route: '$context.routeKey',
  status: '$context.status',
  bytes: '$context.responseLength',
  latencyMs: '$context.responseLatency',
  error: '$context.integrationErrorMessage',
};

export class NodeApi extends Construct {
  readonly api: HttpApi;
  readonly url: string;

  constructor(scope: Construct, name: string, props: NodeApiProps) {
    super(scope, name);
    const { id } = props;
    this.api = new HttpApi(this, 'Api', {
      apiName: `stackchain-${id.network}-${id.node}`,
      createDefaultStage: false,
      defaultIntegration: new HttpLambdaIntegration('Public', props.publicFunction),
    });
    const toPrivate = new HttpLambdaIntegration('Private', props.privateFunction);
    for (const [method, path] of PRIVATE_ROUTES) {
      this.api.addRoutes({ path, methods: [method], integration: toPrivate });
    }
    const stage = new HttpStage(this, 'Stage', {
      httpApi: this.api,
      stageName: '$default',
      autoDeploy: true,
      throttle: { rateLimit: PUBLIC_RATE, burstLimit: PUBLIC_BURST },
    });
    this.#logAndThrottle(stage.node.defaultChild as CfnStage, props.logRetention);
    this.url = this.api.apiEndpoint;
  }

  #logAndThrottle(stage: CfnStage, retention = RetentionDays.TWO_WEEKS): void {
    const log = new LogGroup(this, 'AccessLog', {
      logGroupClass: LogGroupClass.INFREQUENT_ACCESS,
      retention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    stage.accessLogSettings = {
      destinationArn: log.logGroupArn,
      format: JSON.stringify(LOG_FIELDS),
    };
    const slow = {
      ThrottlingRateLimit: PRIVATE_RATE,
      ThrottlingBurstLimit: PRIVATE_BURST,
    };
    stage.routeSettings = Object.fromEntries(
      PRIVATE_ROUTES.map(([method, path]) => [`${method} ${path}`, slow]),
    );
    for (const route of this.api.node.findAll().filter((each) => each instanceof CfnRoute)) {
      // The stage names routes that must be there first.
      stage.node.addDependency(route);
      Validations.of(route).acknowledge({
        id: 'AwsSolutions::AwsSolutions-APIG4',
        reason:
          'Reading is open; rows that want a token check it themselves, against salted HMACs.',
      });
    }
  }
}
