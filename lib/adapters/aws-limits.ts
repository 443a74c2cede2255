/**
 * How long a call of AWS may take. The SDK's own default is for ever: one socket that never answers
 * would hold a function until its end, and a miner's task, which has none, for good.
 */

const CONNECT_MS_MAX = 2_000;
/** To the head of the answer, and between two pieces of its body. Calls of ours take some 10 ms. */
const ANSWER_MS_MAX = 6_000;
/** Two calls that hang still leave the HTTP API's function (15 s) time for a third. */
const ATTEMPTS = 3;

export interface AwsLimits {
  readonly maxAttempts: number;
  readonly requestHandler: {
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly throwOnRequestTimeout: boolean;
    readonly socketTimeout: number;
  };
}

/**
 * What every client of the SDK is made with. A call out of time is tried again, then fails with
 * `TimeoutError`; whether it took effect is unknown, as after a broken connection.
 */
export const awsLimits = (
  connectMs: number = CONNECT_MS_MAX,
  answerMs: number = ANSWER_MS_MAX,
): AwsLimits => ({
  maxAttempts: ATTEMPTS,
  requestHandler: {
    connectionTimeout: connectMs,
    requestTimeout: answerMs,
    // Without it the SDK only warns.
    throwOnRequestTimeout: true,
    // `requestTimeout` ends with the head of the answer.
    socketTimeout: answerMs,
  },
});
