/** Who may import whom: ARCHITECTURE.md, "Layers". Left imports right, never back. */
const lib = (names) => `^lib/(${names.join('|')})(/|[.]ts$)`;

/** Folders of lib/, each with what it may know of the others. */
const MAY_IMPORT = {
  types: [],
  faults: [],
  rejects: ['types'],
  ports: ['types', 'faults'],
  params: ['types', 'rejects', 'faults', 'ports', 'codec', 'crypto', 'script'],
  codec: ['types', 'rejects', 'faults', 'crypto'],
  crypto: ['types', 'rejects', 'faults', 'codec'],
  script: ['types', 'rejects', 'faults', 'codec', 'crypto'],
  consensus: ['types', 'rejects', 'faults', 'codec', 'crypto', 'script', 'params'],
  store: ['types', 'rejects', 'faults', 'ports', 'codec', 'crypto', 'script', 'consensus'],
};
const BELOW = Object.keys(MAY_IMPORT);
MAY_IMPORT.chain = [...BELOW];
MAY_IMPORT.mempool = [...BELOW, 'chain'];
MAY_IMPORT.mining = [...BELOW, 'chain', 'mempool'];
MAY_IMPORT.gossip = [...BELOW, 'chain', 'mempool'];
MAY_IMPORT.wallet = ['types', 'rejects', 'faults', 'ports', 'codec', 'crypto', 'script', 'params'];
MAY_IMPORT.node = [...BELOW, 'chain', 'mempool', 'mining', 'gossip', 'wallet'];
MAY_IMPORT.api = [...MAY_IMPORT.node, 'node'];

const layers = Object.entries(MAY_IMPORT).map(([name, allowed]) => ({
  name: `layer-${name}`,
  comment: `lib/${name} may import only: ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: lib([name]) },
  to: { path: '^lib/', pathNot: lib([name, ...allowed]) },
}));

module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'core-knows-no-adapter',
      comment: 'Only entry points (cli, functions, miner, infra, lib/index.ts) choose adapters.',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(adapters/|index[.]ts$)' },
      to: { path: '^lib/adapters/' },
    },
    {
      name: 'adapters-know-ports',
      comment: 'An adapter knows the ports, not the node.',
      severity: 'error',
      from: { path: '^lib/adapters/' },
      to: { path: lib(['chain', 'mempool', 'mining', 'gossip', 'node', 'api']) },
    },
    {
      name: 'core-is-pure',
      comment: 'From types up to gossip: no node:, no SDK. Only noble, scure and bs58check.',
      severity: 'error',
      from: { path: '^lib/', pathNot: '^lib/(adapters|api|index[.]ts$)' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg'],
        pathNot: 'node_modules/(@noble|@scure|bs58check)/',
      },
    },
    {
      name: 'api-is-portable',
      comment: 'One Hono app for a laptop and for Lambda: no node:http, no streams, no SDK.',
      severity: 'error',
      from: { path: '^lib/api/' },
      to: {
        dependencyTypes: ['core', 'npm', 'npm-dev', 'npm-no-pkg'],
        pathNot: 'node_modules/(hono|@hono/zod-openapi|zod|@noble|@scure)/',
      },
    },
    {
      name: 'no-cycles',
      comment: 'Two files that need each other want a third.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'no-prod-on-test',
      comment: 'Nothing that ships imports a test.',
      severity: 'error',
      from: { pathNot: '^(test|bench)/' },
      to: { path: '^test/' },
    },
    {
      name: 'entry-points-only-down',
      comment: 'lib knows no host.',
      severity: 'error',
      from: { path: '^lib/' },
      to: { path: '^(cli|functions|miner|infra|web|bench)/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|coverage|cdk[.]out)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
