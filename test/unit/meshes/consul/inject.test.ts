import { expect } from 'chai';
import { parse } from 'yaml';
import { MeshproofError } from '../../../../src/base/errors.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { injectSidecars } from '../../../../src/meshes/consul/inject.ts';
import { toMeshedPod } from '../../../../src/meshes/consul/meshed-pod.ts';
import { isLive } from '../../../../src/meshes/meshed-pod.ts';

const options = { namespace: 'app', caPem: 'CA', image: 'envoy:1' };

const deployment = (name: string, extra = ''): KubeObject =>
  parse(`
apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name}, namespace: app }
spec:
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      ${extra}
      containers: [{ name: app, image: app:1, ports: [{ name: http, containerPort: 8080 }] }]
`) as KubeObject;

const service = (name: string, port: string): KubeObject =>
  parse(`
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: app }
spec: { selector: { app: ${name} }, ports: [${port}] }
`) as KubeObject;

const trips = [deployment('trips'), service('trips', '{ name: http, port: 80, targetPort: 8080 }')];

/** Kubernetes replaces `$$` by `$` in what a container gets. */
function asTheContainerSeesIt(text = ''): string {
  return text.replaceAll('$$', () => '$');
}

function podSpec(objects: KubeObject[], name = 'trips') {
  return objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === name)!.spec.template.spec;
}

function initEnv(objects: KubeObject[], name = 'trips'): Record<string, string> {
  const init = podSpec(objects, name).initContainers[0];
  return Object.fromEntries(
    init.env.map((variable: { name: string; value?: string }) => [variable.name, asTheContainerSeesIt(variable.value)]),
  );
}

