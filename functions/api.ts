/** The HTTP app in Lambda, in one of its two roles. */
import type { LambdaContext, LambdaEvent } from 'hono/aws-lambda';
import { handle } from 'hono/aws-lambda';
import { createApp } from '../lib/api/app.ts';
import type { AppOptions } from '../lib/api/types.ts';
import { readMiners } from '../lib/node/miner-words.ts';
import { nowSeconds } from '../lib/ports/clock.ts';
import type { AwsHost } from './host.ts';
import { getHost } from './host.ts';

type Handler = (event: LambdaEvent, context?: LambdaContext) => Promise<unknown>;

/** A held request is billed as memory: API Gateway would hold it 30 s, we do 10. */
const WAIT_MS_MAX = 10_000;

interface HttpEvent {
  readonly requestContext?: {
    readonly http?: { readonly sourceIp?: string; readonly method?: string };
  };
}

const clientKey = (_request: Request, env: unknown): string =>
  (env as { event?: HttpEvent }).event?.requestContext?.http?.sourceIp ?? 'unknown';

const methodOf = (event: unknown): string | undefined =>
  (event as HttpEvent).requestContext?.http?.method;

/**
 * The handler of one role. `more`: what only this role has (wallet, tokens). A request ends when its
 * sends are done, for AWS freezes what is left over.
 */
export function createHandler(
  role: 'public' | 'private',
  more: (host: AwsHost) => Promise<Partial<AppOptions> & Pick<AppOptions, 'authorize'>>,
): Handler {
  let served:
    | { readonly host: AwsHost; readonly app: Promise<ReturnType<typeof handle>> }
    | undefined;
  const start = async (host: AwsHost): Promise<ReturnType<typeof handle>> => {
    const { store, random, clock } = host.node;
    const tools = { store, random, now: () => nowSeconds(clock) };
    const app = createApp({
      node: host.node,
      // No function mines for long: the miner is another process on the same table.
      mining: () => readMiners(tools),
      role,
      hosts: 'any',
      clientKey,
      waitMsMax: WAIT_MS_MAX,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      report: (error, requestId) =>
        host.telemetry.log('error', 'a request failed', {
          requestId,
          code: String((error as { code?: unknown }).code ?? (error as Error).name),
        }),
      ...(await more(host)),
    });
    return handle(app);
  };
  /** A start that failed is tried again by the next call. */
  const forget = (error: unknown): never => {
    served = undefined;
    throw error;
  };
  return async (event, context) => {
    const host = await getHost();
    // Made anew with its host, whose `finish` waits for what its own node began.
    if (served?.host !== host) served = { host, app: start(host).catch(forget) };
    const answer = await (await served.app)(event, context);
    // Only what was handed in can show that we are behind.
    if (methodOf(event) === 'POST') await host.nudgeSync();
    const { statusCode } = answer as { statusCode?: number };
    await host.finish({ event: 'request', status: statusCode ?? 0 });
    return answer;
  };
}
