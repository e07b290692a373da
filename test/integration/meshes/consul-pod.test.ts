import { expect } from 'chai';
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleNode } from '../../../src/images/bundle-node.ts';
import { injectSidecars } from '../../../src/meshes/consul/inject.ts';
import { ports, sidecarUid } from '../../../src/meshes/consul/names.ts';
import { createServerTls } from '../../../src/meshes/consul/server-tls.ts';
import { localConsul, type LocalConsul } from './local-consul.ts';

const main = fileURLToPath(new URL('../../../src/meshes/consul/pod/main.ts', import.meta.url));

/** As the API server has it: `$$` is `$`. */
const asTheContainerSeesIt = (text = ''): string => text.replaceAll('$$', () => '$');

describe('what a meshed pod says to Consul', function () {
  this.timeout(120_000);
  let on: LocalConsul;
  let program: string;
  let environment: Record<string, string>;
  const pod = { POD_IP: '10.1.2.3', POD_NAME: 'poi-1', POD_UID: randomUUID(), POD_NAMESPACE: 'test' };
  const init = (env: Record<string, string> = {}) =>
    on.run([process.execPath, program, 'init'], { ...environment, ...env });
  const stop = (env: Record<string, string> = {}) =>
    on.run([process.execPath, program, 'stop'], { ...environment, ...env });
  const natTable = async (): Promise<string[]> =>
    (await on.run(['iptables-save', '-t', 'nat'])).stdout
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/\[\d+:\d+\]/, '[0:0]'));
  const token = async (): Promise<string> => readFile(environment['CONSUL_HTTP_TOKEN_FILE']!, 'utf8');

  before(async () => {
    on = await localConsul();
    const state = join(on.directory, 'state');
    await mkdir(state);
    program = join(on.directory, 'mesh-pod.mjs');
    await writeFile(program, await bundleNode(main));
    const identity = join(on.directory, 'identity');
    await writeFile(identity, on.identityOf('poi'));
    // The virtual address is looked up by the Service's name: here the only one that resolves.
    const objects = injectSidecars(
      [
        {
          apiVersion: 'v1',
          kind: 'Service',
          metadata: { name: 'localhost', namespace: 'test' },
          spec: { selector: { app: 'poi' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
        },
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { name: 'poi-1', namespace: 'test', labels: { app: 'poi' } },
          spec: { containers: [{ name: 'app', image: 'none' }] },
        },
      ],
      { namespace: 'test', caPem: 'none', image: 'none' },
    );
    const [container] = objects.find(({ kind }) => kind === 'Pod')!.spec.initContainers;
    const variables = container.env as { name: string; value?: string }[];
    environment = {
      ...Object.fromEntries(variables.map(({ name, value }) => [name, asTheContainerSeesIt(value)])),
      ...pod,
      CONSUL_HTTP_ADDR: on.url,
      CONSUL_CACERT: on.caFile,
      CONSUL_HTTP_TOKEN_FILE: join(state, 'token'),
      IDENTITY_TOKEN_FILE: identity,
    };
  });

  after(async () => {
    await on?.[Symbol.asyncDispose]();
  });

  it('registers the service, its sidecar and the defaults, as itself', async () => {
    const { stdout, stderr, exitCode } = await init();
    expect(exitCode, stdout + stderr).to.equal(0);
    expect(stdout).to.equal('mesh-init: registered as poi-1, virtual address 127.0.0.1\n');
    type Registered = Record<string, unknown>;
    const virtual = { Address: '127.0.0.1', Port: 80 };
    const service = await on.api<Registered>('/v1/agent/service/poi-1');
    expect(service).to.include({ Service: 'poi', Port: 8080, Address: pod.POD_IP });
    expect(service['Meta']).to.deep.equal({ 'pod-name': 'poi-1', 'pod-uid': pod.POD_UID, 'pod-namespace': 'test' });
    expect(service['TaggedAddresses']).to.have.deep.property('virtual', virtual);
    const sidecar = await on.api<Registered>('/v1/agent/service/poi-1-sidecar-proxy');
    expect(sidecar).to.include({ Kind: 'connect-proxy', Port: ports.inbound, Address: pod.POD_IP });
    expect(sidecar['TaggedAddresses']).to.have.deep.property('virtual', virtual);
    expect(sidecar['Proxy']).to.deep.include({
      DestinationServiceName: 'poi',
      DestinationServiceID: 'poi-1',
      Mode: 'transparent',
      TransparentProxy: { OutboundListenerPort: ports.outbound },
    });
    const checks =
      await on.api<Record<string, { ServiceID: string; Status: string; Interval: string }>>('/v1/agent/checks');
    const own = Object.values(checks).find(({ ServiceID }) => ServiceID === 'poi-1');
    expect(own, 'no traffic before the app was seen').to.include({ Status: 'critical', Interval: '1s' });
    const self = await on.run(['consul', 'acl', 'token', 'read', '-self', '-format=json'], {
      CONSUL_HTTP_ADDR: on.url,
      CONSUL_CACERT: on.caFile,
      CONSUL_HTTP_TOKEN: await token(),
    });
    const { ServiceIdentities, Policies = [], Roles = [] } = JSON.parse(self.stdout) as Record<string, unknown[]>;
    expect([ServiceIdentities, Policies, Roles]).to.deep.equal([[{ ServiceName: 'poi' }], [], []]);
  });

  it('writes the bootstrap that `consul connect envoy` writes, without its label expressions', async () => {
    const bootstrapFile = join(on.directory, 'state', 'bootstrap.json');
    const ours = JSON.parse(await readFile(bootstrapFile, 'utf8'));
    const theirs = JSON.parse(
      await on.consul(
        ...['connect', 'envoy', '-proxy-id', 'poi-1-sidecar-proxy', '-admin-bind', `127.0.0.1:${ports.admin}`],
        ...['-grpc-addr', `https://localhost:${ports.xds}`, '-grpc-ca-file', on.caFile],
        ...['-ignore-envoy-compatibility', '-bootstrap'],
      ),
    );
    expect(theirs.stats_config.stats_tags, 'the expressions are what we leave out').to.have.length.above(20);
    theirs.stats_config.stats_tags = [];
    theirs.stats_flush_interval = '0.5s';
    const [metadata] = theirs.dynamic_resources.ads_config.grpc_services.initial_metadata;
    metadata.value = await token();
    const [controlPlane] = theirs.static_resources.clusters;
    controlPlane.load_assignment = JSON.parse(
      JSON.stringify(controlPlane.loadAssignment)
        .replace('clusterName', 'cluster_name')
        .replace('lbEndpoints', 'lb_endpoints'),
    );
    delete controlPlane.loadAssignment;
    const trusted = controlPlane.transport_socket.typed_config.common_tls_context.validation_context.trusted_ca;
    expect(trusted.inline_string.trim()).to.equal((await readFile(on.caFile, 'utf8')).trim());
    delete trusted.inline_string;
    trusted.filename = '/mesh/config/ca.pem';
    const [added] = ours.static_resources.listeners.splice(0);
    const [kept, app] = ours.static_resources.clusters.splice(0);
    ours.static_resources = { clusters: [kept] };
    expect(added.name).to.equal('meshproof_ready');
    expect(app.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value).to.equal(8080);
    expect(ours).to.deep.equal(theirs);
  });

  it('redirects as `consul connect redirect-traffic` does, also when it is started again', async () => {
    const ours = await natTable();
    expect((await init()).exitCode).to.equal(0);
    expect(await natTable(), 'started again').to.deep.equal(ours);
    for (const way of ['-F', '-X']) await on.run(['iptables', '-t', 'nat', way]);
    expect((await natTable()).filter((line) => line.startsWith('-A'))).to.deep.equal([]);
    await on.consul(
      ...[
        'connect',
        'redirect-traffic',
        '-proxy-uid',
        String(sidecarUid),
        '-proxy-inbound-port',
        String(ports.inbound),
      ],
      ...['-proxy-outbound-port', String(ports.outbound), '-exclude-inbound-port', String(ports.ready)],
    );
    expect(ours).to.have.length.above(15);
    expect(ours.toSorted()).to.deep.equal((await natTable()).toSorted());
    expect(ours.filter((line) => line.startsWith('-A'))).to.deep.equal(
      (await natTable()).filter((line) => line.startsWith('-A')),
    );
  });

  it('leaves defaults alone that are there', async () => {
    const changed = join(on.directory, 'defaults.json');
    await writeFile(
      changed,
      JSON.stringify({ Kind: 'service-defaults', Name: 'poi', Protocol: 'http', ExternalSNI: 'kept' }),
    );
    await on.consul('config', 'write', changed);
    expect((await init()).exitCode).to.equal(0);
    expect(await on.api('/v1/config/service-defaults/poi')).to.include({ ExternalSNI: 'kept' });
  });

  it('keeps its token from everybody but the sidecar, and out of what it says', async () => {
    const { stdout, stderr } = await init();
    const { mode, uid } = await stat(environment['CONSUL_HTTP_TOKEN_FILE']!);
    expect([mode & 0o777, uid]).to.deep.equal([0o600, sidecarUid]);
    expect(await token()).to.match(/^[0-9a-f-]{36}$/);
    expect(stdout + stderr).to.not.include(await token());
  });

  it('registers nobody else: the account decides, not what the pod says', async () => {
    const identity = join(on.directory, 'identity-of-another');
    await writeFile(identity, on.identityOf('trips'));
    const { stdout, exitCode } = await init({
      IDENTITY_TOKEN_FILE: identity,
      CONSUL_HTTP_TOKEN_FILE: join(on.directory, 'token-of-another'),
    });
    expect(exitCode).to.equal(1);
    // What the diagnosis of a pod that does not come up looks for.
    expect(stdout).to.match(/^mesh-init: PUT \/v1\/.* answered 403: .*lacks permission/);
  });

  it('talks to no server that its CA does not know', async () => {
    const caFile = join(on.directory, 'another-ca.pem');
    await writeFile(caFile, (await createServerTls(Date.now())).caPem);
    const { stdout, exitCode } = await stop({ CONSUL_CACERT: caFile });
    expect(exitCode).to.equal(1);
    expect(stdout).to.match(/^mesh-stop: .*(self-signed|unable to verify|certificate)/);
    expect(await on.api('/v1/agent/service/poi-1'), 'still there').to.have.property('Service', 'poi');
  });

  it('takes itself out, and its token is worth nothing any more', async () => {
    const held = await token();
    const { stdout, stderr, exitCode } = await stop();
    expect(exitCode, stdout + stderr).to.equal(0);
    expect(Object.keys(await on.api<object>('/v1/agent/services'))).to.deep.equal([]);
    const use = await on.run(['consul', 'acl', 'token', 'read', '-self'], {
      CONSUL_HTTP_ADDR: on.url,
      CONSUL_CACERT: on.caFile,
      CONSUL_HTTP_TOKEN: held,
    });
    expect(use.exitCode).to.equal(1);
    expect(await token().catch((error: NodeJS.ErrnoException) => error.code)).to.equal('ENOENT');
  });
});