describe('injecting sidecars', () => {
  it('puts the sidecar in front, as a native sidecar with a user of its own', () => {
    const { initContainers, serviceAccountName } = podSpec(injectSidecars(trips, options));
    expect(initContainers.map(({ name }: { name: string }) => name)).to.deep.equal(['mesh-init', 'mesh-envoy']);
    expect(initContainers[1]).to.include({
      restartPolicy: 'Always',
      image: 'envoy:1',
      imagePullPolicy: 'IfNotPresent',
    });
    expect(initContainers[1].securityContext).to.include({ runAsUser: 1337, allowPrivilegeEscalation: false });
    expect(serviceAccountName).to.equal('trips');
  });

  it('registers the virtual address on the service and on its sidecar: with one of them calls pass in plaintext', () => {
    const registration = JSON.parse(initEnv(injectSidecars(trips, options)).REGISTRATION!);
    const virtual = { virtual: { Address: '${VIRTUAL_IP}', Port: 80 } };
    expect(registration.TaggedAddresses).to.deep.equal(virtual);
    expect(registration.Connect.SidecarService.TaggedAddresses).to.deep.equal(virtual);
    expect(registration.Port).to.equal(8080);
    expect(initEnv(injectSidecars(trips, options)).SERVICE_NAME).to.equal('trips');
  });

  it('gives an instance no traffic before its app was seen listening', () => {
    const { Checks: checks } = JSON.parse(initEnv(injectSidecars(trips, options)).REGISTRATION!);
    expect(checks).to.have.length(1);
    expect(checks[0]).to.include({ Status: 'critical', HTTP: 'http://${POD_IP}:20300/ready' });
  });

  it('has no counter matched against label expressions: it costs each proxy half a second of CPU', () => {
    const { stats_config } = JSON.parse(initEnv(injectSidecars(trips, options)).BOOTSTRAP!);
    expect(stats_config.stats_tags).to.deep.equal([]);
  });

  it('lets a pod without a Service only call others', () => {
    const objects = injectSidecars(
      [
        parse(
          '{apiVersion: batch/v1, kind: Job, metadata: {name: k6-1}, spec: {template: {metadata: {labels: {app: k6}}, spec: {containers: [{name: k6}]}}}}',
        ),
      ],
      options,
    );
    const spec = objects.find(({ kind }) => kind === 'Job')!.spec.template.spec;
    const registration = JSON.parse(
      spec.initContainers[0].env.find(({ name }: { name: string }) => name === 'REGISTRATION').value,
    );
    expect(registration).to.not.have.any.keys('Port', 'Checks', 'TaggedAddresses');
    expect(registration.Name).to.equal('k6');
    expect(spec.containers[0], 'a job must end when its program ends').to.not.have.property('lifecycle');
  });

  it('reads the protocol from the Service port, as TCP where it is not said to be HTTP', () => {
    const protocolOf = (port: string): string => {
      const env = initEnv(injectSidecars([deployment('trips'), service('trips', port)], options));
      return JSON.parse(env.SERVICE_DEFAULTS!).Protocol;
    };
    expect(protocolOf('{ name: http, port: 80, targetPort: http }')).to.equal('http');
    expect(protocolOf('{ port: 80, targetPort: 8080 }')).to.equal('http');
    expect(protocolOf('{ name: postgres, port: 5432, targetPort: 8080 }')).to.equal('tcp');
    expect(protocolOf('{ name: http, appProtocol: tcp, port: 80, targetPort: 8080 }')).to.equal('tcp');
  });

  it('pins outlier detection off for every caller', () => {
    const defaults = JSON.parse(initEnv(injectSidecars(trips, options)).SERVICE_DEFAULTS!);
    expect(defaults.UpstreamConfig.Defaults.PassiveHealthCheck.EnforcingConsecutive5xx).to.equal(0);
  });

  it('leaves alone what opted out, what lives elsewhere and the input itself', () => {
    const out = deployment('legacy');
    out.spec.template.metadata.labels['meshproof.dev/mesh'] = 'false';
    const elsewhere = { ...deployment('other'), metadata: { name: 'other', namespace: 'elsewhere' } };
    const before = structuredClone([...trips, out, elsewhere]);
    const input = [...trips, out, elsewhere];
    const objects = injectSidecars(input, options);
    expect(input).to.deep.equal(before);
    expect(objects).to.include(out).and.to.include(elsewhere);
    expect(podSpec(objects).initContainers).to.have.length(2);
  });

  it('puts accounts, the CA and Services before the pods that need them', () => {
    const kinds = injectSidecars(trips, options).map(({ kind }) => kind);
    expect(kinds).to.deep.equal(['ConfigMap', 'ServiceAccount', 'Service', 'Deployment']);
  });

  it('keeps the app a second longer than its registration, unless it says what to do at its end', () => {
    expect(podSpec(injectSidecars(trips, options)).containers[0].lifecycle.preStop).to.deep.equal({
      sleep: { seconds: 1 },
    });
    const own = deployment('trips');
    own.spec.template.spec.containers[0].lifecycle = { preStop: { exec: { command: ['drain'] } } };
    expect(podSpec(injectSidecars([own], options)).containers[0].lifecycle.preStop).to.have.property('exec');
  });

  it('takes the virtual address away when a test asks for a broken mesh', () => {
    const broken = deployment('trips');
    broken.spec.template.metadata.annotations = { 'meshproof.dev/no-virtual-address': 'true' };
    const env = initEnv(injectSidecars([broken, trips[1]!], options));
    expect(env).to.not.have.property('SERVICE_NAME');
    expect(env.REGISTRATION).to.not.include('TaggedAddresses');
  });

  it('has no token in any manifest: only the path of the file it will be in', () => {
    const text = JSON.stringify(injectSidecars(trips, options));
    expect(text).to.not.match(/CONSUL_HTTP_TOKEN"|-token=/);
    expect(text).to.include('"CONSUL_HTTP_TOKEN_FILE"');
  });

  it('refuses a workload that does not say which service it is, by name', () => {
    const nameless = deployment('trips');
    nameless.spec.template.metadata.labels = {};
    expect(() => injectSidecars([nameless], options)).to.throw(MeshproofError, /Deployment trips/);
  });

  it('refuses a Service whose target port no container has', () => {
    expect(() =>
      injectSidecars([deployment('trips'), service('trips', '{ port: 80, targetPort: web }')], options),
    ).to.throw(MeshproofError, /port web/);
  });
});

describe('a pod as the mesh sees it', () => {
  const pod = (spec: object, status: object = {}): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'trips-1', namespace: 'app', uid: 'u', labels: { app: 'trips' } },
    spec,
    status: { phase: 'Running', podIP: '10.0.0.1', ...status },
  });
  const injected = podSpec(injectSidecars(trips, options));

  it('knows the one without a sidecar', () => {
    expect(toMeshedPod(pod({ containers: [] }))).to.include({ hasSidecar: false, service: 'trips', isServer: false });
    expect(toMeshedPod(pod(injected))).to.include({ hasSidecar: true, service: 'trips', isServer: true });
  });

  it('says in the words of the kubelet why a sidecar does not run', () => {
    const waiting = { state: { waiting: { reason: 'ErrImagePull', message: 'no such image' } } };
    const status = {
      initContainerStatuses: [
        { name: 'mesh-init', restartCount: 0, state: {} },
        { name: 'mesh-envoy', restartCount: 0, ...waiting },
      ],
    };
    expect(toMeshedPod(pod(injected, status)).notRunning).to.equal('mesh-envoy waits: ErrImagePull: no such image');
    const failed = {
      initContainerStatuses: [{ name: 'mesh-init', restartCount: 2, state: { terminated: { exitCode: 1 } } }],
    };
    expect(toMeshedPod(pod(injected, failed)).notRunning).to.equal('mesh-init ended with exit code 1 (restarts: 2)');
    const running = { initContainerStatuses: [{ name: 'mesh-envoy', restartCount: 0, started: true, state: {} }] };
    expect(toMeshedPod(pod(injected, running)).notRunning).to.equal(undefined);
  });

  it('looks away from pods that ended or are ending', () => {
    expect(isLive(pod({}))).to.equal(true);
    expect(isLive(pod({}, { phase: 'Succeeded' }))).to.equal(false);
    const ending = pod({});
    ending.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(isLive(ending)).to.equal(false);
  });
});
