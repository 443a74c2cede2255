/** Lines of other accounts' nodes on their way from the network file to the functions. */
import { describe, expect, it } from 'vitest';
import { parseStackLine } from '../../functions/stack-line.ts';
import { factsOf, foreignPeers } from '../../infra/context.ts';
import { regtest, toNetworkFile } from '../../lib/params/index.ts';
import { easyNetwork } from '../helpers/chain-builder.ts';
import { foreignLine, NETWORK, resourcesOf, synth } from './helpers.ts';

/** What a function takes: the Lambda developer guide, "Environment variables". */
const ENVIRONMENT_BYTES_MAX = 4096;

const LINES = Array.from({ length: 60 }, (_, i) =>
  foreignLine(String(300_000_000_000 + i), `peer-of-full-length${i % 10}`),
);
const of = { name: NETWORK.name, genesisHash: NETWORK.genesisHash };

describe('foreign lines', () => {
  const { template } = synth(50, {
    foreignPeers: LINES,
    network: { ...NETWORK, file: JSON.stringify(toNetworkFile(easyNetwork())) },
  });
  const parameters = resourcesOf(template(), 'AWS::SSM::Parameter').filter(([, { Properties }]) =>
    String(Properties['Name']).includes('/foreign/'),
  );
  const functions = resourcesOf(template(), 'AWS::Lambda::Function').map(
    ([, { Properties }]) =>
      (Properties['Environment'] as { Variables: Record<string, unknown> }).Variables,
  );

  it('stand in parameters that SSM takes, whole and in the form that is read', () => {
    const values = parameters.map(([, { Properties }]) => String(Properties['Value']));
    for (const value of values) expect(value.length).toBeLessThanOrEqual(4096);
    const read = values
      .flatMap((value) => value.split('\n'))
      .map((text) => parseStackLine(text, of));
    expect(read).toEqual(LINES.map((line) => ({ ok: true, line })));
  });

  it('leave the environment of each function small enough, with fifty nodes too', () => {
    const names = parameters.map(([, { Properties }]) => Properties['Name']).join(',');
    expect(functions.length).toBeGreaterThan(0);
    for (const variables of functions) {
      expect(variables['STACKCHAIN_FOREIGN_PARAMETERS']).toBe(names);
      // References become names of about this length.
      const text = JSON.stringify(variables).replace(
        /\{"(Ref|Fn::[A-Za-z]+)":.*?\}/g,
        'x'.repeat(60),
      );
      expect(text.length).toBeLessThan(ENVIRONMENT_BYTES_MAX);
    }
  });

  it('have other names when they are others, so that functions start anew', () => {
    const nameOf = (lines: typeof LINES): unknown =>
      resourcesOf(synth(1, { foreignPeers: lines }).template(), 'AWS::SSM::Parameter')
        .map(([, { Properties }]) => String(Properties['Name']))
        .find((name) => name.includes('/foreign/'));
    const [first, second] = LINES as [(typeof LINES)[0], (typeof LINES)[0]];
    expect(nameOf([first])).toMatch(/^\/stackchain\/testnet\/node0\/foreign\/[0-9a-f]{12}$/);
    expect(nameOf([first])).toBe(nameOf([first]));
    expect(nameOf([first])).not.toBe(nameOf([second]));
    expect(nameOf([])).toBeUndefined();
  });
});

describe('the network file', () => {
  const params = easyNetwork();
  const line = { ...LINES[0], network: params.name, genesis: params.genesisHash };
  const named = {
    ...line,
    queue: `arn:aws:sqs:eu-west-1:300000000000:stackchain-${params.name}-${line.name}-inbox`,
  };
  const withPeers = (...peers: unknown[]) => ({
    ...params,
    peers: peers.map((peer) => (typeof peer === 'string' ? peer : JSON.stringify(peer))),
  });
  const aws = { emulator: undefined };

  it('gives its lines to the stacks and its URLs to the functions', () => {
    const both = withPeers(named, 'https://laptop.example');
    expect(foreignPeers(both, aws)).toEqual([named]);
    expect(JSON.parse(factsOf(both).file).peers).toEqual(['https://laptop.example']);
  });

  it.each([
    ['a line of another network', { ...named, genesis: regtest.genesisHash }, /another network/],
    ['a wildcard for a name', { ...named, name: '*' }, /name/],
    ['somebody’s queue', { ...named, queue: `${named.queue}x` }, /queue is not called/],
    ['a half line', '{"name":"x"}', /network/],
    ['plain http', { ...named, url: 'http://127.0.0.1:4600' }, /not https/],
  ])('with %s is refused at synth', (_what, peer, words) => {
    expect(() => foreignPeers(withPeers(peer), aws)).toThrow(words);
  });

  it('in which two peers name one role is refused at synth', () => {
    const other = { ...named, queue: named.queue.replace('300000000000', '400000000000') };
    expect(() => foreignPeers(withPeers(named, other), aws)).toThrow(/two peers .* name the role/);
  });

  it('on an emulator plain http is the only way', () => {
    const near = { ...named, url: 'http://127.0.0.1:4600/_aws/execute-api/x' };
    expect(foreignPeers(withPeers(near), { emulator: 'http://127.0.0.1:4600' })).toEqual([near]);
  });
});
