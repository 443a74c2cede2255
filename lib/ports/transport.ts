import { Fault } from '../faults.ts';

/** Carries envelopes to peers: at least once, any order, duplicates allowed. */
export interface Envelope {
  readonly v: 1;
  /** Genesis hash, display hex. */
  readonly network: string;
  /** The session id that the receiver's verack gave, else the sender's name. */
  readonly from: string;
  readonly type: string;
  /** base64 of Bitcoin's wire form, or an object for version, verack and addr. */
  readonly payload: unknown;
}

export interface SendOptions {
  /** The address was learned from strangers: one that is not public after resolution is refused. */
  readonly publicOnly?: boolean;
}

export interface Transport {
  readonly kind: 'http' | 'sqs' | 'local';
  /**
   * Delivers to the peer at `address` and answers its replies (empty where replies come by another
   * way, as on SQS). Throws Fault `transport` when the peer cannot be reached or answers rubbish.
   */
  send(
    address: string,
    envelopes: readonly Envelope[],
    options?: SendOptions,
  ): Promise<readonly Envelope[]>;
}

/** A peer answered and said no; `code` is that of its problem object (`banned`, `wrong-network`, …). */
export const refusal = (code: string, detail: string): Fault =>
  new Fault('transport', detail, { cause: { code } });

/** The code with which the peer refused, if it was reached at all. */
export function refusalCode(error: unknown): string | undefined {
  if (!(error instanceof Fault) || error.code !== 'transport') return undefined;
  const { code } = (error.cause ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[a-z-]{1,64}$/.test(code) ? code : undefined;
}
