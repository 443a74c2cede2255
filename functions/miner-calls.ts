/**
 * Calls of the `lambda` miner: begun at once, so that it starts while its caller still tells peers,
 * and waited for before the handler ends. A call that cannot be made is said and no fault of what
 * the caller did: `tick` makes up for it.
 */
import { InvokeCommand, type LambdaClient } from '@aws-sdk/client-lambda';
import type { MineCause } from '../lib/node/mine-once.ts';
import type { Telemetry } from '../lib/ports/telemetry.ts';

export interface MinerCalls {
  /** Resolves when the call was handed over, never waits for the mining, never throws. */
  wake(cause: MineCause, turn?: number): Promise<void>;
  /** Resolves when no call is under way. */
  settle(): Promise<void>;
}

/** `functionName`: absent where the stack has no such miner; then nothing is called. */
export function createMinerCalls(of: {
  readonly lambda: Pick<LambdaClient, 'send'>;
  readonly functionName: string | undefined;
  readonly telemetry: Telemetry;
}): MinerCalls {
  const { lambda, functionName: FunctionName, telemetry } = of;
  const underWay = new Set<Promise<void>>();
  const call = async (cause: MineCause, turn: number): Promise<void> => {
    const Payload = JSON.stringify({ cause, turn });
    try {
      await lambda.send(new InvokeCommand({ FunctionName, InvocationType: 'Event', Payload }));
    } catch (error) {
      telemetry.log('warn', 'the miner could not be called', { code: (error as Error).name });
    }
  };
  return {
    wake(cause, turn = 0) {
      if (FunctionName === undefined) return Promise.resolve();
      const calling = call(cause, turn).finally(() => underWay.delete(calling));
      underWay.add(calling);
      return calling;
    },
    async settle() {
      await Promise.all(underWay);
    },
  };
}
