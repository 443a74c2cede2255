/**
 * Tells stories about chains: named keys, transactions and blocks, mined with the real rules, on
 * whatever parent the story wants. Owns no rule: what it mines was accepted by lib/consensus, what
 * it builds may be wrong in every way that a test asks for. Coins are named `tx:vout`, the coinbase
 * of a block by the block's name: `b7:0`.
 */
import { verify } from '@noble/secp256k1';
import { encodeAddress } from '../../lib/codec/address.ts';
import { makeBlock } from '../../lib/codec/block.ts';
import { makeHeader } from '../../lib/codec/header.ts';
import { fromHex, toHex } from '../../lib/codec/hex.ts';
import { makeTx } from '../../lib/codec/tx.ts';
import { checkBlock, heightPush } from '../../lib/consensus/check-block.ts';
import { checkHeader, checkHeaderContext } from '../../lib/consensus/check-header.ts';
import { connectBlock, genesisCoins } from '../../lib/consensus/connect.ts';
import { genesisEntry, medianTimePast, nextBitsFor } from '../../lib/consensus/context.ts';
import { decodeCompact } from '../../lib/consensus/pow.ts';
import { subsidy } from '../../lib/consensus/subsidy.ts';
import type { BlockEntry, CoinView } from '../../lib/consensus/types.ts';
import { encodeDer } from '../../lib/crypto/der.ts';
import { publicKey, sign } from '../../lib/crypto/ecdsa.ts';
import { hash160, sha256 } from '../../lib/crypto/hash.ts';
import { merkleRoot } from '../../lib/crypto/merkle.ts';
import type { ChainParams } from '../../lib/params/chain-params.ts';
import { foundNetwork, genesisBlock, regtest, stacknetBase } from '../../lib/params/index.ts';
import { p2pkhScript, p2pkhScriptSig } from '../../lib/script/p2pkh.ts';
import { sighashAll } from '../../lib/script/sighash.ts';
import {
  type Block,
  type BlockHeader,
  type OutpointKey,
  type Sats,
  type SignatureCheck,
  type Tx,
  type TxIn,
  type Txid,
  type TxOut,
  toOutpointKey,
  type Verdict,
} from '../../lib/types.ts';
import { coinAfter } from './story-coins.ts';
import type {
  BlockPlan,
  HeaderPlan,
  Payee,
  SpendInput,
  StoryBlock,
  StoryKey,
  TxPlan,
} from './story-plans.ts';

export type * from './story-plans.ts';

const NULL_PREVOUT = { txid: '0'.repeat(64) as Txid, vout: 0xffff_ffff };
const FINAL = 0xffff_ffff;

/** A founded network whose blocks cost two hashes; `changes` to stacknet's parameters. */
export function easyNetwork(
  changes: Partial<ChainParams> & { readonly payTo?: Uint8Array; readonly time?: number } = {},
): ChainParams {
  const { payTo, time = 1_700_000_000, ...own } = changes;
  const powLimitBits = own.powLimitBits ?? 0x207fffff;
  const powLimit = decodeCompact(powLimitBits).target;
  const base = { ...stacknetBase, name: 'easynet', ...own, powLimit, powLimitBits };
  return foundNetwork({ time, bits: powLimitBits, ...(payTo && { payTo }) }, { base });
}

/** One key by its name, the same in every story of the network. */
export function storyKey(name: string, params: ChainParams = regtest): StoryKey {
  const secret = sha256(new TextEncoder().encode(`stackchain story: ${name}`));
  const key = publicKey(secret);
  const hash = hash160(key);
  return {
    name,
    secret,
    publicKey: key,
    hash160: hash,
    script: p2pkhScript(hash),
    address: encodeAddress(hash, params.addressVersion),
  };
}

/** Whether the curve agrees; slow and plain, for the signatures of a story. */
const isSigned = ({ signature, digest, publicKey: key }: SignatureCheck): boolean =>
  verify(signature, digest, key, { prehash: false, lowS: true });

