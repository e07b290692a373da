// needs MESHPROOF_LINKERD_BINARIES: a folder with the programs of a build of Linkerd (docs/meshes.md)
import { expect } from 'chai';
import type { Policy } from '../../../src/policies/index.ts';
import { linkerdAdapter } from '../../../src/meshes/linkerd/adapter.ts';
import { linkerd } from '../../../src/meshes/linkerd/index.ts';
import { asObjects } from './smi-objects.ts';
import { namespace, openTestMesh, type Answer, type TestMesh } from './test-mesh.ts';
import { provesSplit } from './traffic-split.ts';
import { provesTarget } from './traffic-target.ts';

const binaries = process.env['MESHPROOF_LINKERD_BINARIES'];
const baseline: Policy[] = [
  { kind: 'authorize', to: 'server', from: ['client'] },
  { kind: 'authorize', to: 'legacy', from: ['client'] },
];
const failing = (answers: Answer[]): number => answers.filter(({ status }) => status === 503).length;

describe('Linkerd on a real cluster', function () {
  this.timeout(300_000);
  let on: TestMesh;
  const statusOf = async (app: string, url: string) => (await on.call(app, url))[0]!.status;

  before(async () => {
    on = await openTestMesh({ entry: linkerd, open: linkerdAdapter, own: { binaries } });
    await on.mesh.install(baseline, () => on.deploy());
    await on.settled();
    // Written when nobody was there yet; in force when this resolves.
    await on.mesh.resetPolicies(baseline);
  });

  after(async () => {
    await on?.lab.delete();
  });

  it('carries calls to the name of a Service with both identities', async () => {
    const answers = await on.call('client', 'http://server/', 4);
    const identity = await on.mesh.identityOf('client');
    expect(identity).to.equal(`client.${namespace}.serviceaccount.identity.linkerd.cluster.local`);
    expect(answers).to.deep.equal(answers.map(() => ({ status: 200, caller: identity })));
    const [client] = await on.podsOf('client');
    const { outbound, service } = await on.mesh.metrics(client!);
    const edge = outbound.find(({ destination }) => destination === 'server')!;
    expect(service).to.equal('client');
    expect(edge.requestsByCode).to.deep.equal({ '200': 4 });
    expect(edge.tlsHandshakes).to.be.greaterThan(0);
    expect(edge.endpoints).to.equal(2);
    const pods = await on.podsOf('server');
    const servers = await Promise.all(pods.map((pod) => on.mesh.metrics(pod)));
    const counted = servers.reduce((sum, { inbound }) => sum + (inbound.requestsByCode['200'] ?? 0), 0);
    expect(counted, 'the other side counts the same').to.equal(4);
    const peers = await Promise.all(pods.map((pod) => on.mesh.peers!(pod)));
    expect(
      peers.flatMap((each) => Object.keys(each)),
      'and says who it was',
    ).to.include(identity);
  });

  it('lets in nobody who is not allowed: another service, or a pod without a sidecar', async () => {
    expect(await statusOf('stranger', 'http://server/')).to.equal(403);
    expect(await statusOf('outsider', 'http://server/')).to.equal(403);
    const allowed = await on.mesh.apply([{ kind: 'authorize', to: 'server', from: ['client', 'stranger'] }]);
    expect(await statusOf('stranger', 'http://server/'), 'when allowed it gets in').to.equal(200);
    await allowed.undo();
    expect(await statusOf('stranger', 'http://server/'), 'taken back').to.equal(403);
  });

  it('retries only while the policy is in force', async () => {
    const url = 'http://server/?failEvery=3';
    const off = await on.mesh.apply([{ kind: 'retry', service: 'server', attempts: 0, onStatus: [503] }]);
    expect(failing(await on.call('client', url, 30)), 'control').to.be.greaterThan(0);
    await off.undo();
    const applied = await on.mesh.apply([{ kind: 'retry', service: 'server', attempts: 4, onStatus: [503] }]);
    expect(failing(await on.call('client', url, 30))).to.equal(0);
    expect(applied.rendered).to.include('retry.linkerd.io/limit').and.to.include('kind: Service');
    await applied.undo();
    const [client] = await on.podsOf('client');
    const { outbound } = await on.mesh.metrics(client!);
    const { retries, retrySuccesses } = outbound.find(({ destination }) => destination === 'server')!;
    expect(retries).to.be.greaterThan(0).and.to.be.at.least(retrySuccesses);
  });

  it('ends calls at the timeout of their route only while the policy is in force', async () => {
    const slow = 'http://server/slow?delayMs=1500';
    expect(await statusOf('client', slow), 'control: slow but fine').to.equal(200);
    const applied = await on.mesh.apply([
      { kind: 'timeout', service: 'server', route: { pathPrefix: '/slow' }, timeoutMs: 500 },
    ]);
    expect(await statusOf('client', slow)).to.equal(504);
    expect(await statusOf('client', 'http://server/other?delayMs=1500')).to.equal(200);
    await applied.undo();
    expect(await statusOf('client', slow), 'after undo').to.equal(200);
  });

  it('sends the shares of a TrafficSplit by what succeeds it, and none without it', () =>
    provesSplit(on, linkerd, asObjects(on.lab.kube)));

  it('lets in whom a TrafficTarget names, with what it names, by what succeeds it', () =>
    provesTarget(on, { mesh: linkerd, letsIn: 'everybody' }, asObjects(on.lab.kube)));

  it('takes back the policies of several services from what was written down, in another process, twice', async () => {
    const url = 'http://server/?delayMs=1500';
    const plan = await on.mesh.plan([
      { kind: 'retry', service: 'server', attempts: 2, onStatus: [503] },
      { kind: 'timeout', service: 'server', timeoutMs: 500 },
      { kind: 'outlier-detection', service: 'server', consecutiveErrors: 9 },
      { kind: 'authorize', to: 'server', from: ['client', 'stranger'] },
      { kind: 'mtls', service: 'legacy', mode: 'permissive' },
    ]);
    expect(await statusOf('client', url), 'a plan alone does nothing').to.equal(200);
    const written = JSON.stringify(plan.rollback);
    await plan.apply();
    expect(await statusOf('client', url)).to.equal(504);
    const later = await on.anotherProcess();
    await later.restorePolicies(JSON.parse(written));
    await later.restorePolicies(JSON.parse(written));
    expect(await statusOf('client', url)).to.equal(200);
    expect(await statusOf('stranger', 'http://server/')).to.equal(403);
  });

  it('brings everything back to the baseline without knowing what was done', async () => {
    await on.mesh.apply([
      { kind: 'timeout', service: 'server', timeoutMs: 500 },
      { kind: 'outlier-detection', service: 'server', consecutiveErrors: 9 },
      { kind: 'authorize', to: 'server', from: ['stranger'] },
      { kind: 'mtls', service: 'legacy', mode: 'permissive' },
    ]);
    expect(await statusOf('client', 'http://server/'), 'control').to.equal(403);
    expect(await statusOf('outsider', 'http://legacy/'), 'control').to.equal(200);
    const later = await on.anotherProcess();
    await later.resetPolicies(baseline);
    expect(await statusOf('client', 'http://server/?delayMs=1000')).to.equal(200);
    expect(await statusOf('stranger', 'http://server/')).to.equal(403);
    expect(await statusOf('outsider', 'http://legacy/')).to.equal(403);
    const service = await on.lab.kube.get(`/api/v1/namespaces/${namespace}/services/server`);
    expect(
      Object.keys(service.metadata.annotations ?? {}).filter((name) => /retry|timeout|accrual|before/.test(name)),
    ).to.deep.equal([]);
  });

  it('finds a ServiceProfile, which silently switches retries off', async () => {
    const profile = {
      apiVersion: 'linkerd.io/v1alpha2',
      kind: 'ServiceProfile',
      metadata: { name: `server.${namespace}.svc.cluster.local`, namespace },
      spec: { routes: [{ name: 'all', condition: { pathRegex: '.*' } }] },
    };
    const check = on.mesh.healthChecks().find(({ id }) => id === 'mesh/service-profiles')!;
    expect((await check.look()).problems).to.deep.equal([]);
    await on.lab.kube.apply([profile]);
    expect((await check.look()).problems.join()).to.match(/^server has a ServiceProfile/);
    await on.lab.kube.delete(await on.lab.kube.pathOf(profile));
  });

  it('finds the pod without a sidecar by name', async () => {
    expect(await on.mesh.sidecarProblems([namespace])).to.deep.equal([]);
    const bare = on.bareServerPod();
    // Nobody says that it came up without one: it does not ask for one.
    await on.lab.kube.create(bare);
    const problems = await on.mesh.sidecarProblems([namespace]);
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include({ pod: 'server-without-sidecar', service: 'server', problem: 'no-sidecar' });
    await on.lab.kube.delete(await on.lab.kube.pathOf(bare), { gracePeriodSeconds: 0 });
  });

  it('starts a proxy anew, which opens connections of its own', async () => {
    const [client] = await on.podsOf('client');
    const before = await on.mesh.metrics(client!);
    expect(await on.mesh.restartSidecar(client!)).to.deep.equal({ restarts: 1 });
    const after = await on.mesh.metrics(client!);
    expect(after.startedAt).to.be.greaterThan(before.startedAt);
    expect(await statusOf('client', 'http://server/')).to.equal(200);
  });

  it('reports versions, leaf certificates, and what its own check finds', async () => {
    const components = await on.mesh.components();
    expect(components.filter(({ ready }) => !ready)).to.deep.equal([]);
    expect(components.filter(({ role }) => role === 'control-plane')).to.have.length(3);
    expect(on.mesh.version).to.match(/./);
    const [pod] = await on.podsOf('server');
    const [leaf] = await on.mesh.certificates(pod!);
    expect(leaf!.identity).to.equal(await on.mesh.identityOf('server'));
    expect(leaf!.notAfter).to.be.greaterThan(Date.now());
    for (const { id, look } of on.mesh.healthChecks()) expect((await look()).problems, id).to.deep.equal([]);
  });
});
