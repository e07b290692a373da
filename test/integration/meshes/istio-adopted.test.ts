import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { parse } from 'yaml';
import { silentProgress } from '../../../src/base/progress.ts';
import type { MeshproofError } from '../../../src/base/errors.ts';
import type { MeshSetup } from '../../../src/meshes/adapter.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { waitForPods } from '../../../src/kube/wait.ts';
import { istioAdapter } from '../../../src/meshes/istio/adapter.ts';
import { sidecarRevision } from '../../../src/meshes/istio/adopt.ts';
import { istio } from '../../../src/meshes/istio/index.ts';
import { meshes } from '../../../src/meshes/index.ts';
import { refuseOtherMeshes } from '../../../src/meshes/other-meshes.ts';
import { parseKeyLog } from '../../../src/observe/capture/key-log.ts';
import type { Policy } from '../../../src/policies/index.ts';
import { createToolbox } from '../../../src/tools/toolbox.ts';
import { differing, istioObjects, usersIstio, type UsersIstio } from './own-istio.ts';
import { namespace, openTestMesh, type Answer, type TestMesh } from './test-mesh.ts';

const baseline: Policy[] = [
  { kind: 'authorize', to: 'server', from: ['client'] },
  { kind: 'authorize', to: 'legacy', from: ['client'] },
];
const failing = (answers: Answer[]): number => answers.filter(({ status }) => status === 503).length;

/* eslint-disable-next-line @typescript-eslint/no-explicit-any -- a definition’s own JSON */
const ruleOf = (schema: any) => schema.openAPIV3Schema.properties.spec.properties.rules.items;

