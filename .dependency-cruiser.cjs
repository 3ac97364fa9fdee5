// The rooms and who may enter which; docs/architecture.md has the drawing. A room imports only rooms to its left.
const room = (name) => `^src/${name}/`;

/** What each room may import from src/ besides itself. `config` is open to all, for its types only. */
const neighbours = {
  foundation: [],
  files: ['foundation'],
  keys: ['foundation', 'platform'],
  spiffe: ['foundation', 'files'],
  identity: ['foundation', 'files', 'keys', 'spiffe'],
  renewal: ['foundation', 'files', 'platform', 'keys', 'identity'],
  iam: ['foundation', 'identity'],
  rolesanywhere: ['foundation', 'files', 'keys', 'identity', 'iam'],
  sts: ['foundation', 'files', 'iam', 'rolesanywhere'],
  sessions: ['foundation', 'identity', 'rolesanywhere', 'sts'],
  endpoints: ['foundation', 'files', 'platform', 'rolesanywhere'],
  imds: ['foundation', 'rolesanywhere', 'endpoints', 'platform'],
  container: ['foundation', 'files', 'rolesanywhere', 'endpoints', 'platform'],
  kubernetes: ['foundation', 'files', 'rolesanywhere', 'endpoints', 'container'],
  admin: ['foundation', 'files', 'keys', 'identity', 'renewal', 'rolesanywhere', 'sessions', 'endpoints', 'platform'],
  audit: ['foundation', 'files', 'identity', 'rolesanywhere', 'sessions', 'endpoints', 'imds'],
  access: ['foundation', 'platform', 'endpoints'],
  state: ['foundation', 'files', 'rolesanywhere'],
  platform: ['foundation'],
  environment: ['foundation', 'files'],
  migration: ['foundation'],
  setup: ['foundation', 'files', 'identity', 'iam'],
  standalone: [
    'foundation',
    'files',
    'keys',
    'identity',
    'rolesanywhere',
    'sts',
    'sessions',
    'state',
    'endpoints',
    'container',
  ],
  config: ['foundation', 'files', 'keys', 'spiffe', 'rolesanywhere', 'sts'],
  account: ['foundation', 'identity', 'iam', 'rolesanywhere', 'sts', 'environment'],
  doctor: [
    'account',
    'foundation',
    'files',
    'platform',
    'keys',
    'identity',
    'renewal',
    'iam',
    'rolesanywhere',
    'sts',
    'environment',
    'config',
  ],
};

/** Rooms that may import every other one, or have a rule of their own below. */
const open = ['daemon', 'commands', 'programs', 'emulator'];

const wallsOf = ([name, open]) => ({
  name: `walls-of-${name}`,
  comment: `${name} imports only: ${open.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: room(name) },
  to: { path: '^src/', pathNot: [name, ...open].map(room).concat('^src/config/config[.]ts$') },
});

/** Each outside library enters at one endpoint; a type is no way in. */
const libraryAt = ([library, file]) => ({
  name: `one-endpoint-for-${library.replaceAll(/\W/g, '-')}`,
  comment: `${library} is imported by ${file} only`,
  severity: 'error',
  from: { path: '^src/', pathNot: `^${file.replaceAll('.', '[.]')}$` },
  to: { path: `node_modules/${library}/`, dependencyTypesNot: ['type-only'] },
});

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    ...Object.entries(neighbours).map(wallsOf),
    {
      name: 'room-without-walls',
      comment: 'a new room needs a line in `neighbours`, and in docs/architecture.md',
      severity: 'error',
      from: { path: '^src/', pathNot: [...Object.keys(neighbours), ...open].map(room).concat('^src/main[.]ts$') },
      to: {},
    },
    {
      name: 'config-types-only',
      comment: 'what the operator wrote reaches a room as a value, never as code',
      severity: 'error',
      from: {
        path: '^src/(keys|spiffe|identity|renewal|iam|rolesanywhere|sts|sessions|endpoints|imds|admin|audit|container|kubernetes)/',
      },
      to: { path: '^src/config/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'independent-oracle',
      comment: "an emulator that shared the signer's code would prove nothing",
      severity: 'error',
      from: { path: room('emulator') },
      to: {
        path: '^src/',
        pathNot: [
          '^src/emulator/',
          '^src/foundation/',
          '^src/files/',
          '^src/iam/',
          '^src/identity/(certificate|distinguished-name)[.]ts$',
        ],
      },
    },
    {
      name: 'nobody-imports-commands',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/commands/', '^src/programs/', '^src/main[.]ts$'] },
      to: { path: ['^src/commands/', '^src/programs/', '^src/main[.]ts$'] },
    },
    ...Object.entries({
      '@peculiar/x509': 'src/emulator/account/x509.ts',
      'node-forge': 'src/identity/pkcs12.ts',
      koffi: 'src/platform/libc.ts',
      chokidar: 'src/files/file-watcher.ts',
      fastify: 'src/endpoints/listener.ts',
      'https-proxy-agent': 'src/rolesanywhere/https-transport.ts',
      jose: 'src/kubernetes/pod-token.ts',
      pino: 'src/foundation/pino-log.ts',
      'pino-pretty': 'src/foundation/readable-log.ts',
      'prom-client': 'src/admin/metrics.ts',
    }).map(libraryAt),
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