export class Story {
  readonly params: ChainParams;
  readonly genesis: StoryBlock;
  /** The block mined last, unless the story sets another. */
  tip: StoryBlock;
  /** The reward's taker where a plan names none. */
  miner: Payee = 'miner';
  readonly #blocks = new Map<string, StoryBlock>();
  readonly #txs = new Map<string, Tx>();
  readonly #keys = new Map<string, StoryKey>();
  readonly #owners = new Map<string, StoryKey>();
  #serial = 0;

  constructor(params: ChainParams = regtest) {
    this.params = params;
    const block = genesisBlock(params);
    const effects = {
      created: genesisCoins(params),
      spent: [],
      fees: 0 as Sats,
      signatureChecks: [],
    };
    this.genesis = { name: 'genesis', block, entry: genesisEntry(params), effects };
    this.tip = this.genesis;
    this.#remember(this.genesis);
  }

  key(name: string): StoryKey {
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = storyKey(name, this.params);
    this.#keys.set(name, key);
    this.#owners.set(toHex(key.script), key);
    return key;
  }

  block(at: string | StoryBlock): StoryBlock {
    const found = typeof at === 'string' ? this.#blocks.get(at) : at;
    if (found === undefined) throw new Error(`no block ${String(at)} in this story`);
    return found;
  }

  /** A transaction, or the coinbase of a block, by name. */
  tx(name: string): Tx {
    const found = this.#txs.get(name) ?? this.#blocks.get(name)?.block.txs[0];
    if (found === undefined) throw new Error(`no transaction ${name} in this story`);
    return found;
  }

  /** Name, output and owner of a coin: `b1:0`. */
  output(coin: string): { outpoint: OutpointKey; txid: Txid; vout: number; output: TxOut } {
    const at = coin.lastIndexOf(':');
    const { txid, outputs } = this.tx(coin.slice(0, at));
    const vout = Number(coin.slice(at + 1));
    const output = outputs[vout];
    if (output === undefined) throw new Error(`no coin ${coin} in this story`);
    return { outpoint: toOutpointKey(txid, vout), txid, vout, output };
  }

  script(payee: Payee): Uint8Array {
    return typeof payee === 'string' ? this.key(payee).script : payee;
  }

  /** Makes and signs a transaction. */
  spend(plan: TxPlan): Tx {
    const inputs = plan.inputs.map((input) =>
      typeof input === 'string' ? { coin: input } : input,
    );
    const unsigned = makeTx({
      version: plan.version ?? 1,
      inputs: inputs.map(({ coin, sequence = FINAL }): TxIn => {
        const { txid, vout } = this.output(coin);
        return { prevout: { txid, vout }, scriptSig: new Uint8Array(0), sequence };
      }),
      outputs: plan.outputs.map(({ to, sats }) => ({
        value: BigInt(sats),
        scriptPubKey: this.script(to),
      })),
      lockTime: plan.lockTime ?? 0,
    });
    const signed = unsigned.inputs.map((input, i) => ({
      ...input,
      scriptSig: inputs[i]?.scriptSig ?? this.#signature(unsigned, i, inputs[i] as SpendInput),
    }));
    return this.name(makeTx({ ...unsigned, inputs: signed }), plan.name);
  }

  /** Pays out of coins of one owner; what is left after the fee goes back to them. */
  pay(plan: {
    readonly name?: string;
    readonly from: string | readonly string[];
    readonly to: Payee;
    readonly sats: number;
    readonly fee?: number;
    readonly sequence?: number;
  }): Tx {
    const coins = typeof plan.from === 'string' ? [plan.from] : plan.from;
    const outputs = coins.map((coin) => this.output(coin).output);
    const total = Number(outputs.reduce((sum, { value }) => sum + value, 0n));
    const change = total - plan.sats - (plan.fee ?? 1000);
    if (change < 0) throw new Error(`${coins.join()} hold ${total}, too little`);
    const back = { to: outputs[0]?.scriptPubKey as Uint8Array, sats: change };
    return this.spend({
      ...(plan.name !== undefined && { name: plan.name }),
      inputs: coins.map((coin) => ({ coin, sequence: plan.sequence ?? FINAL })),
      outputs: [{ to: plan.to, sats: plan.sats }, ...(change > 0 ? [back] : [])],
    });
  }

