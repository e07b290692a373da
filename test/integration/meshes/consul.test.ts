import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { pollUntil } from '../../../src/base/poll.ts';
import { consulAdapter, type ConsulAdapter } from '../../../src/meshes/consul/adapter.ts';
import { consulApi, serverPodName } from '../../../src/meshes/consul/api.ts';
import type { ConfigEntry } from '../../../src/meshes/consul/config-entry.ts';
import { consul } from '../../../src/meshes/consul/index.ts';
import type { KubeClient } from '../../../src/kube/types.ts';
import type { Policy } from '../../../src/policies/index.ts';
import type { Writing } from './smi-objects.ts';
import { namespace, openTestMesh, type Answer, type TestMesh } from './test-mesh.ts';
import { provesSplit } from './traffic-split.ts';
import { provesTarget } from './traffic-target.ts';

const baseline: Policy[] = [
  { kind: 'authorize', to: 'server', from: ['client'] },
  { kind: 'authorize', to: 'legacy', from: ['client'] },
];
const failing = (answers: Answer[]): number => answers.filter(({ status }) => status === 503).length;

/** `consul config write`, which takes one entry at a time, as JSON. */
function asEntries(kube: KubeClient): Writing {
  const entriesOf = (yaml: string) => parseAllDocuments(yaml).map((document) => document.toJS() as ConfigEntry);
  const config = async (args: string[], stdin = ''): Promise<void> => {
    const pod = { namespace: 'consul', name: await serverPodName(kube) };
    const argv = ['consul', 'config', ...args];
    const { exitCode, stdout, stderr } = await kube.exec(pod, argv, { container: 'consul', stdin });
    if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stdout}${stderr}`);
  };
  const token = '-token-file=/consul/config/token';
  return {
    async write(yaml) {
      for (const entry of entriesOf(yaml)) await config(['write', token, '-'], JSON.stringify(entry));
    },
    async remove(yaml) {
      for (const { Kind, Name } of entriesOf(yaml).reverse())
        await config(['delete', token, `-kind=${Kind}`, `-name=${Name}`]);
    },
  };
}

describe('Consul on a real cluster', function () {
  this.timeout(300_000);
  let on: TestMesh<ConsulAdapter>;

  before(async () => {
    on = await openTestMesh({ entry: consul, open: consulAdapter });
    await on.mesh.install();
    await on.mesh.apply(baseline);
    await on.deploy();
    await on.settled();
  });

  after(async () => {
    await on?.lab.delete();
  });

  it('carries calls to the name of a Service with both identities', async () => {
    const answers = await on.call('client', 'http://server/', 4);
    const identity = await on.mesh.identityOf('client');
    expect(answers).to.deep.equal(answers.map(() => ({ status: 200, caller: identity })));
    const [client] = await on.podsOf('client');
    const { outbound, service } = await on.mesh.metrics(client!);
    const edge = outbound.find(({ destination }) => destination === 'server')!;
    expect(service).to.equal('client');
    expect(edge.requestsByCode).to.deep.equal({ '200': 4 });
    expect(edge.tlsHandshakes).to.be.greaterThan(0);
    expect(edge.endpoints).to.equal(2);
  });

  it('lets in nobody who is not allowed: another service, or a pod without a sidecar', async () => {
    expect(await on.call('stranger', 'http://server/', 2)).to.deep.equal([
      { status: 0, caller: null },
      { status: 0, caller: null },
    ]);
    expect((await on.call('outsider', 'http://server/'))[0]!.status).to.equal(0);
    const allowed = await on.mesh.apply([{ kind: 'authorize', to: 'server', from: ['client', 'stranger'] }]);
    expect((await on.call('stranger', 'http://server/'))[0]!.status, 'when allowed it gets in').to.equal(200);
    await allowed.undo();
    expect((await on.call('stranger', 'http://server/'))[0]!.status, 'taken back').to.equal(0);
  });

  it('retries only while the policy is in force', async () => {
    const url = 'http://server/?failEvery=3';
    expect(failing(await on.call('client', url, 30)), 'control: nothing retries by itself').to.be.greaterThan(0);
    const applied = await on.mesh.apply([{ kind: 'retry', service: 'server', attempts: 4, onStatus: [503] }]);
    expect(failing(await on.call('client', url, 30))).to.equal(0);
    expect(applied.rendered).to.include('service-router').and.to.include('NumRetries: 4');
    await applied.undo();
    expect(failing(await on.call('client', url, 30)), 'after undo').to.be.greaterThan(0);
    const [client] = await on.podsOf('client');
    const { outbound } = await on.mesh.metrics(client!);
    const { retries, retrySuccesses } = outbound.find(({ destination }) => destination === 'server')!;
    expect(retries).to.be.greaterThan(0).and.to.be.at.least(retrySuccesses);
  });

  it('ends calls at the timeout only while the policy is in force', async () => {
    const url = 'http://server/?delayMs=3000';
    expect((await on.call('client', url))[0]!.status, 'control: slow but fine').to.equal(200);
    const applied = await on.mesh.apply([{ kind: 'timeout', service: 'server', timeoutMs: 500 }]);
    expect((await on.call('client', url))[0]!.status).to.equal(504);
    await applied.undo();
    expect((await on.call('client', url))[0]!.status, 'after undo').to.equal(200);
  });

  it('keeps a policy on one route away from the other requests', async () => {
    const route = { pathPrefix: '/slow' };
    const applied = await on.mesh.apply([
      { kind: 'timeout', service: 'server', timeoutMs: 5000 },
      { kind: 'timeout', service: 'server', route, timeoutMs: 500 },
    ]);
    expect((await on.call('client', 'http://server/slow/one?delayMs=1500'))[0]!.status).to.equal(504);
    expect((await on.call('client', 'http://server/other?delayMs=1500'))[0]!.status).to.equal(200);
    await applied.undo();
    expect((await on.call('client', 'http://server/slow/one?delayMs=1500'))[0]!.status, 'after undo').to.equal(200);
  });

  it('sends the shares of a TrafficSplit by what succeeds it, and none without it', () =>
    provesSplit(on, consul, asEntries(on.lab.kube)));

  it('lets in whom a TrafficTarget names, with what it names, by what succeeds it', () =>
    provesTarget(on, { mesh: consul, letsIn: 'nobody' }, asEntries(on.lab.kube)));

  it('takes back the policies of several services from what was written down, in another process, twice', async () => {
    const url = 'http://server/?delayMs=1500';
    const plan = await on.mesh.plan([
      { kind: 'retry', service: 'server', attempts: 2, onStatus: [503] },
      { kind: 'timeout', service: 'server', timeoutMs: 500 },
      { kind: 'outlier-detection', service: 'server', consecutiveErrors: 9 },
      { kind: 'authorize', to: 'server', from: ['client', 'stranger'] },
      { kind: 'mtls', service: 'legacy', mode: 'permissive' },
    ]);
    expect((await on.call('client', url))[0]!.status, 'a plan alone does nothing').to.equal(200);
    const written = JSON.stringify(plan.rollback);
    await plan.apply();
    expect((await on.call('client', url))[0]!.status).to.equal(504);
    expect((await on.call('client', 'http://legacy/'))[0]!.status).to.equal(200);
    const later = await on.anotherProcess();
    await later.restorePolicies(JSON.parse(written));
    await later.restorePolicies(JSON.parse(written));
    expect((await on.call('client', url))[0]!.status).to.equal(200);
    expect((await on.call('client', 'http://legacy/'))[0]!.status).to.equal(0);
    expect((await on.call('stranger', 'http://server/'))[0]!.status).to.equal(0);
  });

  it('brings everything back to the baseline without knowing what was done', async () => {
    await on.mesh.apply([
      { kind: 'retry', service: 'server', attempts: 2, onStatus: [503] },
      { kind: 'outlier-detection', service: 'server', consecutiveErrors: 9 },
      { kind: 'authorize', to: 'server', from: ['stranger'] },
      { kind: 'mtls', service: 'legacy', mode: 'permissive' },
    ]);
    expect((await on.call('client', 'http://server/'))[0]!.status, 'control').to.equal(0);
    const later = await on.anotherProcess();
    await later.resetPolicies(baseline);
    const statusOf = async (app: string, url: string) => (await on.call(app, url))[0]!.status;
    expect(await statusOf('client', 'http://server/')).to.equal(200);
    expect(await statusOf('stranger', 'http://server/')).to.equal(0);
    expect(await statusOf('client', 'http://legacy/')).to.equal(0);
    expect(failing(await on.call('client', 'http://server/?failEvery=3', 30))).to.be.greaterThan(0);
  });

  it('takes back what it wrote when a policy cannot come into force', async () => {
    await on.mesh
      .apply([
        { kind: 'mtls', service: 'server', mode: 'permissive' },
        { kind: 'timeout', service: 'server', timeoutMs: Number.NaN },
      ])
      .then(
        () => expect.fail('Consul takes such a timeout'),
        (error: Error) => {
          expect(error).to.have.property('code', 'MESHPROOF_MESH_API');
          expect(error.message, error.message).to.include('RequestTimeout');
        },
      );
    const entries = await on.mesh.apply([]);
    expect(entries.rendered).to.equal('');
    const [outsider] = await on.call('outsider', 'http://server/');
    expect(outsider!.status, 'the server is still strict').to.equal(0);
  });

  it('can be broken for a test: permissive and without a virtual address, plaintext silently works', async () => {
    expect((await on.call('client', 'http://legacy/'))[0]!.status, 'control: strict').to.equal(0);
    const applied = await on.mesh.apply([{ kind: 'mtls', service: 'legacy', mode: 'permissive' }]);
    expect(await on.call('client', 'http://legacy/')).to.deep.equal([{ status: 200, caller: null }]);
    await applied.undo();
    expect((await on.call('client', 'http://legacy/'))[0]!.status).to.equal(0);
  });

  it('finds the pod without a sidecar by name', async () => {
    expect(await on.mesh.sidecarProblems([namespace])).to.deep.equal([]);
    const bare = on.bareServerPod();
    await on.lab.kube.create(bare);
    const problems = await on.mesh.sidecarProblems([namespace]);
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include({ pod: 'server-without-sidecar', service: 'server', problem: 'no-sidecar' });
    await on.lab.kube.delete(await on.lab.kube.pathOf(bare), { gracePeriodSeconds: 0 });
  });

  it('restarts a proxy in place, with fresh handshakes and without a restart of the container', async () => {
    const [pod] = await on.podsOf('client');
    const before = await on.mesh.metrics(pod!);
    await on.mesh.restartSidecar(pod!);
    const after = await on.mesh.metrics(pod!);
    expect(after.startedAt).to.be.greaterThan(before.startedAt + 2000);
    expect((await on.call('client', 'http://server/'))[0]!.status).to.equal(200);
    const { status } = await on.lab.kube.get(`/api/v1/namespaces/${namespace}/pods/${pod!.name}`);
    expect(
      status.initContainerStatuses.map(({ restartCount }: { restartCount: number }) => restartCount),
    ).to.deep.equal([0, 0]);
  });

  it('loses no call when a replica is replaced, and sends none to the old one', async () => {
    const [old] = await on.podsOf('server');
    const calls = on.call('client', 'http://server/?delayMs=20', 200);
    await on.lab.kube.delete(`/api/v1/namespaces/${namespace}/pods/${old!.name}`);
    expect((await calls).filter(({ status }) => status !== 200)).to.deep.equal([]);
    await pollUntil(
      async () => {
        const pods = await on.lab.kube.list(`/api/v1/namespaces/${namespace}/pods`, 'app=server');
        return pods.some(({ metadata }) => metadata.uid === old!.uid) ? { pending: 'still there' } : { ready: true };
      },
      { what: `${old!.name} is gone`, timeoutMs: 60_000 },
    );
    expect(await on.mesh.reconcile(), 'it deregistered by itself').to.deep.equal([]);
  });

  it('takes out the instance of a pod that went without a word, and leaves the others', async () => {
    await on.settled();
    const { kube } = on.lab;
    const secret = await kube.get('/api/v1/namespaces/consul/secrets/consul-server');
    const api = consulApi(kube, Buffer.from(secret.data.token, 'base64').toString());
    const ghost = {
      ID: 'server-ghost',
      Name: 'server',
      Address: '10.244.0.250',
      Port: 8080,
      Meta: { 'pod-uid': 'gone' },
    };
    await api.put('/v1/agent/service/register', ghost);
    expect(await on.mesh.reconcile()).to.deep.equal(['server-ghost']);
    expect(await on.mesh.reconcile()).to.deep.equal([]);
    expect(await on.mesh.sidecarProblems([namespace])).to.deep.equal([]);
  });

  it('reports versions and leaf certificates', async () => {
    const components = await on.mesh.components();
    expect(components.find(({ role }) => role === 'control-plane')).to.include({
      ready: true,
      version: on.mesh.version,
    });
    expect(on.mesh.version).to.match(/^1\.22\./);
    const proxies = components.filter(({ role }) => role === 'data-plane');
    expect(proxies.map(({ version }) => version)).to.deep.equal(proxies.map(() => '1.40.0'));
    const [pod] = await on.podsOf('server');
    const [leaf] = await on.mesh.certificates(pod!);
    expect(leaf!.identity).to.equal(await on.mesh.identityOf('server'));
    expect(leaf!.notAfter).to.be.greaterThan(Date.now());
  });

  it('has no token in any log, nor the key of a certificate', async () => {
    const { kube } = on.lab;
    const secret = await kube.get('/api/v1/namespaces/consul/secrets/consul-server');
    const secrets = [Buffer.from(secret.data.token, 'base64').toString()];
    const logs: string[] = [];
    for (const space of [namespace, 'consul']) {
      for (const pod of await kube.list(`/api/v1/namespaces/${space}/pods`)) {
        const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers] as { name: string }[];
        const at = { namespace: space, name: pod.metadata.name };
        if (containers.some(({ name }) => name === on.mesh.sidecarContainer)) {
          secrets.push((await kube.exec(at, ['cat', '/mesh/state/token'], { container: 'mesh-envoy' })).stdout.trim());
        }
        for (const { name } of containers) {
          logs.push(await kube.getText(`/api/v1/namespaces/${space}/pods/${at.name}/log?container=${name}`));
        }
      }
    }
    expect(
      secrets.every((token) => /^[0-9a-f-]{36}$/.test(token)),
      'there are tokens to look for',
    ).to.equal(true);
    expect(secrets.length).to.be.greaterThan(4);
    const text = logs.join('\n');
    expect(text).to.include('registered as');
    for (const token of secrets) expect(text).to.not.include(token);
    expect(text).to.not.include('PRIVATE KEY');
  });

  it('finds a Consul that is there: installing again keeps tokens and certificates', async () => {
    expect(await on.mesh.install(baseline)).to.deep.equal({ recreated: false });
    expect(await on.mesh.sidecarProblems([namespace])).to.deep.equal([]);
    expect((await on.call('client', 'http://server/'))[0]!.status).to.equal(200);
  });

  it('mends a mesh whose server was replaced: the same authority, policies written again, pods registered anew', async () => {
    const { kube } = on.lab;
    const authority = on.mesh.healthChecks().find(({ id }) => id === 'certificates/authority')!;
    expect((await authority.look()).problems, 'control').to.deep.equal([]);
    const identity = await on.mesh.identityOf('client');
    const pods = '/api/v1/namespaces/consul/pods';
    const [old] = await kube.list(pods, 'app=consul-server');
    await kube.delete(`${pods}/${old!.metadata.name}`);
    await pollUntil(
      async () => {
        const problems = await on.mesh.sidecarProblems([namespace]).catch(() => []);
        return problems.length > 0 ? { ready: true } : { pending: 'nobody has noticed' };
      },
      { what: 'sidecars without their server', timeoutMs: 60_000 },
    );
    const later = await on.anotherProcess(baseline);
    expect(later.recreated).to.equal(true);
    await on.rolledOut();
    await on.settled();
    expect(await on.mesh.identityOf('client'), 'the same trust domain').to.equal(identity);
    expect(await on.call('client', 'http://server/')).to.deep.equal([{ status: 200, caller: identity }]);
    expect((await on.call('stranger', 'http://server/'))[0]!.status, 'still nobody else').to.equal(0);
    expect((await authority.look()).problems).to.deep.equal([]);
    expect((await on.anotherProcess(baseline)).recreated, 'nothing left to mend').to.equal(false);
  });
});
