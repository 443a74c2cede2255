/** Every example of the library's documents runs, and prints what it says. */
import { describe, expect, it } from 'vitest';
import * as library from '../../../lib/index.ts';
import {
  exportsOf,
  markdownExamples,
  run,
  sourceExamples,
  typeErrors,
} from '../../helpers/examples.ts';

const SOURCES = ['lib/library/keys.ts', 'lib/library/chain-data.ts'];

describe.each(SOURCES)('%s', (path) => {
  const examples = sourceExamples(path);

  it('has an example for each export', () => {
    expect(examples.map(({ name }) => name)).toEqual(exportsOf(path));
  });

  it.each(examples)('$name', async (example) => {
    expect(example.says).not.toEqual([]);
    expect(await run(example)).toEqual(example.says);
  });
});

describe('docs/library.md', () => {
  const examples = markdownExamples('docs/library.md');

  it.each(examples)('$name', async (example) => {
    expect(example.says).not.toEqual([]);
    expect(await run(example)).toEqual(example.says);
  });

  it('is typed: a reader’s compiler takes each example', () => {
    expect(typeErrors(examples)).toEqual([]);
  });

  it('shows each export in an example', () => {
    const code = examples.map((example) => example.code).join('\n');
    const shown = new Set(code.match(/\w+/g));
    expect(Object.keys(library).filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe('README.md', () => {
  it('imports what there is', () => {
    const examples = markdownExamples('README.md');
    expect(examples.length).toBeGreaterThan(0);
    expect(typeErrors(examples)).toEqual([]);
  });
});

describe('the library', () => {
  // Interfaces, section 9.
  it.each([
    ['encodeBase58', 'decodeBase58', 'encodeBase58Check', 'decodeBase58Check'],
    ['parseAddress', 'parseWif', 'publicKey', 'sign', 'verifyDer', 'checkSignatureEncoding'],
    ['entropyToMnemonic', 'parseMnemonic', 'mnemonicToSeed', 'hdMaster', 'derive'],
    ['decodeTx', 'encodeTx', 'txid', 'checkTransaction', 'sighash', 'verifyInput'],
    ['decodeBlock', 'encodeBlock', 'headerHash', 'checkBlock', 'merkleRoot'],
    ['decodeCompact', 'encodeCompact', 'work', 'nextBits', 'asertBits'],
    ['createNode', 'createMemoryStore', 'openLevelStore', 'buildTransaction'],
  ])('has %s, %s and the others of that row', (...names) => {
    for (const name of names) expect(library, name).toHaveProperty(name, expect.any(Function));
  });

  it('has the parameters of each network', () => {
    expect(library.regtest.genesisHash).toMatch(/^0f9188f1.*2206$/);
    expect(library.mainnet.genesisHash).toMatch(/^000000000019d668/);
    expect(library.stacknetBase.powLimitBits).toBe(0x1e0fffff);
  });
});