  /** Gives a transaction a name, made elsewhere or here. */
  name(tx: Tx, name: string = tx.txid): Tx {
    this.#txs.set(name, tx);
    this.#txs.set(tx.txid, tx);
    return tx;
  }

  #signature(tx: Tx, index: number, input: SpendInput): Uint8Array {
    const { scriptPubKey } = this.output(input.coin).output;
    const owner =
      input.key === undefined ? this.#owners.get(toHex(scriptPubKey)) : this.key(input.key);
    if (owner === undefined) throw new Error(`nobody in this story owns ${input.coin}`);
    return signInput(tx, index, scriptPubKey, owner);
  }

  /** The coins as they are after this block. */
  coins(at: StoryBlock): CoinView {
    return {
      coin: (outpoint) => coinAfter(at, outpoint),
      medianTimePast: (height) => {
        let block: StoryBlock | undefined = at;
        while (block !== undefined && block.entry.height > height) block = block.parent;
        if (block === undefined) throw new Error(`no height ${height} below ${at.name}`);
        return medianTimePast(block.entry);
      },
    };
  }

  /** Builds a block; the rules are not asked. */
  build(plan: BlockPlan = {}): Block {
    const parent = this.block(plan.on ?? this.tip);
    const height = parent.entry.height + 1;
    const txs = (plan.txs ?? []).map((tx) => (typeof tx === 'string' ? this.tx(tx) : tx));
    const reward = plan.reward ?? subsidy(height, this.params) + this.#fees(parent, txs);
    const fields = {
      version: 1,
      inputs: [{ prevout: NULL_PREVOUT, scriptSig: this.#coinbaseScript(height), sequence: FINAL }],
      outputs: [
        { value: BigInt(reward), scriptPubKey: this.script(plan.payTo ?? this.miner) },
        ...(plan.moreOutputs ?? []),
      ],
      lockTime: 0,
    };
    const coinbase = makeTx(plan.coinbase?.(fields) ?? fields);
    const all = plan.arrange?.([coinbase, ...txs]) ?? [coinbase, ...txs];
    const header = {
      version: plan.version ?? 4,
      prevHash: parent.entry.hash,
      merkleRoot: merkleRoot(all.map(({ txid }) => txid)).root,
      time: plan.time ?? this.#nextTime(parent.entry),
      bits: plan.bits ?? nextBitsFor(parent.entry, this.params),
      nonce: 0,
    };
    return makeBlock(mineHeader(plan.header?.(header) ?? header, plan.unmined !== true), all);
  }

  /** The whole way of a block above `on`, signatures included. `now`: the checking node's clock. */
  check(block: Block, on: string | StoryBlock = this.tip, now?: number): Verdict<StoryBlock> {
    const parent = this.block(on);
    const header = checkHeader(block.header, this.params);
    if (!header.ok) return header;
    const alone = checkBlock(block, this.params);
    if (!alone.ok) return alone;
    const clock = now ?? block.header.time;
    const entry = checkHeaderContext(block.header, parent.entry, this.params, clock);
    if (!entry.ok) return entry;
    const view = this.coins(parent);
    const effects = connectBlock(block, entry.value, parent.entry, view, this.params);
    if (!effects.ok) return effects;
    const name = block.header.hash;
    return { ok: true, value: { name, block, entry: entry.value, parent, effects: effects.value } };
  }

  /** Whether all signatures of a connected block hold. */
  isSigned(block: StoryBlock): boolean {
    return block.effects.signatureChecks.every(isSigned);
  }

  /** Mines a block that the rules accept, and throws the reason where they do not. */
  mine(plan: BlockPlan = {}): StoryBlock {
    const parent = this.block(plan.on ?? this.tip);
    const verdict = this.check(this.build(plan), parent);
    if (!verdict.ok) {
      const { reason, detail = '' } = verdict.reject;
      throw new Error(`the story's block ${plan.name ?? ''} is refused: ${reason} ${detail}`);
    }
    let name = plan.name ?? `b${verdict.value.entry.height}`;
    while (plan.name === undefined && this.#blocks.has(name)) name += "'";
    const mined = { ...verdict.value, name };
    this.#remember(mined);
    this.tip = mined;
    return mined;
  }

  /** `count` empty blocks one above the other. */
  mineMany(count: number, plan: Omit<BlockPlan, 'name' | 'time' | 'txs'> = {}): StoryBlock[] {
    const blocks: StoryBlock[] = [];
    for (let i = 0; i < count; i++) {
      const on = blocks.at(-1) ?? plan.on;
      blocks.push(this.mine({ ...plan, ...(on !== undefined && { on }) }));
    }
    return blocks;
  }

  /** Blocks up to this one, oldest first, genesis left out. */
  path(to: string | StoryBlock = this.tip): StoryBlock[] {
    const blocks: StoryBlock[] = [];
    let at: StoryBlock | undefined = this.block(to);
    while (at?.parent !== undefined) {
      blocks.unshift(at);
      at = at.parent;
    }
    return blocks;
  }

  #remember(block: StoryBlock): void {
    this.#blocks.set(block.name, block);
    for (const tx of block.block.txs) this.#txs.set(tx.txid, tx);
  }

  #nextTime(parent: BlockEntry): number {
    return parent.header.time + this.params.retarget.spacing;
  }

  /** Height, then a serial number: no two coinbases of a story are alike. */
  #coinbaseScript(height: number): Uint8Array {
    const push = heightPush(height);
    const script = new Uint8Array(push.length + 5);
    script.set(push);
    script[push.length] = 4;
    new DataView(script.buffer).setUint32(push.length + 1, this.#serial++);
    return script;
  }

  /** What the transactions leave to the miner, as far as their coins are there. */
  #fees(parent: StoryBlock, txs: readonly Tx[]): number {
    const own = new Map(
      txs.flatMap((tx) =>
        tx.outputs.map(({ value }, vout) => [toOutpointKey(tx.txid, vout), value] as const),
      ),
    );
    let fees = 0n;
    for (const tx of txs) {
      for (const { prevout } of tx.inputs) {
        const outpoint = toOutpointKey(prevout.txid, prevout.vout);
        fees += own.get(outpoint) ?? BigInt(coinAfter(parent, outpoint)?.value ?? 0);
      }
      for (const { value } of tx.outputs) fees -= value;
    }
    return fees > 0n ? Number(fees) : 0;
  }
}

/** `<signature ALL> <key>` for an input. */
export function signInput(
  tx: Tx,
  index: number,
  scriptPubKey: Uint8Array,
  key: Pick<StoryKey, 'secret' | 'publicKey'>,
): Uint8Array {
  const der = encodeDer(sign(sighashAll(tx, index, scriptPubKey), key.secret));
  return p2pkhScriptSig(Uint8Array.from([...der, 0x01]), key.publicKey);
}

/** Searches a nonce whose hash meets the bits, or misses them. */
export function mineHeader(fields: HeaderPlan, meets = true): BlockHeader {
  const { target } = decodeCompact(fields.bits);
  for (let nonce = fields.nonce; ; nonce++) {
    const header = makeHeader({ ...fields, nonce });
    if (BigInt(`0x${header.hash}`) <= target === meets) return header;
  }
}

/** A script from hex, for tests that write one down. */
export function script(hex: string): Uint8Array {
  const bytes = fromHex(hex.replaceAll(' ', ''));
  if (bytes === undefined) throw new Error(`not hex: ${hex}`);
  return bytes;
}
