/** A treasury's key in KMS: its answers are real signatures, of which every other has a high S. */
import { generateKeyPairSync } from 'node:crypto';
import { GetPublicKeyCommand, type KMSClient, SignCommand } from '@aws-sdk/client-kms';
import { sign } from '@noble/secp256k1';
import { describe, expect, it } from 'vitest';
import { openMemoryKeystore } from '../../../lib/adapters/keystore.ts';
import { createKmsSigner } from '../../../lib/adapters/kms-signer.ts';
import { createNobleVerifier } from '../../../lib/adapters/noble-verifier.ts';
import { encodeAddress } from '../../../lib/codec/address.ts';
import { encodeDer, lowerS, parseAnyDer, parseDer } from '../../../lib/crypto/der.ts';
import { publicKey } from '../../../lib/crypto/ecdsa.ts';
import { hash160, sha256 } from '../../../lib/crypto/hash.ts';
import { regtest } from '../../../lib/params/index.ts';
import { inputSignatureCheck } from '../../../lib/script/index.ts';
import type { Sats, Txid } from '../../../lib/types.ts';
import { buildTransaction, lockOf } from '../../../lib/wallet/build-transaction.ts';
import { withSigner } from '../../../lib/wallet/with-signer.ts';

const text = (value: string): Uint8Array => sha256(new TextEncoder().encode(value));

/** KMS as far as it is asked. As KMS does, it signs with a fresh nonce each time and either S. */
function fakeKms(namedCurve = 'secp256k1') {
  const pair = generateKeyPairSync('ec', { namedCurve });
  const secret = Buffer.from(pair.privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
  const answers: Uint8Array[] = [];
  const send = async (command: unknown): Promise<unknown> => {
    if (command instanceof GetPublicKeyCommand) {
      return { PublicKey: pair.publicKey.export({ format: 'der', type: 'spki' }) };
    }
    if (!(command instanceof SignCommand)) throw new Error('KMS is asked for nothing else');
    const { Message, MessageType, SigningAlgorithm } = command.input;
    expect([MessageType, SigningAlgorithm]).toEqual(['DIGEST', 'ECDSA_SHA_256']);
    const options = { prehash: false, lowS: false, extraEntropy: true } as const;
    answers.push(encodeDer(sign(Message ?? new Uint8Array(0), secret, options)));
    return { Signature: answers.at(-1) };
  };
  return { client: { send } as unknown as KMSClient, answers, secret };
}

const { addressVersion, wifVersion } = regtest;
const TRIES = 24;

describe('a key of KMS', () => {
  it('has the address of its compressed key', async () => {
    const { client, secret } = fakeKms();
    const signer = await createKmsSigner({ client, keyId: 'alias/treasury', addressVersion });
    const key = publicKey(secret);
    expect(await signer.publicKey(signer.address)).toEqual(key);
    expect(signer.address).toBe(encodeAddress(hash160(key), addressVersion));
    expect(await signer.publicKey('another')).toBeUndefined();
    await expect(signer.sign('another', text('x'))).rejects.toThrow('There is no key for another.');
  });

  it('signs with the low S, whichever KMS gives', async () => {
    const { client, answers, secret } = fakeKms();
    const signer = await createKmsSigner({ client, keyId: 'k', addressVersion });
    const digests = Array.from({ length: TRIES }, (_, i) => text(`${i}`));
    const checks = [];
    for (const digest of digests) {
      const signature = await signer.sign(signer.address, digest);
      expect(parseDer(encodeDer(signature)).ok).toBe(true);
      checks.push({ signature, digest, publicKey: publicKey(secret) });
    }
    expect(await createNobleVerifier().firstInvalid(checks)).toBe(-1);
    // Both kinds came, or this would have shown nothing: 1 in 8 million runs has one kind only.
    const high = answers.filter((der) => !parseDer(der).ok);
    expect(high.length).toBeGreaterThan(0);
    expect(high.length).toBeLessThan(TRIES);
    for (const der of high) {
      expect(parseDer(der)).toMatchObject({ reject: { reason: 'stack-high-s' } });
      const any = parseAnyDer(der);
      expect(any.ok && lowerS(lowerS(any.value))).toEqual(any.ok && lowerS(any.value));
    }
  });

  it('of another curve is refused, and what KMS refuses is said', async () => {
    const { client } = fakeKms('prime256v1');
    await expect(createKmsSigner({ client, keyId: 'k', addressVersion })).rejects.toThrow(
      'The treasury\u0027s key is not of secp256k1.',
    );
    const send = async () => {
      throw Object.assign(new Error('no'), { name: 'AccessDeniedException' });
    };
    const closed = { send } as unknown as KMSClient;
    await expect(createKmsSigner({ client: closed, keyId: 'k', addressVersion })).rejects.toThrow(
      'AccessDeniedException',
    );
  });

  it('pays beside the wallets of a keystore, which never had it', async () => {
    const { client } = fakeKms();
    const treasury = await createKmsSigner({ client, keyId: 'k', addressVersion });
    const own = await openMemoryKeystore({ addressVersion, wifVersion });
    const both = withSigner(own, treasury);
    const { address } = await both.newAddress();
    expect(await both.addresses()).toEqual([address, treasury.address]);
    expect([await both.has(treasury.address), await both.has(address)]).toEqual([true, true]);
    expect(await own.has(treasury.address)).toBe(false);
    expect(await both.exportWif(treasury.address)).toBeUndefined();
    for (const from of [treasury.address, address]) {
      const lock = lockOf(from, addressVersion);
      if (!lock.ok) throw new Error('an address that is none');
      const coin = {
        outpoint: { txid: 'ab'.repeat(32) as Txid, vout: 0 },
        valueSats: 100_000 as Sats,
        scriptPubKey: lock.value,
      };
      const built = await buildTransaction({
        coins: [coin],
        to: address,
        amountSats: 50_000,
        fee: { sats: 500 },
        changeTo: from,
        addressVersion,
        signer: both,
      });
      if (!built.ok) throw new Error(built.reject.reason);
      const check = inputSignatureCheck(built.value.tx, 0, lock.value);
      expect(check.ok && (await createNobleVerifier().firstInvalid([check.value]))).toBe(-1);
    }
  });
});
