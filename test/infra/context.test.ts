import { App } from 'aws-cdk-lib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readContext } from '../../infra/context.ts';

const read = (context: Record<string, unknown> = {}) => readContext(new App({ context }).node);

describe('context of the app', () => {
  const before = process.env['AWS_ENDPOINT_URL'];
  beforeEach(() => {
    delete process.env['AWS_ENDPOINT_URL'];
  });
  afterEach(() => {
    delete process.env['AWS_ENDPOINT_URL'];
    if (before !== undefined) process.env['AWS_ENDPOINT_URL'] = before;
  });

  it('is three nodes with a Fargate miner each, on AWS', () => {
    expect(read()).toEqual({
      nodes: 3,
      miner: 'fargate',
      miners: 1,
      address: undefined,
      networkFile: 'network.json',
      emulator: undefined,
      dev: false,
    });
  });

  it.each([
    ['http://127.0.0.1:4566/', 'http://127.0.0.1:4566'],
    ['http://localhost:4566', 'http://localhost:4566'],
    ['https://vpce-1.example.com', undefined],
  ])('takes AWS_ENDPOINT_URL %s for the emulator %s', (url, emulator) => {
    process.env['AWS_ENDPOINT_URL'] = url;
    expect(read().emulator).toBe(emulator);
    expect(read({ emulator: 'http://127.0.0.1:9' }).emulator).toBe('http://127.0.0.1:9');
  });

  it.each([
    [{ nodes: 0 }, 'nodes'],
    [{ nodes: '2.5' }, 'nodes'],
    [{ nodes: 51 }, 'nodes'],
    [{ miners: 'many' }, 'miners'],
    [{ miner: 'gpu' }, 'miner'],
  ])('refuses %j with a sentence that names it', (context, name) => {
    expect(() => read(context)).toThrow(`-c ${name}=…`);
  });
});
