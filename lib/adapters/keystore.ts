/**
 * The Keystore of a data directory: an encrypted file in `wallets/`, sealed by a passphrase or, when
 * there is none, by the random key in `keystore.key`. Chooses the parts, and offers the same
 * keystore without a file for tests and for programs that keep their phrase elsewhere.
 */
import { Fault } from '../faults.ts';
import type { Random } from '../ports/random.ts';
import { createKeystore } from '../wallet/keystore.ts';
import type { Keystore, Vault } from '../wallet/types.ts';
import { type KeystoreFs, nodeKeystoreFs } from './keystore-fs.ts';
import { SCRYPT_N_DEFAULT } from './keystore-seal.ts';
import { FileVault } from './keystore-vault.ts';
import { systemRandom } from './system-random.ts';

export interface KeystoreOptions {
  /** The data directory; nothing is made in it before the first key. */
  readonly dir: string;
  /** Absent: `keystore.key` seals the keys. */
  readonly passphrase?: string;
  readonly addressVersion: number;
  readonly wifVersion: number;
  readonly random?: Random;
  /** scrypt's cost for a new keystore, a power of two; default 2^17. */
  readonly scryptN?: number;
  /** For fault tests. */
  readonly fs?: KeystoreFs;
}

/**
 * Throws Fault `keystore` with one sentence: wrong or missing passphrase, missing key file, damaged,
 * of another network, not readable.
 */
export async function openKeystore(options: KeystoreOptions): Promise<Keystore> {
  const { dir, passphrase, addressVersion, wifVersion } = options;
  if (passphrase === '') throw new Fault('keystore', 'The passphrase is empty.');
  const random = options.random ?? systemRandom;
  const vault = new FileVault({
    dir,
    random,
    fs: options.fs ?? nodeKeystoreFs,
    scryptN: options.scryptN ?? SCRYPT_N_DEFAULT,
    ...(passphrase !== undefined && { passphrase }),
  });
  return createKeystore({ vault, random, addressVersion, wifVersion });
}

export interface MemoryKeystoreOptions {
  readonly addressVersion: number;
  readonly wifVersion: number;
  readonly random?: Random;
}

/** Keys that are gone with the process. */
export function openMemoryKeystore(options: MemoryKeystoreOptions): Promise<Keystore> {
  const { addressVersion, wifVersion, random = systemRandom } = options;
  return createKeystore({ vault: createMemoryVault(), random, addressVersion, wifVersion });
}

export function createMemoryVault(): Vault {
  let kept: { revision: number; data: Uint8Array } | undefined;
  return {
    revision: async () => kept?.revision ?? 0,
    load: async () => kept,
    async save(data, revision) {
      if (revision !== (kept?.revision ?? 0)) return false;
      kept = { revision: revision + 1, data };
      return true;
    },
    close: async () => undefined,
  };
}
