/** A keystore that also signs for one address whose key lies elsewhere and cannot be had. */
import type { Signer } from '../ports/signer.ts';
import type { Keystore } from './types.ts';

export function withSigner(
  keystore: Keystore,
  signer: Signer & { readonly address: string },
): Keystore {
  const { address } = signer;
  const of = (asked: string): Signer => (asked === address ? signer : keystore);
  return {
    newAddress: () => keystore.newAddress(),
    /** Oldest: it was there before all of them. */
    addresses: async () => [...(await keystore.addresses()), address],
    has: async (asked) => asked === address || keystore.has(asked),
    importWif: (wif) => keystore.importWif(wif),
    /** Not the signer's: nobody has it. */
    exportWif: (asked) => keystore.exportWif(asked),
    phrase: () => keystore.phrase(),
    restore: (phrase, count) => keystore.restore(phrase, count),
    publicKey: (asked) => of(asked).publicKey(asked),
    sign: (asked, digest) => of(asked).sign(asked, digest),
    close: () => keystore.close(),
  };
}
