/** Two nodes of one network: Alice mines and pays Bob, whose node sees it. In a checkout: npm run example */
import {
  addressScript,
  systemClock as clock,
  createInProcessHub,
  createMemoryStore,
  createNode,
  createVerifier,
  createWalletService,
  openMemoryKeystore,
  systemRandom as random,
  regtest,
} from 'stackchain';
import { generateBlocks } from 'stackchain/miner';

const hub = createInProcessHub();
async function start(name, peer) {
  const [store, verifier] = [createMemoryStore(), createVerifier()];
  const transports = [hub.transport(name)];
  const ports = { params: regtest, store, clock, random, verifier, transports, peers: [peer] };
  const node = await createNode({ ...ports, name });
  hub.listen(name, node.gossip.receive);
  const wallet = createWalletService({ node, keystore: await openMemoryKeystore(regtest) });
  return { node, wallet, ...(await wallet.keystore.newAddress()) };
}
const alice = await start('alice', 'bob');
const bob = await start('bob', 'alice');
const reward = addressScript(alice.address, regtest.addressVersion).value;

// A coinbase can be spent a hundred blocks later.
await generateBlocks({ node: alice.node, count: 101, payTo: reward });
await alice.wallet.send({ from: alice.address, to: bob.address, amountSats: 1_000_000_000 });
await generateBlocks({ node: alice.node, count: 1, payTo: reward });

while ((await bob.node.status()).height < 102) await bob.node.tick();
console.log(await bob.wallet.balance(bob.address));
for (const { node } of [alice, bob]) await node.close();
