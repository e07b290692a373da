import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { ImageMap } from '../../../../src/images/image.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { dataCalls } from '../../../../src/apps/tripinsights/data-calls.ts';
import { edges, services, workloads } from '../../../../src/apps/tripinsights/topology.ts';
import { tripInsights } from '../../../../src/apps/tripinsights/trip-insights.ts';

const names = ['postgres', ...services.map((service) => `tripinsights-${service}`)];
const images: ImageMap = Object.fromEntries(
  names.map((name) => [name, { name, ref: `meshproof.dev/${name}:0123456789ab`, digest: `sha256:${'0'.repeat(64)}` }]),
);
const password = 'planted-Secret_42';
const options = { namespace: 'shop', images, databasePassword: password };
const objects = tripInsights(options);
const ofKind = (kind: string): KubeObject[] => objects.filter((object) => object.kind === kind);

interface Container {
  name: string;
  image: string;
  ports: { name: string; containerPort: number }[];
  env: { name: string; value?: string }[];
  resources: { requests: Record<string, string> };
  securityContext: Record<string, unknown>;
  [probe: string]: unknown;
}
const container = (deployment: KubeObject): Container => deployment.spec.template.spec.containers[0] as Container;

describe('tripInsights', () => {
  it('is a pure function that begins with the namespace faults are allowed in', () => {
    expect(tripInsights(options)).to.deep.equal(objects);
    expect(objects[0]).to.deep.include({ kind: 'Namespace' });
    expect(objects[0]!.metadata.labels).to.deep.equal({ 'meshproof.dev/chaos': 'allowed' });
    for (const object of objects.slice(1)) expect(object.metadata.namespace).to.equal('shop');
  });

  it('has one deployment, service account and service per workload, which fit together', () => {
    for (const kind of ['Deployment', 'ServiceAccount', 'Service']) {
      expect(
        ofKind(kind)
          .map((object) => object.metadata.name)
          .sort(),
      ).to.deep.equal([...workloads].sort());
    }
    for (const deployment of ofKind('Deployment')) {
      const { name } = deployment.metadata;
      const service = ofKind('Service').find((each) => each.metadata.name === name)!;
      const { metadata, spec } = deployment.spec.template as KubeObject;
      expect(metadata.labels)
        .to.include(service.spec.selector as object)
        .and.include({ app: name });
      expect(deployment.spec.selector.matchLabels).to.deep.equal({ app: name });
      expect(spec.serviceAccountName).to.equal(name);
      const [port] = service.spec.ports as { targetPort: string; appProtocol: string; port: number }[];
      expect(container(deployment).ports.map((each) => each.name)).to.deep.equal([port!.targetPort]);
      expect(port!.appProtocol).to.equal(name === 'postgres' ? 'tcp' : 'http');
    }
    for (const edge of edges) {
      const service = ofKind('Service').find((each) => each.metadata.name === edge.destination)!;
      expect(service.spec.ports[0].port).to.equal(edge.port);
    }
  });

  it('probes by exec only, with a data call, and starts nothing as root', () => {
    for (const deployment of ofKind('Deployment')) {
      const its = container(deployment);
      for (const probe of ['startupProbe', 'readinessProbe']) {
        const { exec } = its[probe] as { exec: { command: string[] } };
        expect(exec.command.join(' ')).to.match(/expectBody|grep -q|SELECT/);
      }
      expect(JSON.stringify(its)).not.to.match(/httpGet|tcpSocket|grpc/);
      expect(its.securityContext).to.deep.include({
        runAsNonRoot: true,
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(its.securityContext.runAsUser).to.be.greaterThan(0);
      expect(its.resources.requests).to.have.keys('cpu', 'memory');
    }
    for (const service of services) {
      const command = JSON.stringify(
        container(ofKind('Deployment').find((each) => each.metadata.name === service)!).readinessProbe,
      );
      expect(command).to.include(dataCalls[service].path).and.include(dataCalls[service].expectBody);
    }
  });

  it('has the password in the secret and nowhere else', () => {
    for (const object of objects) expect(JSON.stringify(object).includes(password)).to.equal(object.kind === 'Secret');
  });

  it('refuses a password that SQL or a shell could misread, and an image that is missing', () => {
    for (const databasePassword of ['short', `x'; DROP TABLE "Trips"`, 'with space 123']) {
      expect(() => tripInsights({ ...options, databasePassword }))
        .to.throw()
        .with.property('code', 'MESHPROOF_USAGE');
    }
    const incomplete = Object.fromEntries(Object.entries(images).filter(([name]) => name !== 'postgres'));
    expect(() => tripInsights({ ...options, images: incomplete }))
      .to.throw(/postgres/)
      .with.property('code', 'MESHPROOF_IMAGE');
  });

  it('knows of no mesh and no harness, nor do the services', async () => {
    const words = /consul|istio|linkerd|envoy|sidecar|x-meshproof/i;
    expect(JSON.stringify(objects.slice(1)).replaceAll('meshproof.dev/', '')).not.to.match(
      /meshproof|consul|istio|linkerd|envoy/i,
    );
    const root = new URL('../../../../fixtures/tripinsights/', import.meta.url);
    const files = (await readdir(root, { recursive: true })).filter((name) => /\.tsx?$/.test(name));
    expect(files).to.have.length.greaterThan(10);
    for (const name of files) expect(await readFile(new URL(name, root), 'utf8'), name).not.to.match(words);
  });
});
