/** The app: N nodes that know each other by name, one dashboard, and what Fargate miners share. */
import { join } from 'node:path';
import { App, Tags } from 'aws-cdk-lib';
import { foundNetwork, stacknetBase } from '../lib/params/index.ts';
import { BoardStack } from './board-stack.ts';
import { bundleAll } from './bundle.ts';
import {
  emulatorApiId,
  emulatorApiUrl,
  factsOf,
  foreignPeers,
  readContext,
  readNetwork,
} from './context.ts';
import { NodeStack } from './node-stack.ts';
import { SharedStack } from './shared-stack.ts';

const app = new App();
const context = readContext(app.node);
const params = readNetwork(context.networkFile, () =>
  foundNetwork({ time: Math.floor(Date.now() / 1000), bits: stacknetBase.powLimitBits }),
);
const network = factsOf(params);
const names = Array.from({ length: context.nodes }, (_, i) => `node${i}`);
// Beside the templates, so that two synths at once do not share them.
const bundles = bundleAll(join(app.outdir, 'bundles'));
const needsGround = context.miner === 'fargate' || context.miner === 'fargate-spot';
const ground = needsGround ? new SharedStack(app, 'Stackchain-shared') : undefined;

for (const nodeName of names) {
  const stack = new NodeStack(app, `Stackchain-${nodeName}`, {
    nodeName,
    network,
    neighbours: names.filter((name) => name !== nodeName),
    foreignPeers: foreignPeers(params, context),
    miner: context.miner,
    miners: context.miners,
    ...(context.address !== undefined && { miningAddress: context.address }),
    ground,
    bundles,
    tlsOnly: context.emulator === undefined,
    ...(context.emulator !== undefined && {
      apiUrl: emulatorApiUrl(context.emulator, nodeName),
    }),
    dev: context.dev,
  });
  // Emulators give an API the id of these tags (MiniStack's, LocalStack's): its URL is known before.
  if (context.emulator !== undefined) {
    for (const tag of ['ms-custom-id', '_custom_id_']) {
      Tags.of(stack.api).add(tag, emulatorApiId(nodeName));
    }
  }
}

new BoardStack(app, 'Stackchain-board', {
  networkName: network.name,
  spacingSeconds: network.spacingSeconds,
  nodes: names,
  lambdaMiners: context.miner === 'lambda',
});
