/** The rules of AWS Solutions (cdk-nag) hold; what is acknowledged is so on one resource, with a reason. */
import { Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { expect, it, vi } from 'vitest';
import { FOREIGN, synth } from './helpers.ts';

it.each(['off', 'lambda', 'fargate', 'fargate-spot'] as const)(
  'no finding with the miner %s',
  (miner) => {
    const { app } = synth(2, { miner, foreignPeers: [FOREIGN] });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    const said: string[] = [];
    const note = (...words: unknown[]): boolean => {
      said.push(words.join(' '));
      return true;
    };
    const spies = [
      vi.spyOn(console, 'error').mockImplementation(note),
      vi.spyOn(console, 'log').mockImplementation(note),
      vi.spyOn(process.stderr, 'write').mockImplementation(note),
    ];
    try {
      app.synth();
    } catch (error) {
      said.push(String(error));
    } finally {
      for (const spy of spies) spy.mockRestore();
    }
    const findings = said.join('\n').match(/Acknowledge with '[^']*AwsSolutions[^']*'/g) ?? [];
    expect(findings).toEqual([]);
  },
);

it('notices what breaks a rule', () => {
  const { app, stacks } = synth(1);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  // A queue that takes messages without TLS.
  const lax = synth(1, { tlsOnly: false });
  expect(stacks.length).toBe(1);
  Validations.of(lax.app).addPlugins(new AwsSolutionsChecks(lax.app));
  const said: string[] = [];
  const spy = vi.spyOn(console, 'error').mockImplementation((...words) => {
    said.push(words.join(' '));
  });
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
  try {
    lax.app.synth();
  } catch (error) {
    said.push(String(error));
  } finally {
    spy.mockRestore();
    write.mockRestore();
  }
  expect(said.join('\n')).toContain('AwsSolutions-SQS4');
});
