// One direction of imports: a folder may import from itself and from folders to its left only.
const order = [
  'base', 'tools', 'images', 'kube', 'cluster', 'signals', 'mesh', 'sample',
  'fault', 'load', 'capture', 'assert', 'health', 'report', 'verdict', 'scenario', 'run', 'cli',
];
/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    ...order.slice(0, -1).map((folder, index) => ({
      name: `${folder}-imports-only-what-is-below`,
      severity: 'error',
      from: { path: `^src/${folder}/` },
      to: { path: `^src/(${order.slice(index + 1).join('|')})/` },
    })),
    { name: 'fault-knows-no-mesh', severity: 'error', from: { path: '^src/(fault|load|capture)/' }, to: { path: '^src/mesh/(consul|istio|linkerd)/' } },
    { name: 'report-talks-to-no-cluster', severity: 'error', from: { path: '^src/report/' }, to: { path: '^src/(kube|cluster)/(?!types|provider)' } },
    { name: 'sample-services-know-nothing', severity: 'error', from: { path: '^fixtures/tripinsights/' }, to: { path: '^src/' } },
    { name: 'src-never-imports-tests', severity: 'error', from: { path: '^src/' }, to: { path: '^test/' } },
  ],
  options: { doNotFollow: { path: 'node_modules' }, tsPreCompilationDeps: true, tsConfig: { fileName: 'tsconfig.json' } },
};
