// One direction of imports: a folder may import from itself and from folders above it in this list only.
const order = [
  'base',
  'tools',
  'images',
  'kube',
  'clusters',
  'policies',
  'observe/telemetry',
  'observe/pressure',
  'meshes',
  'apps',
  'faults',
  'load',
  'observe/capture',
  'evidence',
  'judge/(?!verdict/)',
  'observe/health',
  'report',
  'judge/verdict',
  'lab',
  'claims',
  'scenario',
  'run',
  'library',
  'index\\.ts$',
  'cli',
];
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...order.slice(0, -1).map((folder, index) => ({
      name: `${folder.replaceAll(/[^a-z/]/g, '')}-imports-only-what-is-above`,
      severity: 'error',
      from: { path: `^src/${folder}` },
      to: { path: `^src/(${order.slice(index + 1).join('|')})` },
    })),
    {
      name: 'only-meshes-know-a-mesh',
      severity: 'error',
      from: { path: '^src/(faults|load|observe|apps)/' },
      to: { path: '^src/meshes/(consul|istio|linkerd)/' },
    },
    {
      name: 'report-talks-to-no-cluster',
      severity: 'error',
      from: { path: '^src/report/' },
      to: { path: '^src/(kube|clusters)/(?!types|provider)' },
    },
    {
      name: 'sample-services-know-nothing',
      severity: 'error',
      from: { path: '^fixtures/tripinsights/' },
      to: { path: '^src/' },
    },
    { name: 'src-never-imports-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
  },
};
