import { expect } from 'chai';
import type { App } from '../../../src/apps/app.ts';
import { discoverApp } from '../../../src/apps/discover.ts';
import { loadApp, parseApp } from '../../../src/apps/load-app.ts';
import { edgesOf, type SeenEdge } from '../../../src/apps/seen-edges.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { OutboundCounters, ProxySnapshot } from '../../../src/observe/telemetry/snapshot.ts';

const objectsOf = async (app: App): Promise<KubeObject[]> =>
  (await app.manifests?.({ namespace: app.namespace })) ?? [];
const read = (text: string) => {
  const { value, findings } = parseApp(text, 'draft.yaml');
  expect(findings).to.deep.equal([]);
  return value!;
};
const edges = (services: Record<string, { calls: (string | { service: string })[] }>): string[] =>
  Object.entries(services).flatMap(([source, { calls }]) =>
    calls.map((call) => `${source}>${typeof call === 'string' ? call : call.service}`),
  );

describe('discoverApp', () => {
  for (const id of ['tripinsights', 'podinfo']) {
    it(`drafts the services and edges of ${id} from its objects and what its proxies saw`, async () => {
      const app = await loadApp(id);
      const seen = app.edges.map((edge): SeenEdge => ({ ...edge, requests: 12, bytes: 100 }));
      const stranger = { source: 'loadgen', destination: app.services[0]!.name, requests: 1, bytes: 1 };
      const unused = { source: app.services[0]!.name, destination: 'kubernetes', requests: 0, bytes: 0 };
      const { namespace, services } = app;
      const draft = read(discoverApp({ namespace, objects: await objectsOf(app), seen: [...seen, stranger, unused] }));
      expect(draft.namespace).to.equal(namespace);
      expect(Object.keys(draft.services)).to.have.members(services.map(({ name }) => name));
      for (const { name, port, containerPort, protocol, container, account } of services) {
        const its = draft.services[name]!;
        expect(its, name).to.include({ port, protocol });
        expect(its.containerPort ?? its.port).to.equal(containerPort);
        expect(its.container ?? name).to.equal(container);
        expect(its.account ?? name).to.equal(account);
      }
      expect(edges(draft.services)).to.have.members(
        app.edges.map(({ source, destination }) => `${source}>${destination}`),
      );
    });

    it(`suggests the edges of ${id} in comments from its environment, where no proxy saw any`, async () => {
      const app = await loadApp(id);
      const text = discoverApp({ namespace: app.namespace, objects: await objectsOf(app) });
      expect(edges(read(text).services)).to.deep.equal([]);
      const suggested = read(text.replaceAll('    # calls: ', '    calls: '));
      expect(edges(suggested.services)).to.have.members(
        app.edges.map(({ source, destination }) => `${source}>${destination}`),
      );
    });
  }

  it('takes a call from a probe, and says what it does not know', async () => {
    const text = discoverApp({ namespace: 'tripinsights', objects: await objectsOf(await loadApp('tripinsights')) });
    expect(read(text).services['poi']!.call).to.have.property('path', '/api/poi/264ffaa3-1fe8-4fb0-a4fb-63bdbc9999ae');
    expect(read(text).services['user-java']!.call).to.have.property('path', '/');
    expect(text).to.match(/# a guess: nothing tells what it answers/);
    expect(text).to.match(
      /# named, but not seen: trips by TRIPS_API_ENDPOINT, userprofile by USERPROFILE_API_ENDPOINT/,
    );
  });

  it('guesses a protocol only where nothing tells it, and takes no host for a service that only sounds like one', () => {
    const object = (kind: string, name: string, rest: Record<string, unknown>): KubeObject => ({
      apiVersion: 'v1',
      kind,
      metadata: { name },
      ...rest,
    });
    const pair = (name: string, port: number, env: string): KubeObject[] => [
      object('Service', name, { spec: { selector: { tier: name }, ports: [{ port }] } }),
      object('Deployment', name, {
        spec: {
          template: {
            metadata: { labels: { tier: name } },
            spec: {
              containers: [
                { name: 'main', env: [{ name: 'TO', value: env }], readinessProbe: { httpGet: { path: 'up' } } },
              ],
            },
          },
        },
      }),
    ];
    const objects = [
      ...pair('web', 8080, 'http://db.shop.svc.cluster.local:5432'),
      ...pair('db', 5432, 'website, my-web, web.other'),
      object('Service', 'no-workload', { spec: { selector: { a: 'b' }, ports: [{ port: 1 }] } }),
    ];
    const text = discoverApp({ namespace: 'shop', objects, seen: [] });
    const { services } = read(text);
    expect(Object.keys(services)).to.deep.equal(['db', 'web']);
    expect(services['web']).to.deep.include({
      protocol: 'http',
      selector: { tier: 'web' },
      container: 'main',
      account: 'default',
    });
    expect(services['web']!.call).to.have.property('path', '/up');
    expect(services['db']).to.deep.include({ protocol: 'tcp', port: 5432 });
    expect(text.match(/# guessed from the port/g)).to.have.length(2);
    expect(text.match(/# calls: .*/g)).to.deep.equal(['# calls: [ db ]']);
  });
});

describe('edgesOf', () => {
  it('adds up the replicas of a caller, requests and bytes', () => {
    const outbound = (destination: string, requestsByCode: Record<string, number>, bytesSent = 0): OutboundCounters =>
      ({ destination, requestsByCode, bytesSent, bytesReceived: 5 }) as unknown as OutboundCounters;
    const proxy = (service: string, ...counters: OutboundCounters[]): ProxySnapshot =>
      ({ service, outbound: counters }) as unknown as ProxySnapshot;
    const edges = edgesOf([
      proxy('web', outbound('cart', { '200': 2, '503': 1 }), outbound('db', {}, 10)),
      proxy('web', outbound('cart', { '200': 4 })),
      proxy('cart'),
    ]);
    expect(edges).to.deep.equal([
      { source: 'web', destination: 'cart', requests: 7, bytes: 10 },
      { source: 'web', destination: 'db', requests: 0, bytes: 15 },
    ]);
  });
});
