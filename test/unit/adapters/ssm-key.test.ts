/** The key that seals wallets, in a parameter that behaves as SSM's: made once, never written over. */
import {
  type GetParameterCommandInput,
  type PutParameterCommandInput,
  SSMClient,
} from '@aws-sdk/client-ssm';
import { describe, expect, it } from 'vitest';
import { createSsmKey } from '../../../lib/adapters/ssm-key.ts';
import { systemRandom } from '../../../lib/adapters/system-random.ts';
import { toHex } from '../../../lib/codec/index.ts';
import { faultOf } from '../../conformance/store/harness.ts';

const NAME = '/stackchain/net/node0/wallet-key';

/** One parameter; a pause before each answer, so that calls at once meet. */
function setUp(value?: string) {
  const parameter: { value: string | undefined } = { value };
  const puts: PutParameterCommandInput[] = [];
  const gets: GetParameterCommandInput[] = [];
  let denies: string | undefined;
  const refuse = (name: string): never => {
    throw Object.assign(new Error(name), { name });
  };
  const client = new SSMClient({ region: 'eu-west-1' });
  client.middlewareStack.add(
    (_next, context) => async (args) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (denies !== undefined) refuse(denies);
      if (context['commandName'] === 'PutParameterCommand') {
        const input = args.input as PutParameterCommandInput;
        if (parameter.value !== undefined && input.Overwrite !== true) {
          refuse('ParameterAlreadyExists');
        }
        puts.push(input);
        parameter.value = input.Value;
        return { output: { $metadata: {} }, response: {} } as never;
      }
      gets.push(args.input as GetParameterCommandInput);
      if (parameter.value === undefined) refuse('ParameterNotFound');
      const Parameter = { Value: parameter.value };
      return { output: { Parameter, $metadata: {} }, response: {} } as never;
    },
    { step: 'initialize', name: 'one parameter' },
  );
  const open = (kmsKeyId?: string) =>
    createSsmKey({ client, name: NAME, random: systemRandom, ...(kmsKeyId && { kmsKeyId }) });
  const deny = (name: string): void => {
    denies = name;
  };
  return { open, puts, gets, parameter, deny };
}

describe('the key of the wallets', () => {
  it('is not there before it is made, and then the same for all', async () => {
    const { open, puts, gets } = setUp();
    expect(await open().read()).toBeUndefined();
    const maker = open();
    const made = await maker.create();
    expect(made.length).toBe(32);
    expect(puts).toEqual([
      {
        Name: NAME,
        Type: 'SecureString',
        Overwrite: false,
        Value: Buffer.from(made).toString('base64'),
      },
    ]);
    expect(toHex((await open().read()) ?? new Uint8Array())).toBe(toHex(made));
    expect(gets.every(({ WithDecryption }) => WithDecryption === true)).toBe(true);
    const before = gets.length;
    await maker.read();
    expect(gets.length, 'read once a process').toBe(before);
  });

  it('of eight that make it at once one wins, and the others take the winner’s', async () => {
    const { open, puts, parameter } = setUp();
    const keys = await Promise.all(Array.from({ length: 8 }, () => open().create()));
    expect(puts.length).toBe(1);
    const hex = Buffer.from(parameter.value ?? '', 'base64').toString('hex');
    expect(new Set(keys.map(toHex))).toEqual(new Set([hex]));
  });

  it('is sealed by a key of one’s own where one is named', async () => {
    const { open, puts } = setUp();
    await open('arn:aws:kms:eu-west-1:111122223333:key/k').create();
    expect(puts[0]?.KeyId).toBe('arn:aws:kms:eu-west-1:111122223333:key/k');
  });

  it('what is no key is a fault, and neither taken nor replaced', async () => {
    const { open, puts } = setUp(Buffer.from('short').toString('base64'));
    expect(await faultOf(() => open().read())).toBe('keystore');
    expect(await faultOf(() => open().create())).toBe('keystore');
    expect(puts).toEqual([]);
  });

  it('a refusal is not taken for its absence', async () => {
    const { open, deny } = setUp();
    deny('AccessDeniedException');
    await expect(open().read()).rejects.toThrow('AccessDeniedException');
    await expect(open().create()).rejects.toThrow('AccessDeniedException');
  });
});
