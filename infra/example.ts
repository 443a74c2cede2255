/** Two nodes in an app of one's own: docs/cdk.md shows this file, and a test synthesizes it. */
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { foundNetwork, stacknetBase } from '../lib/params/index.ts';
import { bundleAll } from './bundle.ts';
import { factsOf, readNetwork } from './context.ts';
import { NodeStack } from './node-stack.ts';

export function makeApp(networkFile: string): App {
  const app = new App();
  const ops = new Topic(new Stack(app, 'Ops'), 'Alarms', { enforceSSL: true });
  // The file is made the first time: keep it, its genesis is the network.
  const time = Math.floor(Date.now() / 1000);
  const params = readNetwork(networkFile, () =>
    foundNetwork({ time, bits: stacknetBase.powLimitBits }),
  );
  const names = ['alpha', 'beta'];
  const bundles = bundleAll(join(app.outdir, 'bundles'));
  for (const nodeName of names) {
    new NodeStack(app, `Node-${nodeName}`, {
      nodeName,
      network: factsOf(params),
      neighbours: names.filter((name) => name !== nodeName),
      bundles,
      miner: 'lambda',
      writeUnitsMax: 200,
      budget: { usd: 20, email: 'ops@example.com' },
      alarmActions: [new SnsAction(ops)],
    });
  }
  return app;
}
