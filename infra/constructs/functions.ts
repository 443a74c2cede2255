/**
 * A node's Lambda functions with a role and a log group each, all named. Owns what they have in
 * common; what each may do is granted where the thing is made.
 */
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import {
  Architecture,
  type CfnFunction,
  Code,
  Function as LambdaFunction,
  RecursiveLoop,
  Runtime,
  Tracing,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import {
  type AnyFunctionName,
  FUNCTION_NAMES,
  type FunctionName,
  functionName,
  type NodeId,
  roleName,
} from '../names.ts';

export interface Size {
  readonly memoryMb: number;
  readonly timeout: Duration;
  /** AWS stops a function that calls itself through a queue after 16 turns; relaying is bounded by
   * the rule to relay only what is new, syncing by its lease. */
  readonly mayLoop?: boolean;
}

export const SIZES: Record<FunctionName, Size> = {
  public: { memoryMb: 512, timeout: Duration.seconds(15) },
  private: { memoryMb: 512, timeout: Duration.seconds(29) },
  inbox: { memoryMb: 1024, timeout: Duration.seconds(30), mayLoop: true },
  sync: { memoryMb: 1769, timeout: Duration.minutes(5), mayLoop: true },
  tick: { memoryMb: 256, timeout: Duration.seconds(60) },
};

export interface NodeFunctionsProps {
  readonly id: NodeId;
  /** Folder with one bundle a function: `<name>/index.mjs`. */
  readonly bundles: string;
  readonly environment: Record<string, string>;
  readonly tracing: boolean;
  /** Default two weeks. */
  readonly logRetention?: RetentionDays;
  /** By the function's name. Default none. */
  readonly reservedConcurrency?: Readonly<Partial<Record<AnyFunctionName, number>>>;
}

export class NodeFunctions extends Construct {
  readonly all: Readonly<Record<FunctionName, LambdaFunction>>;
  readonly roles: Readonly<Record<FunctionName, Role>>;

  constructor(scope: Construct, name: string, props: NodeFunctionsProps) {
    super(scope, name);
    const functions: Partial<Record<FunctionName, LambdaFunction>> = {};
    const roles: Partial<Record<FunctionName, Role>> = {};
    for (const each of FUNCTION_NAMES) {
      const { role, fn } = makeFunction(this, each, SIZES[each], props);
      functions[each] = fn;
      roles[each] = role;
    }
    this.all = functions as Record<FunctionName, LambdaFunction>;
    this.roles = roles as Record<FunctionName, Role>;
  }
}

/** One function, its role, which may write its log and nothing else yet, and its log. */
export function makeFunction(
  scope: Construct,
  each: AnyFunctionName,
  { memoryMb, timeout, mayLoop }: Size,
  props: NodeFunctionsProps,
): { role: Role; fn: LambdaFunction } {
  const { id } = props;
  const logGroup = new LogGroup(scope, `${each}-log`, {
    logGroupName: `/aws/lambda/${functionName(id, each)}`,
    retention: props.logRetention ?? RetentionDays.TWO_WEEKS,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new Role(scope, `${each}-role`, {
    roleName: roleName(id, each, Stack.of(scope).region),
    assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
  });
  role.addToPolicy(
    new PolicyStatement({
      actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: [logGroup.logGroupArn],
    }),
  );
  const fn = new LambdaFunction(scope, each, {
    functionName: functionName(id, each),
    runtime: Runtime.NODEJS_24_X,
    architecture: Architecture.ARM_64,
    handler: 'index.handler',
    code: Code.fromAsset(`${props.bundles}/${each}`),
    memorySize: memoryMb,
    timeout,
    role,
    logGroup,
    environment: { ...props.environment, STACKCHAIN_FUNCTION: each },
    tracing: props.tracing ? Tracing.ACTIVE : Tracing.DISABLED,
    reservedConcurrentExecutions: props.reservedConcurrency?.[each],
    ...(mayLoop === true && { recursiveLoop: RecursiveLoop.ALLOW }),
  });
  return { role, fn };
}

/** All of a function's variables together, as JSON: so Lambda measures them. */
const ENVIRONMENT_CHARS_MAX = 4096;
/** As long as what a template leaves to CloudFormation gets; else a table's name, or a key's ARN. */
const LATE_CHARS: Readonly<Record<string, number>> = {
  'AWS::Partition': 9,
  'AWS::Region': 15,
  'AWS::AccountId': 12,
};
const REF_CHARS = 48;
const ATTRIBUTE_CHARS = 80;

/** Text with what is only known at the deploy filled in. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const late = value as { Ref?: string; 'Fn::Join'?: [string, unknown[]] };
  const { Ref: ref, 'Fn::Join': join } = late;
  if (join !== undefined) return join[1].map(textOf).join(join[0]);
  return '-'.repeat(ref === undefined ? ATTRIBUTE_CHARS : (LATE_CHARS[ref] ?? REF_CHARS));
}

/** To be asked when all is told to it: CloudFormation would say it in the middle of a deploy. */
export function checkEnvironment(fn: LambdaFunction): void {
  const { environment } = fn.node.defaultChild as CfnFunction;
  const { variables = {} } = Stack.of(fn).resolve(environment) as {
    variables?: Record<string, unknown>;
  };
  const texts = Object.entries(variables).map(([name, value]) => [name, textOf(value)]);
  const { length } = JSON.stringify(Object.fromEntries(texts));
  if (length <= ENVIRONMENT_CHARS_MAX) return;
  throw new Error(
    `what '${fn.node.id}' is told of its network and peers does not fit: ${length} of ` +
      `${ENVIRONMENT_CHARS_MAX} characters; fewer nodes, peers or checkpoints do`,
  );
}
