/** What a node's own blocks say, played again from genesis in memory. */
import { createMemoryStore } from '../../lib/adapters/memory-store.ts';
import { systemClock } from '../../lib/adapters/system-clock.ts';
import { createVerifier } from '../../lib/adapters/verifier.ts';
import { createChain } from '../../lib/chain/create-chain.ts';
import { parseAddress } from '../../lib/codec/index.ts';
import type { ChainParams } from '../../lib/params/index.ts';
import { scriptHash } from '../../lib/script/index.ts';
import { p2pkhScript } from '../../lib/script/p2pkh.ts';

async function rawBlocks(url: string): Promise<Uint8Array[]> {
  const { height } = (await (await fetch(`${url}/v1/node`)).json()) as { height: number };
  const raws: Uint8Array[] = [];
  for (let at = 1; at <= height; at++) {
    const { hash } = (await (await fetch(`${url}/v1/blocks/${at}`)).json()) as { hash: string };
    const raw = await fetch(`${url}/v1/blocks/${hash}/raw`);
    raws.push(new Uint8Array(await raw.arrayBuffer()));
  }
  return raws;
}

/** What each address holds in the chain, in base units; every rule is checked on the way. */
export async function balancesOf(
  params: ChainParams,
  url: string,
  addresses: readonly string[],
): Promise<number[]> {
  const chain = createChain({
    params,
    store: createMemoryStore(),
    clock: systemClock,
    verifier: createVerifier(),
  });
  await chain.init();
  const raws = await rawBlocks(url);
  const outcomes = await chain.acceptBlocks(raws);
  const refused = outcomes.filter(({ status }) => status !== 'tip');
  if (refused.length > 0) throw new Error(`replay: ${JSON.stringify(refused[0])}`);
  return Promise.all(
    addresses.map((address) => {
      const parsed = parseAddress(address);
      if (!parsed.ok) throw new Error(`${address} is no address`);
      const script = scriptHash(p2pkhScript(parsed.value.hash160));
      return chain.view(async (view) => {
        const coins = await view.addressCoins(script, { limit: 10_000 });
        return coins.reduce((sum, { coin }) => sum + coin.value, 0);
      });
    }),
  );
}
