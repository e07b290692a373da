// needs MESHPROOF_LINKERD_BINARIES: a folder with the programs of a build of Linkerd (docs/meshes.md)
import { join } from 'node:path';
import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { runCommand } from '../../../src/base/process.ts';
import { silentProgress } from '../../../src/base/progress.ts';
import { openLab } from '../../../src/clusters/open-lab.ts';
import type { RunningCluster } from '../../../src/clusters/provider.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { AdminPort } from '../../../src/meshes/admin-port.ts';
import { linkerd } from '../../../src/meshes/linkerd/index.ts';
import { linkerdPolicyTarget } from '../../../src/meshes/linkerd/policy-target.ts';
import type { PolicyTarget } from '../../../src/meshes/policy-target.ts';
import type { Policy } from '../../../src/policies/index.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { smiRows } from '../../../src/library/smi.ts';
import { around, groups, openTarget, split, targets } from '../../unit/smi/objects.ts';

const binaries = process.env['MESHPROOF_LINKERD_BINARIES'] ?? '';
const namespace = 'shop';
const said = { 'retry.linkerd.io/limit': '9', 'team.example/owner': 'us' };

describe("Linkerd's policies on an API server with its own definitions", function () {
  this.timeout(120_000);
  let lab: RunningCluster;
  let target: PolicyTarget;

  before(async () => {
    const progress = silentProgress();
    const toolbox = createToolbox({ progress, signal: new AbortController().signal });
    lab = await openLab({ name: `linkerd-crds-${process.pid}`, toolbox, progress });
    const argv = ['install', '--crds', '--ignore-cluster', '--set', 'installGatewayAPI=true'];
    const { stdout } = await runCommand([join(binaries, 'linkerd'), ...argv], { timeoutMs: 60_000 });
    const definitions = parseAllDocuments(stdout).map((document) => document.toJS() as KubeObject | null);
    await lab.kube.apply(definitions.filter((object) => object !== null));
    await lab.kube.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'trips', namespace, annotations: said },
        spec: { selector: { app: 'trips' }, ports: [{ port: 80, targetPort: 8080 }] },
      },
    ]);
    const nobody = () => Promise.reject(new Error('nobody is asked'));
    const admin = { text: nobody } as unknown as AdminPort;
    target = linkerdPolicyTarget({ kube: lab.kube, admin, cli: nobody, namespace });
  });

  after(async () => {
    await lab?.delete();
  });

  it('are taken as they are rendered, twice, and leave nothing behind', async () => {
    const policies: Policy[] = [
      { kind: 'authorize', to: 'trips', from: ['viewer', '*'] },
      { kind: 'mtls', service: 'trips', mode: 'permissive' },
      { kind: 'retry', service: 'trips', attempts: 4, onStatus: [503] },
      { kind: 'timeout', service: 'trips', route: { pathPrefix: '/api' }, timeoutMs: 900 },
      { kind: 'outlier-detection', service: 'trips', consecutiveErrors: 9 },
    ];
    const resources = target.render(policies, await target.read(), []);
    expect(new Set(resources.map(({ id }) => id.split('/')[0]))).to.deep.equal(
      new Set([
        ...['MeshTLSAuthentication', 'NetworkAuthentication', 'Server', 'AuthorizationPolicy'],
        ...['Service', 'HTTPRoute'],
      ]),
    );
    for (const resource of [...resources, ...resources]) await target.write(resource);
    const now = await target.read();
    expect([...now.keys()]).to.include.members(resources.map(({ id }) => id));
    for (const resource of target.pristine(now)) await target.write(resource);
    expect([...(await target.read()).keys()]).to.have.members(['Service/trips', 'facts/trips']);
    const service = await lab.kube.get(`/api/v1/namespaces/${namespace}/services/trips`);
    expect(service.metadata.annotations).to.deep.equal(said);
  });

  it('and what succeeds SMI objects are taken, and no field that its definitions do not know', async () => {
    const matches = [{ kind: 'HTTPRouteGroup', name: 'routes' }];
    const some = split('v1alpha4', [{ service: 'web-v2', weight: 1 }], { matches });
    const objects = [some, openTarget, targets['v1alpha3']!, groups['v1alpha4']!];
    const rows = smiRows(objects, around, linkerd, namespace);
    const taken: string[] = [];
    for (const { yaml } of rows.filter((row) => row.yaml !== '')) {
      for (const document of parseAllDocuments(yaml)) {
        const object = document.toJS() as KubeObject;
        const path = `${await lab.kube.pathOf(object)}?dryRun=All&fieldValidation=Strict`;
        taken.push((await lab.kube.patch(path, object, 'apply')).kind);
      }
    }
    expect(new Set(taken)).to.deep.equal(
      new Set(['HTTPRoute', 'MeshTLSAuthentication', 'Server', 'AuthorizationPolicy']),
    );
  });

  it('are refused where they make no sense, with the reason', async () => {
    await target.write({ id: 'Server/trips-80', value: { spec: { podSelector: {} } } }).then(
      () => expect.fail('a Server without a port was taken'),
      (error: Error) => expect(error.message).to.include('port'),
    );
  });
});
