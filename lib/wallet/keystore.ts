/**
 * The Keystore on a Vault. Owns what may be asked of keys and how a change is made when several
 * processes share the vault: read the newest revision, change the value, write it on top, and start
 * again if somebody was faster. Nothing else tells an address that was handed out twice.
 */
import { encodeWif, parseWif } from '../codec/index.ts';
import { publicKey, sign } from '../crypto/ecdsa.ts';
import { Fault } from '../faults.ts';
import type { Random } from '../ports/random.ts';
import { refuse } from '../rejects.ts';
import { type Verdict, valid } from '../types.ts';
import { addressBranch, addressPath, entropyToPhrase, parsePhrase } from './hd.ts';
import {
  addFirst,
  addImported,
  addNext,
  type Branch,
  decodeRing,
  emptyRing,
  encodeRing,
  type KeyRing,
} from './key-ring.ts';
import type { Keystore, Vault } from './types.ts';

/** 12 words. */
const ENTROPY_BYTES = 16;
const RESTORE_COUNT_MAX = 10_000;
/** Every refusal means that another process got its change through, so this is never reached. */
const SAVE_TRIES_MAX = 1000;

export interface KeystoreContext {
  readonly vault: Vault;
  readonly random: Random;
  readonly addressVersion: number;
  readonly wifVersion: number;
}

type Step<T> = (ring: KeyRing) => Verdict<{ readonly ring: KeyRing; readonly value: T }>;

/** Throws Fault `keystore` when the vault cannot be read, or holds keys of another network. */
export async function createKeystore(context: KeystoreContext): Promise<Keystore> {
  const keystore = new VaultKeystore(context);
  await keystore.addresses();
  return keystore;
}

class VaultKeystore implements Keystore {
  private readonly context: KeystoreContext;
  private ring: KeyRing;
  private revision = 0;
  private closed = false;
  private branch: { readonly phrase: string; readonly keyAt: Branch } | undefined;
  /** Changes of this process wait for each other: only other processes can be faster. */
  private queue: Promise<unknown> = Promise.resolve();

  constructor(context: KeystoreContext) {
    this.context = context;
    this.ring = emptyRing(context.addressVersion);
  }

  async newAddress(): Promise<{ readonly address: string; readonly path: string }> {
    const made = await this.change((ring) => {
      const withPhrase = { ...ring, phrase: ring.phrase ?? this.newPhrase() };
      const { ring: next, address, index } = addNext(withPhrase, this.branchOf(withPhrase.phrase));
      return valid({ ring: next, value: { address, path: addressPath(index) } });
    });
    if (!made.ok) throw new Error('assertion failed: a new address cannot be refused');
    return made.value;
  }

  async addresses(): Promise<readonly string[]> {
    const ring = await this.newest();
    return [...ring.keys.keys()].reverse();
  }

  async has(address: string): Promise<boolean> {
    return (await this.secretOf(address)) !== undefined;
  }

  async importWif(wif: string): Promise<Verdict<string>> {
    const parsed = parseWif(wif);
    if (!parsed.ok) return parsed;
    const { version, key, compressed } = parsed.value;
    if (version !== this.context.wifVersion) {
      return refuse('invalid-wif', 'the key is of another network');
    }
    if (!compressed) {
      return refuse(
        'invalid-wif',
        'the key is uncompressed; all keys here are compressed, so its coins would not be found',
      );
    }
    return this.change((ring) => {
      const { ring: next, address } = addImported(ring, key);
      return valid({ ring: next, value: address });
    });
  }

  async exportWif(address: string): Promise<string | undefined> {
    const key = await this.secretOf(address);
    return key && encodeWif(key, this.context.wifVersion);
  }

  async phrase(): Promise<string | undefined> {
    return (await this.newest()).phrase;
  }

