/**
 * Scripts in words. In Core's: cases of its own functional test (rpc_decodescript.py); in Esplora's:
 * of rust-bitcoin's tests of how a script is printed.
 */
import { describe, expect, it } from 'vitest';
import { scriptAsm, scriptSigAsm, scriptType } from '../../../lib/api/script-text.ts';
import { script } from '../../helpers/chain-builder.ts';

const DER =
  '304402207174775824bec6c2700023309a168231ec80b82c6069282f5133e6f11cbb04460220570edc55c7c5da2ca687ebd0372d3546ebc3f810516a002350cac72dfe192dfb';
const KEY =
  '04d3f898e6487787910a690410b7a917ef198905c27fb9d3b0a42da12aceae0544fc7088d239d9a48f2828a15a09e84043001f27cc80d162cb95404e1210161536';

describe('a scriptSig', () => {
  it.each([
    ['01', 'ALL'],
    ['82', 'NONE|ANYONECANPAY'],
    ['03', 'SINGLE'],
  ])('hash type %s is %s', (type, name) => {
    expect(scriptSigAsm(script(`47${DER}${type}41${KEY}`))).toBe(`${DER}[${name}] ${KEY}`);
  });

  it.each(['00', '04', '84', '41'])('hash type %s has no name', (type) => {
    expect(scriptSigAsm(script(`47${DER}${type}`))).toBe(`${DER}${type}`);
  });

  it('data that is no signature, numbers and a broken push', () => {
    expect(scriptSigAsm(script(`05${'01'.repeat(5)}0181024c`))).toBe('0101010101 -1 [error]');
    expect(scriptSigAsm(script(`6a47${DER}01`))).toBe(`OP_RETURN ${DER}01`);
  });
});

describe('opcodes', () => {
  const core = (hex: string) => scriptAsm(script(hex), 'core');
  const esplora = (hex: string) => scriptAsm(script(hex), 'esplora');

  it('have Core’s names', () => {
    expect(core('004f515260')).toBe('0 -1 1 2 16');
    expect(core('50616263646566676869')).toBe(
      'OP_RESERVED OP_NOP OP_VER OP_IF OP_NOTIF OP_VERIF OP_VERNOTIF OP_ELSE OP_ENDIF OP_VERIFY',
    );
    expect(core('6b7d7e838d8fa5a6aaabaf')).toBe(
      'OP_TOALTSTACK OP_TUCK OP_CAT OP_INVERT OP_2MUL OP_NEGATE OP_WITHIN OP_RIPEMD160 OP_HASH256 ' +
        'OP_CODESEPARATOR OP_CHECKMULTISIGVERIFY',
    );
    expect(core('b0b1b2b3b9babbfeff')).toBe(
      'OP_NOP1 OP_CHECKLOCKTIMEVERIFY OP_CHECKSEQUENCEVERIFY OP_NOP4 OP_NOP10 OP_CHECKSIGADD ' +
        'OP_UNKNOWN OP_UNKNOWN OP_INVALIDOPCODE',
    );
  });

  it('have rust-bitcoin’s names at Esplora', () => {
    expect(esplora('004f5160')).toBe('OP_0 OP_PUSHNUM_NEG1 OP_PUSHNUM_1 OP_PUSHNUM_16');
    expect(esplora('5061b0b1b2b3babbfeff')).toBe(
      'OP_RESERVED OP_NOP OP_NOP1 OP_CLTV OP_CSV OP_NOP4 OP_CHECKSIGADD OP_RETURN_187 ' +
        'OP_RETURN_254 OP_INVALIDOPCODE',
    );
  });

  it('pushes of up to four bytes are numbers to Core, with their sign', () => {
    expect(core('018004ffffff7f04ffffffff0201004c')).toBe('0 2147483647 -2147483647 1 [error]');
    expect(core('0500000000004c00')).toBe('0000000000 0');
    expect(esplora('01804c004d0100aa')).toBe('OP_PUSHBYTES_1 80 OP_PUSHDATA1 OP_PUSHDATA2 aa');
  });

  it.each([
    ['01', 'OP_PUSHBYTES_1 <push past end>'],
    ['4c', '<unexpected end>'],
    ['4c02aa', 'OP_PUSHDATA1 <push past end>'],
    ['4e01', '<unexpected end>'],
    ['4effffffff', 'OP_PUSHDATA4 <push past end>'],
    ['764d01', 'OP_DUP<unexpected end>'],
  ])('a cut push in %s', (hex, text) => {
    expect(esplora(hex)).toBe(text);
    expect(core(hex)).toBe(hex.startsWith('76') ? 'OP_DUP [error]' : '[error]');
  });
});

describe('types', () => {
  const hash = '07'.repeat(20);
  const key = `02${'09'.repeat(32)}`;
  it.each([
    [`76a914${hash}88ac`, 'pubkeyhash', 'p2pkh'],
    [`a914${hash}87`, 'scripthash', 'p2sh'],
    [`a914${hash}88`, 'nonstandard', 'unknown'],
    ['6a', 'nulldata', 'op_return'],
    ['6a0401020304', 'nulldata', 'op_return'],
    ['6a76', 'nonstandard', 'op_return'],
    ['6a02aa', 'nonstandard', 'op_return'],
    [`21${key}ac`, 'pubkey', 'p2pk'],
    [`4104${'09'.repeat(64)}ac`, 'pubkey', 'p2pk'],
    [`2105${'09'.repeat(32)}ac`, 'nonstandard', 'unknown'],
    [`5121${key}21${key}52ae`, 'multisig', 'unknown'],
    [`5321${key}21${key}52ae`, 'nonstandard', 'unknown'],
    [`5121${key}21${key}53ae`, 'nonstandard', 'unknown'],
    [`0014${hash}`, 'witness_v0_keyhash', 'v0_p2wpkh'],
    [`0020${'07'.repeat(32)}`, 'witness_v0_scripthash', 'v0_p2wsh'],
    ['00021234', 'nonstandard', 'unknown'],
    [`5120${'07'.repeat(32)}`, 'witness_v1_taproot', 'v1_p2tr'],
    [`5220${'07'.repeat(32)}`, 'witness_unknown', 'unknown'],
    ['', 'nonstandard', 'empty'],
    ['51', 'nonstandard', 'unknown'],
  ])('%s is %s, at Esplora %s', (hex, core, esplora) => {
    expect(scriptType(script(hex), 'core')).toBe(core);
    expect(scriptType(script(hex), 'esplora')).toBe(esplora);
  });
});
