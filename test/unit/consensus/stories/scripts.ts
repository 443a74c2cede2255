/** Stories of scriptSigs: what unlocks a coin, and what Bitcoin or we refuse. */
import * as secp from '@noble/secp256k1';
import { encodeDer } from '../../../../lib/crypto/der.ts';
import { sign } from '../../../../lib/crypto/ecdsa.ts';
import { hash160 } from '../../../../lib/crypto/hash.ts';
import { p2pkhScript, p2pkhScriptSig } from '../../../../lib/script/p2pkh.ts';
import { sighash, sighashAll } from '../../../../lib/script/sighash.ts';
import type { Block, Tx } from '../../../../lib/types.ts';
import type { Story } from '../../../helpers/chain-builder.ts';
import { accepts, type BlockStory, COIN, tells } from './story-base.ts';

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
const ALL = 1;

interface Parts {
  readonly tx: Tx;
  readonly signature: Uint8Array;
  readonly key: Uint8Array;
}

/** A block that spends `coin` with a scriptSig made of what would be right. */
function unlocked(
  story: Story,
  make: (parts: Parts) => Uint8Array,
  options: { coin?: string; key?: Uint8Array; payee?: string } = {},
): Block {
  const { coin = 'split:0', payee = 'alice' } = options;
  const outputs = [{ to: 'bob', sats: COIN / 2 }];
  const bare = story.spend({ inputs: [{ coin, scriptSig: new Uint8Array(0) }], outputs });
  const { secret, publicKey } = story.key(payee);
  const { scriptPubKey } = story.output(coin).output;
  const signature = sign(sighashAll(bare, 0, scriptPubKey), secret);
  const scriptSig = make({ tx: bare, signature, key: options.key ?? publicKey });
  return story.build({ txs: [story.spend({ inputs: [{ coin, scriptSig }], outputs })] });
}

const typed = (der: Uint8Array, type = ALL): Uint8Array => Uint8Array.of(...der, type);
const right = ({ signature, key }: Parts): Uint8Array =>
  p2pkhScriptSig(typed(encodeDer(signature)), key);

/** The same signature with S on the upper half: valid in Bitcoin's consensus, malleable. */
function highS(signature: Uint8Array): Uint8Array {
  const s = BigInt(`0x${Buffer.from(signature.subarray(32)).toString('hex')}`);
  const high = (ORDER - s).toString(16).padStart(64, '0');
  return Uint8Array.of(...signature.subarray(0, 32), ...Buffer.from(high, 'hex'));
}

const uncompressed = (story: Story): Uint8Array =>
  secp.getPublicKey(story.key('alice').secret, false);

/** Names a coin in a transaction of the same block that pays this key. */
function paysKey(story: Story, key: Uint8Array, make: (parts: Parts) => Uint8Array): Block {
  const name = `to ${Buffer.from(key.subarray(0, 4)).toString('hex')}`;
  const parent = story.spend({
    name,
    inputs: ['split:1'],
    outputs: [{ to: p2pkhScript(hash160(key)), sats: COIN }],
  });
  const block = unlocked(story, make, { coin: `${name}:0`, key });
  return story.build({ txs: [parent, ...block.txs.slice(1)] });
}

const withFirst = (key: Uint8Array, first: number): Uint8Array =>
  Uint8Array.of(first, ...key.subarray(1));

const EQUALVERIFY = 'block-script-verify-flag-failed (Script failed an OP_EQUALVERIFY operation)';
const DER = 'block-script-verify-flag-failed (Non-canonical DER signature)';

const forms: readonly BlockStory[] = [
  accepts('signature and key', (story) => unlocked(story, right)),
  tells('nothing', 'stack-scriptsig', (story) => unlocked(story, () => new Uint8Array(0))),
  tells('one push', 'stack-scriptsig', (story) =>
    unlocked(story, (parts) => right(parts).subarray(0, -34)),
  ),
  tells('a push before', 'stack-scriptsig', (story) =>
    unlocked(story, (parts) => Uint8Array.of(0x51, ...right(parts))),
  ),
  tells('a NOP behind', 'stack-scriptsig', (story) =>
    unlocked(story, (parts) => Uint8Array.of(...right(parts), 0x61)),
  ),
  tells('the key by OP_PUSHDATA1', 'stack-scriptsig', (story) =>
    unlocked(story, ({ signature, key }) => {
      const first = typed(encodeDer(signature));
      return Uint8Array.of(first.length, ...first, 0x4c, key.length, ...key);
    }),
  ),
];

const keys: readonly BlockStory[] = [
  accepts('an uncompressed key', (story) => paysKey(story, uncompressed(story), right)),
  tells('a hybrid key', 'stack-pubkey', (story) =>
    paysKey(story, withFirst(uncompressed(story), 6), right),
  ),
  tells('a key of 05', 'stack-pubkey', (story) =>
    paysKey(story, withFirst(story.key('alice').publicKey, 5), right),
  ),
  tells('an uncompressed key that is no point', 'stack-pubkey', (story) => {
    const key = uncompressed(story);
    key[64] = (key[64] as number) ^ 1;
    return paysKey(story, key, right);
  }),
  tells('a key of 32 bytes', 'stack-pubkey', (story) =>
    paysKey(story, story.key('alice').publicKey.subarray(0, 32), right),
  ),
  tells("another's key", EQUALVERIFY, (story) =>
    unlocked(story, right, { key: story.key('eve').publicKey }),
  ),
  tells('the uncompressed form of the right key', EQUALVERIFY, (story) =>
    unlocked(story, right, { key: uncompressed(story) }),
  ),
];

const signatures: readonly BlockStory[] = [
  tells('a high S', 'stack-high-s', (story) =>
    unlocked(story, ({ signature, key }) =>
      p2pkhScriptSig(typed(encodeDer(highS(signature))), key),
    ),
  ),
  ...[0, 2, 3, 0x81, 0xff].map((type) =>
    tells(`hash type ${type}`, 'stack-hash-type', (story) =>
      unlocked(story, ({ tx, key }) => {
        const { secret, script } = story.key('alice');
        const der = encodeDer(sign(sighash(tx, 0, script, type), secret));
        return p2pkhScriptSig(typed(der, type), key);
      }),
    ),
  ),
  tells('a zero in front of R', DER, (story) =>
    unlocked(story, ({ signature, key }) => {
      const [, , mark, length, ...rest] = encodeDer(signature);
      const der = [mark, (length as number) + 1, 0, ...rest] as number[];
      return p2pkhScriptSig(typed(Uint8Array.of(0x30, der.length, ...der)), key);
    }),
  ),
  tells('a byte within the sequence', DER, (story) =>
    unlocked(story, ({ signature, key }) => {
      const [, length, ...rest] = encodeDer(signature);
      return p2pkhScriptSig(typed(Uint8Array.of(0x30, (length as number) + 1, ...rest, 0)), key);
    }),
  ),
  tells('no DER at all', DER, (story) =>
    unlocked(story, ({ key }) => p2pkhScriptSig(Uint8Array.of(1), key)),
  ),
];

export const scriptStories: readonly BlockStory[] = [...forms, ...keys, ...signatures];
