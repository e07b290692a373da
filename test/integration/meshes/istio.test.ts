import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../src/kube/types.ts';
import { parseKeyLog } from '../../../src/observe/capture/key-log.ts';
import type { Policy } from '../../../src/policies/index.ts';
import type { MeshAdapter } from '../../../src/meshes/adapter.ts';
import { EnvoyAdmin } from '../../../src/meshes/envoy/admin.ts';
import { istioAdapter } from '../../../src/meshes/istio/adapter.ts';
import { istio } from '../../../src/meshes/istio/index.ts';
import { ports } from '../../../src/meshes/istio/names.ts';
import { readProxyConfig, routesFor } from '../../../src/meshes/istio/proxy-config.ts';
import { everyPolicy } from './every-policy.ts';
import { asObjects } from './smi-objects.ts';
import { namespace, openTestMesh, type Answer, type TestMesh } from './test-mesh.ts';
import { provesSplit } from './traffic-split.ts';
import { provesTarget } from './traffic-target.ts';

const baseline: Policy[] = [
  { kind: 'authorize', to: 'server', from: ['client'] },
  { kind: 'authorize', to: 'legacy', from: ['client'] },
];
/** Of an official release where one is named, e.g. MESHPROOF_ISTIO_RELEASE=1.31.4, and there is internet; else as it is built. */
const release = process.env['MESHPROOF_ISTIO_RELEASE'];
const failing = (answers: Answer[]): number => answers.filter(({ status }) => status === 503).length;