  async restore(text: string, count: number): Promise<Verdict<readonly string[]>> {
    const phrase = parsePhrase(text);
    if (!phrase.ok) return phrase;
    if (!Number.isInteger(count) || count < 1 || count > RESTORE_COUNT_MAX) {
      return refuse('invalid-amount', `the count of addresses is 1 to ${RESTORE_COUNT_MAX}`);
    }
    return this.change((ring) => {
      if (ring.phrase !== undefined && ring.phrase !== phrase.value) {
        return refuse('conflict', 'the wallets here come from another phrase');
      }
      const restored = addFirst(
        { ...ring, phrase: phrase.value },
        this.branchOf(phrase.value),
        count,
      );
      return valid({ ring: restored.ring, value: restored.addresses });
    });
  }

  async publicKey(address: string): Promise<Uint8Array | undefined> {
    const key = await this.secretOf(address);
    return key && publicKey(key);
  }

  async sign(address: string, digest: Uint8Array): Promise<Uint8Array> {
    const key = await this.secretOf(address);
    if (key === undefined) throw new Fault('keystore', `There is no key for ${address}.`);
    return sign(digest, key);
  }

  async close(): Promise<void> {
    await this.queue;
    this.closed = true;
    this.ring = emptyRing(this.context.addressVersion);
    this.branch = undefined;
    await this.context.vault.close();
  }

  private newPhrase(): string {
    const phrase = entropyToPhrase(this.context.random.bytes(ENTROPY_BYTES));
    if (!phrase.ok) throw new Error('assertion failed: 16 bytes make a phrase');
    return phrase.value;
  }

  private branchOf(phrase: string): Branch {
    if (this.branch?.phrase !== phrase) {
      const keyAt = addressBranch(phrase);
      if (!keyAt.ok) throw new Fault('keystore', 'The phrase in the keystore is not a phrase.');
      this.branch = { phrase, keyAt: keyAt.value };
    }
    return this.branch.keyAt;
  }

  private async secretOf(address: string): Promise<Uint8Array | undefined> {
    // A key never changes and never goes: what is in memory needs no look at the vault.
    const entry = this.ring.keys.get(address) ?? (await this.newest()).keys.get(address);
    if (entry === undefined) return undefined;
    if (typeof entry.secret !== 'number') return entry.secret;
    return this.branchOf(this.ring.phrase ?? '')(entry.secret);
  }

  private async newest(): Promise<KeyRing> {
    const { vault, addressVersion } = this.context;
    if (this.closed) throw new Fault('keystore', 'The keystore is closed.');
    if ((await vault.revision()) === this.revision) return this.ring;
    const kept = await vault.load();
    if (kept === undefined) {
      if (this.revision > 0) throw new Fault('keystore', 'The wallets were taken away.');
      return this.ring;
    }
    const ring = decodeRing(kept.data);
    if (ring === 'newer') {
      throw new Fault('keystore', 'The wallets were written by a newer stackchain.');
    }
    if (ring === undefined) throw new Fault('keystore', 'The wallets are damaged.');
    if (ring.addressVersion !== addressVersion) {
      throw new Fault('keystore', 'The wallets belong to a network with other addresses.');
    }
    // Two reads may cross: the older one must not win.
    if (kept.revision >= this.revision) {
      this.revision = kept.revision;
      this.ring = ring;
    }
    return this.ring;
  }

  private change<T>(step: Step<T>): Promise<Verdict<T>> {
    const done = this.queue.then(() => this.changeNow(step));
    this.queue = done.catch(() => undefined);
    return done;
  }

  private async changeNow<T>(step: Step<T>): Promise<Verdict<T>> {
    for (let attempt = 0; attempt < SAVE_TRIES_MAX; attempt++) {
      await this.newest();
      // Taken together, after the wait: a read beside this may just have brought a newer revision.
      const { ring, revision } = this;
      const changed = step(ring);
      if (!changed.ok) return changed;
      if (changed.value.ring === ring) return valid(changed.value.value);
      if (await this.context.vault.save(encodeRing(changed.value.ring), revision)) {
        if (this.revision === revision) {
          this.ring = changed.value.ring;
          this.revision = revision + 1;
        }
        return valid(changed.value.value);
      }
    }
    throw new Fault('keystore', 'Too many programs change the wallets at once.');
  }
}
