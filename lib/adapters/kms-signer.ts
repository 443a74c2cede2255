/**
 * The Signer port on one key of AWS KMS (ECC_SECG_P256K1, SIGN_VERIFY), which never leaves it: for a
 * treasury. Owns reading its public key, and that KMS answers with either S where Bitcoin takes the
 * low one.
 */
import { createPublicKey } from 'node:crypto';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { encodeAddress } from '../codec/address.ts';
import { lowerS, parseAnyDer } from '../crypto/der.ts';
import { hash160 } from '../crypto/hash.ts';
import { Fault } from '../faults.ts';
import type { Signer } from '../ports/signer.ts';

const CURVE = 'secp256k1';
const EVEN = 0x02;

export interface KmsSigner extends Signer {
  /** The one P2PKH address that it signs for. */
  readonly address: string;
}

/** 33 bytes, from an SPKI document as KMS gives it. */
function compressedKey(spki: Uint8Array): Uint8Array | undefined {
  const {
    crv,
    x = '',
    y = '',
  } = createPublicKey({
    key: Buffer.from(spki),
    format: 'der',
    type: 'spki',
  }).export({ format: 'jwk' });
  if (crv !== CURVE) return undefined;
  const [left, right] = [x, y].map((part) => Buffer.from(part, 'base64url'));
  const isOdd = ((right?.at(-1) ?? 0) & 1) === 1;
  return Uint8Array.from([isOdd ? EVEN + 1 : EVEN, ...(left ?? [])]);
}

/** Throws Fault `keystore` when the key is of another kind, or is not ours to use. */
export async function createKmsSigner(options: {
  readonly client: KMSClient;
  /** Id, ARN or alias. */
  readonly keyId: string;
  readonly addressVersion: number;
}): Promise<KmsSigner> {
  const { client, keyId, addressVersion } = options;
  const ask = async <T>(what: Promise<T>): Promise<T> => {
    try {
      return await what;
    } catch (cause) {
      const { name } = cause as Error;
      throw new Fault('keystore', `KMS refuses the treasury's key: ${name}.`, { cause });
    }
  };
  const answer = await ask(client.send(new GetPublicKeyCommand({ KeyId: keyId })));
  const key = answer.PublicKey && compressedKey(answer.PublicKey);
  if (key === undefined) throw new Fault('keystore', `The treasury's key is not of ${CURVE}.`);
  const address = encodeAddress(hash160(key), addressVersion);
  return {
    address,
    publicKey: async (of) => (of === address ? key : undefined),
    async sign(of, digest) {
      if (of !== address) throw new Fault('keystore', `There is no key for ${of}.`);
      const signed = await ask(
        client.send(
          new SignCommand({
            KeyId: keyId,
            Message: digest,
            MessageType: 'DIGEST',
            SigningAlgorithm: 'ECDSA_SHA_256',
          }),
        ),
      );
      const signature = parseAnyDer(signed.Signature ?? new Uint8Array(0));
      if (!signature.ok) throw new Fault('keystore', 'KMS answers with what is no signature.');
      return lowerS(signature.value);
    },
  };
}