describe('Istio on a real cluster', function () {
  this.timeout(300_000);
  let on: TestMesh;
  const statusOf = async (app: string, url: string) => (await on.call(app, url))[0]!.status;
  /** What the API server says to these policies, in a dry run; and that it would say no. */
  const takenAsRendered = async (mesh: MeshAdapter, variants: readonly Policy[]): Promise<Set<string>> => {
    const { kube } = on.lab;
    const kinds = new Set<string>();
    const plans = await Promise.all(variants.map((policy) => mesh.plan([policy])));
    // Where Istio is like that by itself, there is nothing to write.
    expect(plans.filter(({ rendered }) => rendered !== '')).not.to.be.empty;
    for (const { rendered } of plans) {
      const objects = parseAllDocuments(rendered).map((document) => document.toJS() as KubeObject | null);
      for (const object of objects.filter((each) => each !== null)) {
        const path = `${await kube.pathOf(object)}?dryRun=All`;
        const taken = await kube.patch(path, object, 'apply');
        expect(taken.kind).to.equal(object.kind);
        kinds.add(taken.kind);
        // The control: a field that no CRD knows is refused, so a pass is one.
        const wrong = { ...object, spec: { ...object.spec, madeUp: true } };
        await kube.patch(`${path}&fieldValidation=Strict`, wrong, 'apply').then(
          () => expect.fail(`${object.kind} takes any field`),
          (error: Error) => expect(error.message).to.include('madeUp'),
        );
      }
    }
    return kinds;
  };

  before(async () => {
    on = await openTestMesh({ entry: istio, open: istioAdapter, own: { release } });
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
    expect(identity).to.equal(`spiffe://cluster.local/ns/${namespace}/sa/client`);
    expect(answers).to.deep.equal(answers.map(() => ({ status: 200, caller: identity })));
    const [client] = await on.podsOf('client');
    const { outbound, service } = await on.mesh.metrics(client!);
    const edge = outbound.find(({ destination }) => destination === 'server')!;
    expect(service).to.equal('client');
    expect(edge.requestsByCode).to.deep.equal({ '200': 4 });
    expect(edge.tlsHandshakes).to.be.greaterThan(0);
    expect(edge.endpoints).to.equal(2);
    const servers = await Promise.all((await on.podsOf('server')).map((pod) => on.mesh.metrics(pod)));
    const counted = servers.reduce((sum, { inbound }) => sum + (inbound.requestsByCode['200'] ?? 0), 0);
    expect(counted, 'the other side counts the same').to.equal(4);
  });

  it('lets in nobody who is not allowed: another service, or a pod without a sidecar', async () => {
    expect(await statusOf('stranger', 'http://server/')).to.equal(403);
    expect(await statusOf('outsider', 'http://server/')).to.equal(0);
    const allowed = await on.mesh.apply([{ kind: 'authorize', to: 'server', from: ['client', 'stranger'] }]);
    expect(await statusOf('stranger', 'http://server/'), 'when allowed it gets in').to.equal(200);
    await allowed.undo();
    expect(await statusOf('stranger', 'http://server/'), 'taken back').to.equal(403);
  });

  for (const [kind, variants] of Object.entries(everyPolicy))
    it(`${kind} renders to what the API server takes, by Istio’s own CRDs and webhooks`, () =>
      takenAsRendered(on.mesh, variants));

  it('retries only while the policy is in force', async () => {
    const url = 'http://server/?failEvery=3';
    const off = await on.mesh.apply([{ kind: 'retry', service: 'server', attempts: 0, onStatus: [503] }]);
    expect(failing(await on.call('client', url, 30)), 'control').to.be.greaterThan(0);
    await off.undo();
    const applied = await on.mesh.apply([{ kind: 'retry', service: 'server', attempts: 4, onStatus: [503] }]);
    expect(failing(await on.call('client', url, 30))).to.equal(0);
    expect(applied.rendered).to.include('kind: VirtualService').and.to.include('attempts: 4');
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
    provesSplit(on, istio, asObjects(on.lab.kube)));

  it('lets in whom a TrafficTarget names, with what it names, by what succeeds it', () =>
    provesTarget(on, { mesh: istio, letsIn: 'everybody' }, asObjects(on.lab.kube)));

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
    const later = await on.anotherProcess();
    await later.resetPolicies(baseline);
    expect(await statusOf('client', 'http://server/?delayMs=1000')).to.equal(200);
    expect(await statusOf('stranger', 'http://server/')).to.equal(403);
    expect(await statusOf('outsider', 'http://legacy/')).to.equal(0);
  });

  it('takes back what it wrote when Istio refuses a policy', async () => {
    await on.mesh
      .apply([
        { kind: 'mtls', service: 'server', mode: 'permissive' },
        { kind: 'timeout', service: 'server', timeoutMs: Number.NaN },
      ])
      .then(
        () => expect.fail('Istio takes such a timeout'),
        (error: Error) => expect(error.message).to.include('timeout'),
      );
    expect(await statusOf('outsider', 'http://server/'), 'the server is still strict').to.equal(0);
  });

  it('lets plaintext in where it is told to, and only there', async () => {
    const permissive = await on.mesh.apply([
      { kind: 'mtls', service: 'legacy', mode: 'permissive' },
      { kind: 'authorize', to: 'legacy', from: [] },
    ]);
    // Without a certificate nobody is anybody: its policy answers, where a strict server closes the connection.
    expect(await statusOf('outsider', 'http://legacy/')).to.equal(403);
    expect(await statusOf('outsider', 'http://server/')).to.equal(0);
    await permissive.undo();
    expect(await statusOf('outsider', 'http://legacy/')).to.equal(0);
  });

  it('finds the pod without a sidecar by name', async () => {
    expect(await on.mesh.sidecarProblems([namespace])).to.deep.equal([]);
    const path = `/api/v1/namespaces/${namespace}`;
    const inject = (value: string) => on.lab.kube.patch(path, { metadata: { labels: { 'istio-injection': value } } });
    const bare = on.bareServerPod();
    // Nobody says that it came up without one.
    await inject('disabled');
    await on.lab.kube.create(bare);
    await inject('enabled');
    const problems = await on.mesh.sidecarProblems([namespace]);
    expect(problems).to.have.length(1);
    expect(problems[0]).to.include({ pod: 'server-without-sidecar', service: 'server', problem: 'no-sidecar' });
    await on.lab.kube.delete(await on.lab.kube.pathOf(bare), { gracePeriodSeconds: 0 });
  });

  it('writes the secrets of new connections while it is asked to, and leaves no file', async () => {
    const { keyLogs } = on.mesh;
    const secrets = async () =>
      (await Promise.all((await on.podsOf('server')).map((pod) => keyLogs!.read(pod)))).join('');
    expect(await secrets(), 'control').to.equal('');
    await keyLogs!.start();
    const [client] = await on.podsOf('client');
    expect(await on.mesh.restartSidecar(client!)).to.deep.equal({ restarts: 1 });
    expect(await statusOf('client', 'http://server/')).to.equal(200);
    const written = await secrets();
    expect(parseKeyLog(written).size).to.be.greaterThan(0);
    expect(written, 'no secret of what the client sends').not.to.match(/^CLIENT_TRAFFIC_SECRET_0/m);
    await keyLogs!.stop();
    await keyLogs!.stop();
    expect(await secrets()).to.equal('');
    expect(await statusOf('client', 'http://server/')).to.equal(200);
  });

  it('is asked by istioctl: every proxy is in sync, and a route to nowhere is found by its code', async () => {
    const { kube } = on.lab;
    const look = async () => {
      const looks = await Promise.all(on.mesh.healthChecks().map((check) => check.look()));
      return {
        problems: looks.flatMap(({ problems }) => problems),
        findings: looks.flatMap(({ findings = [] }) => findings.map(({ id }) => id)),
      };
    };
    expect(await look(), 'control').to.deep.equal({ problems: [], findings: [] });
    const nowhere: KubeObject = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'VirtualService',
      metadata: { name: 'nowhere', namespace },
      spec: { hosts: ['server'], http: [{ route: [{ destination: { host: 'nowhere' } }] }] },
    };
    await kube.apply([nowhere]);
    expect(await look()).to.deep.equal({ problems: [], findings: ['mesh/IST0101'] });
    await kube.delete(await kube.pathOf(nowhere));
  });

  it('reports versions and leaf certificates', async () => {
    const components = await on.mesh.components();
    expect(components.find(({ role }) => role === 'control-plane')).to.include({
      ready: true,
      version: on.mesh.version,
    });
    expect(on.mesh.version).to.match(release === undefined ? /^1\.31\./ : new RegExp(`^${release}$`));
    const proxies = components.filter(({ role }) => role === 'data-plane');
    for (const { version } of proxies) expect(version).to.match(release === undefined ? /^1\.40\.0$/ : /^\d+\.\d+\./);
    const [pod] = await on.podsOf('server');
    const [leaf] = await on.mesh.certificates(pod!);
    expect(leaf!.identity).to.equal(await on.mesh.identityOf('server'));
    expect(leaf!.notAfter).to.be.greaterThan(Date.now());
  });

  it('has istio_* metrics that count what Envoy counts; with a plain Envoy none, and says so', async () => {
    const [client] = await on.podsOf('client');
    const { meshMetrics, outbound } = await on.mesh.metrics(client!);
    if (release === undefined) {
      expect(on.mesh.meshMetrics?.none).to.include('plain Envoy');
      return expect(meshMetrics).to.equal(undefined);
    }
    const counted = outbound.find(({ destination }) => destination === 'server')!;
    const told = meshMetrics?.outbound.find(({ destination }) => destination === 'server');
    return expect(told?.requestsByCode).to.deep.equal(counted.requestsByCode);
  });

  describe('told policies in the words of the Gateway API', () => {
    let mesh: MeshAdapter;
    const httpRoutes = `/apis/gateway.networking.k8s.io/v1/namespaces/${namespace}/httproutes`;
    /** What the client's sidecar is told to do with requests to a path of a service, on each of its ports. */
    const routesOf = async (service: string, path: string) => {
      const [client] = await on.podsOf('client');
      const dump = await new EnvoyAdmin(on.lab.kube, ports.admin).json(client!, '/config_dump');
      return routesFor(readProxyConfig(dump, namespace).upstreams.get(service)!, path);
    };
    const routeOf = async (path: string) => (await routesOf('server', path))[0]!;
    const namesOf = async (path: string) => (await on.lab.kube.list(path)).map(({ metadata }) => metadata.name);

    before(async () => {
      // The same Istio: it sees the definitions when they come.
      mesh = on.chosen({ dialect: 'gateway-api' });
      await mesh.install(baseline);
    });

    it('finds the definitions that it installed, and says which dialect it speaks', async () => {
      expect(await mesh.installation!()).to.include({ adopted: false, dialect: 'gateway-api' });
      expect(mesh.caveats.at(-1)).to.include('HTTPRoutes of the Gateway API');
      const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/httproutes.gateway.networking.k8s.io';
      const { metadata } = await on.lab.kube.get(path);
      expect(metadata.annotations).to.include({ 'gateway.networking.k8s.io/channel': 'experimental' });
    });

    it('renders retries and timeouts to what the API server takes, by the definitions of the Gateway API', async () => {
      // The one that says that there are no retries is not an HTTPRoute.
      const kinds = await takenAsRendered(mesh, everyPolicy.retry);
      expect([...kinds]).to.have.members(['HTTPRoute', 'VirtualService']);
      expect([...(await takenAsRendered(mesh, everyPolicy.timeout))]).to.deep.equal(['HTTPRoute']);
    });

    it('retries while an HTTPRoute says so, and not while a VirtualService says that there are none', async () => {
      const url = 'http://server/?failEvery=3';
      const off = await mesh.apply([{ kind: 'retry', service: 'server', attempts: 0, onStatus: [503] }]);
      expect(off.rendered).to.include('since an HTTPRoute cannot say that there are no retries');
      expect(await namesOf(httpRoutes)).to.deep.equal([]);
      expect(failing(await on.call('client', url, 30)), 'control').to.be.greaterThan(0);
      const applied = await mesh.apply([{ kind: 'retry', service: 'server', attempts: 4, onStatus: [503] }]);
      expect(applied.rendered).to.include('kind: HTTPRoute').and.not.to.include('kind: VirtualService');
      expect(await namesOf(httpRoutes)).to.deep.equal(['meshproof-server-80']);
      const route = await routeOf('/');
      expect(route).to.include({ retries: 4, name: `${namespace}.meshproof-server-80.0` });
      expect(route.onStatus).to.deep.equal([503]);
      expect(failing(await on.call('client', url, 30))).to.equal(0);
      await applied.undo();
      expect(await namesOf(httpRoutes)).to.deep.equal([]);
      expect(failing(await on.call('client', url, 30)), 'the VirtualService is back').to.be.greaterThan(0);
      await off.undo();
    });

    it('ends calls at the timeout of their route, by whole elements of a path, while the policy is in force', async () => {
      const slow = 'http://server/slow?delayMs=1500';
      const applied = await mesh.apply([
        { kind: 'timeout', service: 'server', route: { pathPrefix: '/slow' }, timeoutMs: 500 },
      ]);
      expect(await routeOf('/slow')).to.include({ timeoutMs: 500, prefix: '/slow', wholeElements: true });
      expect(await statusOf('client', slow)).to.equal(504);
      expect(await statusOf('client', 'http://server/slow/er?delayMs=1500')).to.equal(504);
      expect(await statusOf('client', 'http://server/slower?delayMs=1500')).to.equal(200);
      await applied.undo();
      expect(await statusOf('client', slow), 'after undo').to.equal(200);
    });

    it('has no timeout where it is told zero, below one that has one', async () => {
      const applied = await mesh.apply([
        { kind: 'timeout', service: 'server', timeoutMs: 500 },
        { kind: 'timeout', service: 'server', route: { pathPrefix: '/slow' }, timeoutMs: 0 },
      ]);
      expect(applied.rendered).to.include('request: 0s');
      expect(await statusOf('client', 'http://server/slow?delayMs=1500')).to.equal(200);
      expect(await statusOf('client', 'http://server/other?delayMs=1500')).to.equal(504);
      await applied.undo();
    });

    it('has an HTTPRoute for each port of a service, which keeps its requests', async () => {
      const { kube } = on.lab;
      const double: KubeObject = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'double', namespace },
        spec: {
          selector: { app: 'server' },
          ports: [80, 81].map((port) => ({ name: `http-${port}`, port, targetPort: 8080 })),
        },
      };
      await kube.apply([double]);
      const applied = await mesh.apply([{ kind: 'retry', service: 'double', attempts: 4, onStatus: [503] }]);
      expect(await namesOf(httpRoutes)).to.have.members(['meshproof-double-80', 'meshproof-double-81']);
      const routes = await routesOf('double', '/');
      expect(routes.map(({ retries, cluster }) => ({ retries, cluster }))).to.have.deep.members(
        [80, 81].map((port) => ({ retries: 4, cluster: `outbound|${port}||double.${namespace}.svc.cluster.local` })),
      );
      expect(failing(await on.call('client', 'http://double:81/?failEvery=3', 30))).to.equal(0);
      await applied.undo();
      expect(failing(await on.call('client', 'http://double:81/?failEvery=3', 30)), 'control').to.be.greaterThan(0);
      await kube.delete(await kube.pathOf(double));
    });

    it('is brought back to the baseline by another process, which sees what is left of HTTPRoutes', async () => {
      await mesh.apply([
        { kind: 'timeout', service: 'server', timeoutMs: 500 },
        { kind: 'retry', service: 'legacy', attempts: 3, onStatus: [503] },
      ]);
      expect(await namesOf(httpRoutes)).to.have.members(['meshproof-server-80', 'meshproof-legacy-80']);
      expect(await statusOf('client', 'http://server/?delayMs=1500'), 'control').to.equal(504);
      await on.chosen({ dialect: 'gateway-api' }).resetPolicies(baseline);
      expect(await namesOf(httpRoutes)).to.deep.equal([]);
      expect(await statusOf('client', 'http://server/?delayMs=1500')).to.equal(200);
      expect(await routeOf('/')).to.include({ retries: 2, name: 'default' });
    });

    it('takes back what it wrote when the Gateway API refuses a policy', async () => {
      await mesh
        .apply([
          { kind: 'retry', service: 'legacy', attempts: 3, onStatus: [503] },
          { kind: 'timeout', service: 'server', timeoutMs: Number.NaN },
        ])
        .then(
          () => expect.fail('the Gateway API takes such a timeout'),
          (error: Error) => expect(error.message).to.include('timeouts.request'),
        );
      expect(await namesOf(httpRoutes)).to.deep.equal([]);
    });

    it('is healthy by istioctl too', async () => {
      for (const check of mesh.healthChecks()) {
        const { problems, findings = [] } = await check.look();
        expect({ problems, findings }, check.id).to.deep.equal({ problems: [], findings: [] });
      }
    });
  });
});
