/**
 * Double SHA-256 of a header for the search of nonces, as code: the midstate and the first rounds are
 * a header's, sums of constants are the algorithm's (VectorCode sees to both), and of the second hash
 * only the word is formed that holds a target's leading zeros.
 */
import {
  DIGEST_BITS,
  HEADER_BITS,
  IV,
  K,
  LAST_NEEDED_ROUND,
  PAD_WORD,
  rotate,
} from '../sha256-words.ts';
import { known, type Lanes, VectorCode, type Word } from './vector-code.ts';

type Bits = readonly [number, number, number];

/** FIPS 180-4, 4.1.2: Σ0 and Σ1 rotate three times; σ0 and σ1 shift instead the third time. */
const BIG: readonly [Bits, Bits] = [
  [2, 13, 22],
  [6, 11, 25],
];
const SMALL: readonly [Bits, Bits] = [
  [7, 18, 3],
  [17, 19, 10],
];

const bigSigma = (code: VectorCode, x: Word, [r, s, t]: Bits): Word =>
  code.word(
    [x],
    (v = 0) => rotate(v, r) ^ rotate(v, s) ^ rotate(v, t),
    () => code.rotateRight(x, r).rotateRight(x, s).xor().rotateRight(x, t).xor(),
  );

const smallSigma = (code: VectorCode, x: Word, [r, s, t]: Bits): Word =>
  code.word(
    [x],
    (v = 0) => rotate(v, r) ^ rotate(v, s) ^ (v >>> t),
    () => code.rotateRight(x, r).rotateRight(x, s).xor().shiftRight(x, t).xor(),
  );

const choose = (code: VectorCode, e: Word, f: Word, g: Word): Word =>
  code.word(
    [e, f, g],
    (x = 0, y = 0, z = 0) => z ^ (x & (y ^ z)),
    () => code.push(f).push(g).xor().push(e).and().push(g).xor(),
  );

const xor = (code: VectorCode, a: Word, b: Word): Word =>
  code.word(
    [a, b],
    (x = 0, y = 0) => x ^ y,
    () => code.push(a).push(b).xor(),
  );

/** Maj(a, b, c) from a^b and b^c: the latter is the a^b of the round before. */
const majority = (code: VectorCode, ab: Word, bc: Word, b: Word): Word =>
  code.word(
    [ab, bc, b],
    (x = 0, y = 0, z = 0) => (x & y) ^ z,
    () => code.push(ab).push(bc).and().push(b).xor(),
  );

type State = readonly [Word, Word, Word, Word, Word, Word, Word, Word];

/** The state after the rounds 0 to `last` on a block. */
function compress(code: VectorCode, state: State, block: readonly Word[], last: number): State {
  const w = [...block];
  const at = (i: number): Word => w[i] as Word;
  let [a, b, c, d, e, f, g, h] = state;
  let bc = xor(code, b, c);
  for (let i = 0; i <= last; i++) {
    if (i >= 16) {
      const s0 = smallSigma(code, at(i - 15), SMALL[0]);
      w[i] = code.sum(at(i - 16), at(i - 7), s0, smallSigma(code, at(i - 2), SMALL[1]));
    }
    const s1 = bigSigma(code, e, BIG[1]);
    const t1 = code.sum(known(K[i] as number), h, at(i), choose(code, e, f, g), s1);
    const ab = xor(code, a, b);
    const t2 = [majority(code, ab, bc, b), bigSigma(code, a, BIG[0])];
    [h, g, f, e, d, c, b, a] = [g, f, e, code.sum(d, t1), c, b, a, code.sum(t1, ...t2)];
    bc = ab;
  }
  return [a, b, c, d, e, f, g, h];
}

const zeros = (count: number): Word[] => Array.from({ length: count }, () => known(0));

/**
 * Inputs of a header: its midstate (8 words), the three words after it, and the greatest value that
 * the hash's top 32 bits may have.
 */
export function doubleSha256(lanes: Lanes): VectorCode {
  const code = new VectorCode(lanes);
  const eight = (make: (i: number) => Word): State =>
    Array.from({ length: 8 }, (_, i) => make(i)) as unknown as State;
  const midstate = eight(() => code.input());
  const tail = Array.from({ length: 3 }, () => code.input());
  const mask = code.input();
  const end = (bits: number): Word => known(bits);
  code.search((nonce) => {
    const block = [...tail, nonce, known(PAD_WORD), ...zeros(10), end(HEADER_BITS)];
    const first = compress(code, midstate, block, 63);
    const digest = eight((i) => code.sum(first[i] as Word, midstate[i] as Word));
    const second = [...digest, known(PAD_WORD), ...zeros(6), end(DIGEST_BITS)];
    const [, , , , e] = compress(
      code,
      eight((i) => known(IV[i] as number)),
      second,
      LAST_NEEDED_ROUND,
    );
    return code.sum(e, known(IV[7] as number));
  }, mask);
  return code;
}
