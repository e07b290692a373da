import { readdir, readFile } from 'node:fs/promises';
import { expect } from 'chai';
import type { ImageMap } from '../../../../src/images/image.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { loadApp } from '../../../../src/apps/load-app.ts';

interface Container {
  image: string;
  ports: { name: string; containerPort: number }[];
  resources: { requests: Record<string, string> };
  securityContext: Record<string, unknown>;
  [probe: string]: unknown;
}

const app = await loadApp('tripinsights');
const images: ImageMap = Object.fromEntries(
  (app.images ?? []).map(({ name = '' }) => [
    name,
    { name, ref: `meshproof.dev/${name}:0123456789ab`, digest: `sha256:${'0'.repeat(64)}` },
  ]),
);
const objects = (await app.manifests?.({ namespace: 'shop', images })) ?? [];
const ofKind = (kind: string): KubeObject[] => objects.filter((object) => object.kind === kind);
const container = (deployment: KubeObject): Container => deployment.spec.template.spec.containers[0] as Container;

describe('TripInsights’ manifests', () => {
  it('have one deployment, service account and service per service of the app file, which fit together', () => {
    const names = app.services.map(({ name }) => name).sort();
    expect(names).to.deep.equal(['poi', 'postgres', 'trips', 'tripviewer', 'user-java', 'userprofile']);
    for (const kind of ['Deployment', 'ServiceAccount', 'Service'])
      expect(ofKind(kind).map(({ metadata }) => metadata.name)).to.have.members(names);
    for (const { name, port, containerPort, protocol, selector, account } of app.services) {
      const deployment = ofKind('Deployment').find(({ metadata }) => metadata.name === name)!;
      const service = ofKind('Service').find(({ metadata }) => metadata.name === name)!;
      const [front] = service.spec.ports as { targetPort: string; appProtocol: string; port: number }[];
      expect(front).to.include({ port, appProtocol: protocol });
      expect(deployment.spec.template.metadata.labels)
        .to.include(service.spec.selector as object)
        .and.include(selector);
      expect(deployment.spec.template.spec.serviceAccountName).to.equal(account);
      expect(container(deployment).ports).to.deep.equal([{ name: front!.targetPort, containerPort, protocol: 'TCP' }]);
      expect(container(deployment).image).to.equal(`meshproof.dev/tripinsights-${name}:0123456789ab`);
    }
  });

  it('probe by exec only, with a data call, and start nothing as root', () => {
    for (const deployment of ofKind('Deployment')) {
      const its = container(deployment);
      for (const probe of ['startupProbe', 'readinessProbe']) {
        const { exec } = its[probe] as { exec: { command: string[] } };
        expect(exec.command.join(' ')).to.match(/grep -q|SELECT/);
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
  });

  it('have the database’s password in the secret and nowhere else, another at each deployment', async () => {
    const [secret] = ofKind('Secret');
    const password = secret!['stringData'].SQL_PASSWORD as string;
    // What SQL and the entrypoint's shell cannot misread.
    expect(password).to.match(/^[A-Za-z0-9_-]{24}$/);
    for (const object of objects) expect(JSON.stringify(object).includes(password)).to.equal(object.kind === 'Secret');
    const again = (await app.manifests?.({ namespace: 'shop', images })) ?? [];
    expect(again.find(({ kind }) => kind === 'Secret')!['stringData'].SQL_PASSWORD).not.to.equal(password);
  });

  it('know of no mesh and no harness, nor do the services', async () => {
    const words = /consul|istio|linkerd|envoy|sidecar|x-meshproof/i;
    const plain = (await app.manifests?.({ namespace: 'shop' })) ?? [];
    expect(JSON.stringify(plain.slice(1))).not.to.match(/meshproof|consul|istio|linkerd|envoy/i);
    const root = new URL('../../../../fixtures/tripinsights/', import.meta.url);
    const files = (await readdir(root, { recursive: true })).filter((name) => /\.tsx?$/.test(name));
    expect(files).to.have.length.greaterThan(10);
    for (const name of files) expect(await readFile(new URL(name, root), 'utf8'), name).not.to.match(words);
  });
});
