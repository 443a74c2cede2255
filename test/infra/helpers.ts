/** Synthesizes the stacks as the app does, with bundles that hold nothing but a file. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { StackLine } from '../../functions/stack-line.ts';
import { FUNCTION_NAMES } from '../../infra/names.ts';
import { NodeStack, type NodeStackProps } from '../../infra/node-stack.ts';
import { SharedStack } from '../../infra/shared-stack.ts';

export function fakeBundles(): string {
  const dir = mkdtempSync(join(tmpdir(), 'stackchain-bundles-'));
  for (const name of [...FUNCTION_NAMES, 'mine', 'miner']) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, 'index.mjs'), `// ${name}\n`);
  }
  return dir;
}

const bundles = fakeBundles();

export const NETWORK = {
  name: 'testnet',
  genesisHash: `${'0'.repeat(60)}abcd`,
  file: '{"name":"testnet"}',
  spacingSeconds: 15,
};

/** A node of another account, as its line says. */
export const foreignLine = (account: string, name: string): StackLine => ({
  network: NETWORK.name,
  genesis: NETWORK.genesisHash,
  name,
  url: `https://${name}0123456789.execute-api.eu-west-1.amazonaws.com`,
  queue: `arn:aws:sqs:eu-west-1:${account}:stackchain-${NETWORK.name}-${name}-inbox`,
  roles: ['public', 'private', 'inbox', 'sync', 'tick', 'miner'].map(
    (role) => `AROA${account}${role.slice(0, 5).toUpperCase()}`,
  ),
});

export const FOREIGN = foreignLine('222222222222', 'far0');

export interface Synth {
  readonly app: App;
  readonly stacks: readonly NodeStack[];
  readonly shared: SharedStack | undefined;
  template(node?: number): Template;
}

export function synth(nodes: number, props: Partial<NodeStackProps> = {}): Synth {
  const app = new App();
  const needsGround = props.miner === 'fargate' || props.miner === 'fargate-spot';
  const where = props.env === undefined ? {} : { env: props.env };
  const shared = needsGround ? new SharedStack(app, 'Stackchain-shared', where) : undefined;
  const names = Array.from({ length: nodes }, (_, i) => `node${i}`);
  const stacks = names.map(
    (nodeName) =>
      new NodeStack(app, `Stackchain-${nodeName}`, {
        nodeName,
        network: NETWORK,
        neighbours: names.filter((name) => name !== nodeName),
        bundles,
        ...(shared !== undefined && { ground: shared }),
        ...props,
      }),
  );
  return {
    app,
    stacks,
    shared,
    template: (node = 0) => Template.fromStack(stacks[node] as NodeStack),
  };
}

interface Resource {
  readonly Type: string;
  readonly Properties: Record<string, unknown>;
  readonly DeletionPolicy?: string;
}

export const resourcesOf = (template: Template, type?: string): [string, Resource][] =>
  Object.entries((template.toJSON() as { Resources: Record<string, Resource> }).Resources)
    .filter(([, { Type }]) => type === undefined || Type === type)
    .map(([name, resource]) => [name, { ...resource, Properties: resource.Properties ?? {} }]);
