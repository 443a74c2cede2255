/** Networks as values. */
export { mainnet, regtest } from './bitcoin.ts';
export type { ChainParams, FoundingInput, NetworkFile, Retarget } from './chain-params.ts';
export { genesisBlock } from './genesis.ts';
export { commitmentOf, parseNetworkFile, toNetworkFile } from './network-file.ts';
export {
  foundingTarget,
  foundNetwork,
  type NetworkBase,
  plainSearch,
  stacknetBase,
} from './stacknet.ts';
