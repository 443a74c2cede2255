/**
 * What `import … from 'stackchain'` gives. Two kinds of things: pure functions on bytes, keys and
 * rules, which answer Verdicts and throw for nothing that came from outside; and the parts of a node
 * with the adapters of a machine (memory, LevelDB, HTTP), to be put together by createNode.
 * docs/library.md shows each with an example. Mining on command is `stackchain/miner`.
 *
 * Bytes are Uint8Array, ids display hex, amounts whole base units (1 coin = 100,000,000).
 */

/* Wallets. */
export { createHttpCoinSource, type HttpCoinSourceOptions } from './adapters/http-coin-source.ts';
export { createHttpTransport, type HttpTransport } from './adapters/http-transport.ts';
/* Its ports, and what stands behind them on a machine. */
export {
  createInProcessHub,
  type InProcessHub,
} from './adapters/in-process-transport.ts';
export {
  type KeystoreOptions,
  openKeystore,
  openMemoryKeystore,
} from './adapters/keystore.ts';
export { type LevelStore, openLevelStore } from './adapters/leveldb-store.ts';
export { createMemoryStore, type MemoryStore } from './adapters/memory-store.ts';
export { createSystemClock, systemClock } from './adapters/system-clock.ts';
export { systemRandom } from './adapters/system-random.ts';
export { createThreadedVerifier, type ThreadedVerifier } from './adapters/threaded-verifier.ts';
export { createVerifier } from './adapters/verifier.ts';
/* A node. */
export type { BlockOutcome, Chain, ChainChange, ChainView } from './chain/types.ts';
/* Bytes, keys, rules. */
export type { HeaderFields, ParsedAddress, ParsedWif, TxFields } from './codec/index.ts';
export type { BlockEntry, CompactTarget } from './consensus/index.ts';
export type { MerkleRoot } from './crypto/merkle.ts';
export { Fault, type FaultCode } from './faults.ts';
export type { Gossip, PeerInfo } from './gossip/types.ts';
export * from './library/chain-data.ts';
export * from './library/keys.ts';
export type { Mempool, MempoolEntry, MempoolPolicy, TxOutcome } from './mempool/types.ts';
export type { Template, WorkSource } from './mining/types.ts';
export { createNode } from './node/create-node.ts';
export type { Node, NodeEvent, NodeOptions, NodeStatus } from './node/types.ts';
export { createNodeCoinSource, createWalletService } from './node/wallet-service.ts';
/* Networks. */
export {
  type ChainParams,
  type FoundingInput,
  foundNetwork,
  genesisBlock,
  mainnet,
  type NetworkBase,
  type NetworkFile,
  parseNetworkFile,
  type Retarget,
  regtest,
  stacknetBase,
  toNetworkFile,
} from './params/index.ts';
export type { Clock } from './ports/clock.ts';
export type { Random } from './ports/random.ts';
export type { Signer } from './ports/signer.ts';
export type { Store } from './ports/store.ts';
export { silentTelemetry, type Telemetry } from './ports/telemetry.ts';
export type { Envelope, Transport } from './ports/transport.ts';
export type { Verifier } from './ports/verifier.ts';
export { REJECTS, type Reason } from './rejects.ts';
/* Values. */
export type {
  Block,
  BlockHash,
  BlockHeader,
  Coin,
  Hash,
  Outpoint,
  OutpointKey,
  Reject,
  RejectKind,
  Sats,
  ScriptHash,
  SignatureCheck,
  Tx,
  TxIn,
  Txid,
  TxOut,
  Verdict,
} from './types.ts';
export { buildTransaction, type Payment } from './wallet/build-transaction.ts';
export { type HdKey, type HdVersions, MAINNET_HD, TESTNET_HD } from './wallet/hd.ts';
export { buildPayment, type Payer, sendPayment } from './wallet/pay.ts';
export { type Selection, selectCoins, type Wanted } from './wallet/select-coins.ts';
export type { FeeRule } from './wallet/sizes.ts';
export type {
  Balance,
  BuiltTx,
  CoinSource,
  Keystore,
  SendRequest,
  SpendableCoin,
  Vault,
  WalletService,
} from './wallet/types.ts';
