/** Every bound of gossip in one place: sizes, counts, times, points. Owns no behaviour. */
export const LIMITS = {
  /* One request */
  envelopesMax: 100,
  /** Characters of `from`: a session id, a name or a URL. */
  fromCharsMax: 200,
  typeCharsMax: 32,
  /** Raw bytes of all blocks and transactions in one answer: 6 MB at most as base64 in JSON. */
  replyBytesMax: 3_900_000,
  /** Raw bytes that we post at once: the receiver takes a body of 2.1 MB. */
  postBytesMax: 1_400_000,
  /** Rounds of question and answer that one announcement may lead to. */
  roundsMax: 64,

  /* Messages, as Bitcoin bounds them where it does */
  locatorMax: 101,
  headersMax: 2000,
  headersPerQueueMessage: 500,
  invMax: 1000,
  blocksPerInv: 500,
  addressesMax: 100,
  urlCharsMax: 200,
  nameCharsMax: 60,
  cursorBytesMax: 200,
  blockBytesMax: 1_000_000,
  txBytesMax: 1_000_000,
  /** Transactions and blocks up to this size are pushed whole, larger ones announced. */
  pushBytesMax: 40_000,

  /* Peers */
  peersMax: 256,
  learnedMax: 128,
  sessionsMax: 1000,
  sessionSeconds: 86_400,
  /** Peers that a message is sent to at the same time: some may take their ten seconds. */
  parallelSends: 32,
  backoffSecondsMax: 900,
  /** Longest time between two handshakes with a peer; else ten block spacings. */
  handshakeSecondsMax: 600,
  handshakeSpacings: 10,
  /** How often one that nobody calls asks, at most so many peers; else a third of the spacing. */
  pollSecondsMax: 5,
  pollPeersMax: 8,
  /** A peer's row is not written more often for nothing but that it lives: each costs a unit. */
  touchSeconds: 120,
  /** Longest time that one tick spends on catching up. */
  tickSyncMs: 8000,
  /** A learned peer that could not be reached this often is forgotten. */
  learnedFailuresMax: 8,

  /* Blame */
  banPoints: 100,
  banSeconds: 86_400,
  malformedPoints: 20,
  headersPerHour: 2000,
  bodiesPerHour: 64,

  /* Fetching */
  leaseSeconds: 20,
  /** Leases of dead processes that a host gives up at its start. */
  leasesListed: 10_000,
  /** Headers that we asked for may come so much later. */
  askSeconds: 60,
  /** Bodies asked for at a time from one that posts to us. */
  bodiesPerAsk: 16,
  /** Ids of refused transactions are not fetched again so soon. */
  refusedSeconds: 600,
  /** A transaction that waited so long is said again, so many at a time and so often. */
  retellSeconds: 600,
  retellMax: 100,
  feedPage: 500,

  /* Sync */
  syncLeaseSeconds: 60,
  windowBytes: 4_000_000,
  windowBlocks: 1024,
  /** Hashes of one getdata, and peers asked at once. */
  fetchBlocks: 512,
  fetchPeers: 4,
  /** Nobody had what is missing: not asked again so soon. */
  stallSeconds: 15,
  walkBatchesMax: 2048,

  /** Writers that race for one row of ours. */
  rowTriesMax: 8,
} as const;
