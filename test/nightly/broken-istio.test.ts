import { expect } from 'chai';
import { messageOf } from '../../src/base/errors.ts';
import type { KubeObject } from '../../src/kube/types.ts';
import { BrokenLab, runTimeoutMs, type BrokenRun } from '../e2e/broken-lab.ts';
import { policiesAbsent } from '../e2e/policies-absent.ts';

/**
 * What can go wrong with Istio, one thing after the other in one lab: exactly what must go red goes red, by name. Pods are made
 * anew between the tests: the kubelet waits longer for each restart of a sidecar.
 */
describe('broken meshes on Istio', function () {
  this.timeout(2 * runTimeoutMs);
  const broken = BrokenLab.forSuite('nightly-istio', 'istio');

  const wire = (): Promise<BrokenRun> => broken.run('mtls-everywhere');
  const undoing: (() => Promise<unknown>)[] = [];
  /** Objects of a test, gone after it. */
  const put = async (...objects: KubeObject[]): Promise<void> => {
    const { kube } = broken.lab;
    undoing.push(...objects.map((object) => () => broken.remove(object)));
    await kube.apply(objects);
  };
  /** The Deployment of a service, changed until the test is over. */
  const change = async (service: string, how: (template: KubeObject) => void, answers = true): Promise<void> => {
    const objects = await broken.manifestsOf(service);
    for (const { kind, spec } of objects) if (kind === 'Deployment') how(spec.template as KubeObject);
    undoing.push(async () => broken.apply(await broken.manifestsOf(service), { answers: false }));
    await broken.apply(objects, { answers });
  };
  const permissive = (service: string): KubeObject => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: `broken-${service}`, namespace: broken.namespace },
    spec: { selector: { matchLabels: { app: service } }, mtls: { mode: 'PERMISSIVE' } },
  });
  /** Callers talk plaintext to this service, whatever it takes. */
  const plaintextTo = (service: string): KubeObject => ({
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name: `broken-${service}`, namespace: broken.namespace },
    spec: {
      host: `${service}.${broken.namespace}.svc.cluster.local`,
      trafficPolicy: { tls: { mode: 'DISABLE' } },
    },
  });
  /** Anybody may ask: in plaintext nobody has a name that a policy could allow. */
  const anybody = (service: string): KubeObject => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: `broken-${service}`, namespace: broken.namespace },
    spec: { selector: { matchLabels: { app: service } }, action: 'ALLOW', rules: [{}] },
  });
  const said = ({ report }: BrokenRun): string =>
    report.scenarios
      .flatMap(({ assertions }) => assertions)
      .filter(({ status }) => status === 'fail')
      .map(({ id, observed }) => `${id}: ${observed}`)
      .join('\n');

  afterEach(async () => {
    const problems: string[] = [];
    for (const undo of undoing.splice(0).reverse()) await undo().catch((error) => problems.push(messageOf(error)));
    expect(problems).to.deep.equal([]);
    const { app, kube, mesh } = broken.lab;
    // A run that found another service account wrote who may call whom by that one.
    await mesh.resetPolicies(broken.lab.authorizations());
    const pods = await Promise.all(
      ['tripviewer', 'userprofile', 'poi', 'trips', 'user-java'].map((name) => app.pods(name)),
    );
    await Promise.all(
      pods.flat().map(({ name }) => kube.delete(`/api/v1/namespaces/${broken.namespace}/pods/${name}`)),
    );
    await app.answering({ timeoutMs: 120_000, signal: broken.signal });
  });

  it('PERMISSIVE with a plaintext path: the edges to that service are red, and it is named', async () => {
    await put(permissive('userprofile'), anybody('userprofile'), plaintextTo('userprofile'));
    const { cli, red } = await wire();
    expect(cli.exitCode, cli.all).to.equal(1);
    expect(red, cli.all).not.to.be.empty;
    for (const id of red) expect(id).to.match(/--userprofile\.(client|server)$/);
    expect(cli.lastLine).to.match(/^unhealthy: mtls-everywhere: .*-> userprofile.*plaintext/);
  });

  it('a DISABLE DestinationRule: a strict server refuses its callers, and the edge is named', async () => {
    await put(plaintextTo('userprofile'));
    const result = await wire();
    expect(result.cli.exitCode, result.cli.all).to.equal(1);
    expect(said(result), result.cli.all).to.match(/-> userprofile.*plaintext by the proxy/);
  });

  it('a replica without a sidecar, because it opted out: it is found by name, and only that is red', async () => {
    const pod = await broken.podLike('trips', 'trips-without-sidecar');
    pod.metadata.labels = { ...pod.metadata.labels, 'sidecar.istio.io/inject': 'false' };
    await put(pod);
    const { cli, red } = await wire();
    expect(red, cli.all).to.deep.equal(['mtls-everywhere/sidecars']);
    expect(cli.exitCode, cli.all).to.equal(1);
    expect(cli.lastLine).to.match(/^unhealthy: mtls-everywhere: .*trips-without-sidecar/);
  });

  it('a port excluded from interception: the edge that goes past the proxy is named', async () => {
    await put(permissive('postgres'), anybody('postgres'));
    await change('userprofile', ({ metadata }) => {
      metadata.annotations = { ...metadata.annotations, 'traffic.sidecar.istio.io/excludeOutboundPorts': '5432' };
    });
    const { cli, red } = await wire();
    expect(cli.exitCode, cli.all).to.equal(1);
    expect(red, cli.all).not.to.be.empty;
    for (const id of red) expect(id).to.match(/userprofile--postgres\.(client|server)$/);
    expect(cli.lastLine).to.match(/^unhealthy: mtls-everywhere: userprofile -> postgres: planted token seen/);
  });

  it('two services with one service account: they are named', async () => {
    await change('trips', ({ spec }) => (spec.serviceAccountName = 'poi'), false);
    const result = await wire();
    expect(result.cli.exitCode, result.cli.all).to.equal(1);
    expect(said(result), result.cli.all).to.match(
      /mtls-everywhere\/identities: .*(poi and trips|trips and poi) are both/,
    );
  });

  policiesAbsent(broken);

  it('a wrong trust domain: every edge is red, with the identity that was seen', async () => {
    const { kube } = broken.lab;
    const path = '/api/v1/namespaces/istio-system/configmaps/istio';
    const { data } = await kube.get<KubeObject & { data: { mesh: string } }>(path);
    const restart = async (domain: string): Promise<void> => {
      const mesh = data.mesh.replace(/^trustDomain: .*$/m, `trustDomain: ${domain}`);
      expect(mesh).to.contain(`trustDomain: ${domain}`);
      await kube.patch(path, { data: { mesh } });
      const deployment = '/apis/apps/v1/namespaces/istio-system/deployments/istiod';
      const annotations = { 'broken.test/restarted-at': new Date().toISOString() };
      await kube.patch(deployment, { spec: { template: { metadata: { annotations } } } });
    };
    undoing.push(() => restart('cluster.local'));
    await restart('elsewhere.example');
    await change('trips', () => undefined, false);
    const result = await wire();
    expect(result.cli.exitCode, result.cli.all).to.equal(1);
    expect(said(result), result.cli.all).to.contain('spiffe://elsewhere.example/');
  });
});
