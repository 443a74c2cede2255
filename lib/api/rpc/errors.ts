/** JSON-RPC's errors with Bitcoin Core's numbers (rpc/protocol.h). Owns numbers and HTTP statuses. */
export const RPC = {
  parseError: -32700,
  invalidRequest: -32600,
  methodNotFound: -32601,
  internal: -32603,
  misc: -1,
  typeError: -3,
  invalidAddressOrKey: -5,
  invalidParameter: -8,
  deserialization: -22,
  verifyError: -25,
  verifyRejected: -26,
  verifyAlreadyInChain: -27,
} as const;

/** Thrown within lib/api/rpc only. */
export class RpcError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
  }
}

/** Core's statuses for a single call that is not JSON-RPC 2.0. */
export function httpStatusOf(code: number): number {
  if (code === RPC.invalidRequest) return 400;
  return code === RPC.methodNotFound ? 404 : 500;
}

export const invalidParameter = (message: string): RpcError =>
  new RpcError(RPC.invalidParameter, message);

/** `hex`: where several were given, which of them. */
export const decodeFailed = (hex?: string): RpcError =>
  new RpcError(
    RPC.deserialization,
    `TX decode failed${hex === undefined ? '.' : `: ${hex.slice(0, 80)}`} ` +
      'Make sure the tx has at least one input.',
  );

const typeName = (value: unknown): string => {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

const wrongTypeText = (value: unknown, expected: string): string =>
  `JSON value of type ${typeName(value)} is not of expected type ${expected}`;

export const wrongType = (value: unknown, expected: string): RpcError =>
  new RpcError(RPC.typeError, wrongTypeText(value, expected));

/** For an argument: `at` counts from 0, `name` is the one in the help. */
export function wrongArgument(
  value: unknown,
  expected: string,
  { at, name }: { at: number; name: string },
): RpcError {
  const faults = { [`Position ${at + 1} (${name})`]: wrongTypeText(value, expected) };
  return new RpcError(RPC.typeError, `Wrong type passed:\n${JSON.stringify(faults, null, 4)}`);
}
