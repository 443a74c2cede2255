/** Scripts in Core's words: cases of its own functional test (rpc_decodescript.py). */
import { describe, expect, it } from 'vitest';
import { scriptSigAsm } from '../../../lib/api/script-text.ts';
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