describe('an Istio that was there before', function () {
  this.timeout(300_000);
  let on: TestMesh;
  let user: UsersIstio;
  let before_: ReadonlyMap<string, unknown>;
  const statusOf = async (app: string, url: string) => (await on.call(app, url))[0]!.status;
  /** What another process comes to that asks for one. */
  const adopting = (setup: MeshSetup): Promise<MeshproofError | undefined> =>
    on
      .chosen({ installed: true, ...setup })
      .install(baseline)
      .then(
        () => undefined,
        (error: MeshproofError) => error,
      );

  before(async () => {
    on = await openTestMesh({ entry: istio, open: istioAdapter, own: { installed: true, revision: 'prod' } });
    expect(await adopting({}), 'an empty cluster').to.include({ code: 'MESHPROOF_MESH_UNKNOWN' });
    user = usersIstio(on);
    await user.install('canary');
    await user.istioctl('tag', 'set', 'prod', '--revision', 'canary');
    before_ = await istioObjects(on.lab.kube);
    await on.mesh.install(baseline, () => on.deploy());
    await on.settled();
    await on.mesh.resetPolicies(baseline);
  });

  after(async () => {
    await on?.lab.delete();
  });

  it('is reported: its version, revision and tags, and that nothing of it was changed', async () => {
    const { kube } = on.lab;
    expect(await on.mesh.installation!()).to.deep.include({
      adopted: true,
      namespace: 'istio-system',
      revision: 'canary',
      tags: ['default', 'prod'],
    });
    const components = await on.mesh.components();
    expect(components[0]).to.include({ name: 'istiod-canary', ready: true, version: on.mesh.version });
    expect(on.mesh.version).to.match(/^1\.31\./);
    expect(on.mesh.caveats[0]).to.match(/1\.31.* was adopted: revision canary \(tags default, prod\), .*istio-system/);
    const { metadata } = await kube.get(`/api/v1/namespaces/${namespace}`);
    expect(metadata.labels).to.include({ 'istio.io/rev': 'prod' }).and.not.to.have.property('istio-injection');
    const pods = await kube.list(`/api/v1/namespaces/${namespace}/pods`, 'app in (client,server)');
    expect(pods.map((pod) => sidecarRevision(pod.metadata))).to.deep.equal(['canary', 'canary', 'canary']);
  });

  it('carries calls with both identities, and lets nobody in who is not allowed, or in plaintext', async () => {
    const [answer] = await on.call('client', 'http://server/');
    expect(answer).to.deep.equal({ status: 200, caller: `spiffe://cluster.local/ns/${namespace}/sa/client` });
    expect(await statusOf('stranger', 'http://server/')).to.equal(403);
    expect(await statusOf('outsider', 'http://server/'), 'strict, by a policy of the namespace').to.equal(0);
    const open = await on.mesh.apply([
      { kind: 'mtls', service: 'legacy', mode: 'permissive' },
      { kind: 'authorize', to: 'legacy', from: [] },
    ]);
    expect(await statusOf('outsider', 'http://legacy/')).to.equal(403);
    await open.undo();
    expect(await statusOf('outsider', 'http://legacy/')).to.equal(0);
  });

  it('retries and ends calls only while the policy is in force, and its proxies count it', async () => {
    const url = 'http://server/?failEvery=3';
    const off = await on.mesh.apply([{ kind: 'retry', service: 'server', attempts: 0, onStatus: [503] }]);
    expect(failing(await on.call('client', url, 30)), 'control').to.be.greaterThan(0);
    await off.undo();
    const applied = await on.mesh.apply([{ kind: 'retry', service: 'server', attempts: 4, onStatus: [503] }]);
    expect(failing(await on.call('client', url, 30))).to.equal(0);
    await applied.undo();
    const [client] = await on.podsOf('client');
    const { outbound } = await on.mesh.metrics(client!);
    const { retries, tlsHandshakes } = outbound.find(({ destination }) => destination === 'server')!;
    expect(retries, 'a counter that Istio leaves out by itself').to.be.greaterThan(0);
    expect(tlsHandshakes).to.be.greaterThan(0);
    // Of one that is there its proxies are asked for istio_* metrics: a plain Envoy has none, and that is no error.
    expect((await on.mesh.metrics(client!)).meshMetrics).to.equal(undefined);
    expect(on.mesh.meshMetrics?.none).to.include('keep none');
    const timeout = await on.mesh.apply([{ kind: 'timeout', service: 'server', timeoutMs: 500 }]);
    expect(await statusOf('client', 'http://server/?delayMs=1500')).to.equal(504);
    await timeout.undo();
    expect(await statusOf('client', 'http://server/?delayMs=1500')).to.equal(200);
  });

  it('is healthy by its own istioctl, and every proxy has the settings that its pods ask for', async () => {
    for (const check of on.mesh.healthChecks()) {
      const { problems, findings = [], fine } = await check.look();
      expect({ problems, findings }, check.id).to.deep.equal({ problems: [], findings: [] });
      expect(fine).not.to.match(/^0 /);
    }
  });

  it('has by itself other settings: a pod that asks for none is named', async () => {
    const { kube } = on.lab;
    const bare = on.idle('bare');
    await kube.apply([bare]);
    await waitForPods(kube, namespace, { timeoutMs: 60_000, labelSelector: 'app=bare' });
    const check = on.mesh.healthChecks().find(({ id }) => id === 'mesh/proxy-settings');
    const { problems } = await check!.look();
    expect(problems).to.have.length(2);
    expect(problems[0]).to.match(/^bare-.* leaves out counters: .*upstream_rq_retry/);
    expect(problems[1]).to.match(/^bare-.* drains old connections for 45 s/);
    await kube.delete(await kube.pathOf(bare), { propagation: 'Foreground' });
  });

  it('writes the secrets of handshakes while it is asked to, and leaves no file', async () => {
    const { keyLogs } = on.mesh;
    await keyLogs!.start();
    const [client] = await on.podsOf('client');
    await on.mesh.restartSidecar(client!);
    expect(await statusOf('client', 'http://server/')).to.equal(200);
    const logs = await Promise.all((await on.podsOf('server')).map((pod) => keyLogs!.read(pod)));
    expect(parseKeyLog(logs.join('')).size).to.be.greaterThan(0);
    await keyLogs!.stop();
  });

  it('is found by a later process, and by one that only looks', async () => {
    const later = await on.anotherProcess(baseline);
    expect((await later.installation!()).revision).to.equal('canary');
    await later.resetPolicies(baseline);
    const looking = on.chosen({ installed: true, revision: 'prod' });
    expect((await looking.components()).filter(({ ready }) => !ready)).to.deep.equal([]);
    expect(await looking.identityOf('client')).to.equal(`spiffe://cluster.local/ns/${namespace}/sa/client`);
  });

  it('is not installed over, and no other mesh is put beside it', async () => {
    const over = await on
      .chosen({})
      .install(baseline)
      .then(
        () => expect.fail('it was installed over'),
        (error: MeshproofError) => error,
      );
    expect(over.code).to.equal('MESHPROOF_MESH_CONFLICT');
    expect(over.message).to.include('revision canary (istio-system/istiod-canary)');
    const beside = await refuseOtherMeshes(on.lab.kube, meshes.consul, { all: Object.values(meshes), namespace }).then(
      () => expect.fail('it was put beside it'),
      (error: MeshproofError) => error,
    );
    expect(beside.message).to.include('Istio’s Deployment istio-system/istiod-canary');
    expect(beside.message).to.include(`namespace ${namespace} asks for Istio’s injector (istio.io/rev=prod)`);
  });

  it('is left as it was: nothing of it, and nothing beside it, was written', async () => {
    const after_ = await istioObjects(on.lab.kube);
    expect(differing(before_, after_)).to.deep.equal([]);
    // The control: what is compared shows a change.
    await on.lab.kube.patch('/api/v1/namespaces/istio-system/configmaps/istio-canary', {
      metadata: { annotations: { 'trial/changed': 'true' } },
    });
    expect(differing(before_, await istioObjects(on.lab.kube))).to.deep.equal(['ConfigMap istio-canary']);
  });

  it('is told in the words of the Gateway API only where its cluster has the definitions, with what is written', async () => {
    const { kube } = on.lab;
    const dialect = { revision: 'prod', dialect: 'gateway-api' };
    const none = await adopting(dialect);
    expect(none).to.include({ code: 'MESHPROOF_MESH_CONFLICT' });
    expect(none?.message).to.include('no HTTPRoutes of the Gateway API');
    const { bin } = await createToolbox({ progress: silentProgress(), signal: new AbortController().signal }).get(
      'gateway-api',
    );
    const whole = parse(await readFile(bin['httproutes.yaml']!, 'utf8')) as KubeObject;
    // As its standard channel has it.
    const standard = structuredClone(whole);
    for (const { schema } of standard.spec.versions) delete ruleOf(schema).properties.retry;
    await kube.apply([standard]);
    const lacking = await adopting(dialect);
    expect(lacking).to.include({ code: 'MESHPROOF_MESH_CONFLICT' });
    expect(lacking?.message).to.match(/v1\.6\.0.* have no rules\[\]\.retry\.attempts, rules\[\]\.retry\.codes/);
    await kube.apply([whole]);
    expect(await adopting(dialect)).to.equal(undefined);
    const mesh = on.chosen({ installed: true, ...dialect });
    const applied = await mesh.apply([{ kind: 'retry', service: 'server', attempts: 4, onStatus: [503] }]);
    expect(applied.rendered).to.include('kind: HTTPRoute');
    expect(failing(await on.call('client', 'http://server/?failEvery=3', 30))).to.equal(0);
    await applied.undo();
    expect(mesh.caveats[0]).to.include('was adopted');
    expect(await mesh.installation!()).to.include({ adopted: true, dialect: 'gateway-api' });
  });

  it('must be named where there are several and none is the default; then only the one whose sidecars the pods have fits', async () => {
    await user.install('stable');
    await user.istioctl('tag', 'remove', 'default', '--skip-confirmation');
    const unnamed = await adopting({});
    expect(unnamed).to.include({ code: 'MESHPROOF_MESH_UNKNOWN', exitCode: 3 });
    expect(unnamed?.message).to.match(/revision canary .*revision stable .*tag prod \(canary\)/);
    expect(await adopting({ revision: 'canary' }), 'by its own name').to.equal(undefined);
    const other = await adopting({ revision: 'stable' });
    expect(other).to.include({ code: 'MESHPROOF_MESH_CONFLICT' });
    expect(other?.message).to.match(/pod .* has the sidecar of revision canary/);
    expect((await adopting({ revision: 'nightly' }))?.message).to.include('no Istio of revision or tag nightly');
  });

  it('cannot be adopted when half of it is gone: what is left is named', async () => {
    const { kube } = on.lab;
    const deployment = '/apis/apps/v1/namespaces/istio-system/deployments/istiod-stable';
    await kube.delete(deployment);
    const half = await adopting({ revision: 'stable' });
    expect(half).to.include({ code: 'MESHPROOF_MESH_CONFLICT' });
    expect(half?.message).to.match(/istio-sidecar-injector-stable asks .*, and revision stable has no istiod/);
    await kube.delete(
      '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/istio-sidecar-injector-canary',
    );
    await user.istioctl('tag', 'remove', 'prod', '--skip-confirmation');
    const none = await adopting({ revision: 'canary' });
    expect(none).to.include({ code: 'MESHPROOF_MESH_CONFLICT' });
    expect(none?.message).to.include('no webhook injects for its revision canary');
  });
});
