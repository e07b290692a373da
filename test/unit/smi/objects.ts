import type { KubeObject } from '../../../src/kube/types.ts';

/** SMI objects as the versions of the interface have them, each as small as it can be. */
const named = (name: string) => ({ metadata: { name, namespace: 'shop' } });
type Free = Record<string, unknown>;
const object = (apiVersion: string, kind: string, name: string, rest: Free): KubeObject =>
  ({ apiVersion, kind, ...named(name), ...rest }) as unknown as KubeObject;

export const split = (version: string, backends: Free[], rest: Free = {}): KubeObject =>
  object(`split.smi-spec.io/${version}`, 'TrafficSplit', 'web-canary', {
    spec: { service: 'web.shop.svc.cluster.local', backends, ...rest },
  });

export const splits: Record<string, KubeObject> = {
  v1alpha1: split('v1alpha1', [
    { service: 'web-v1', weight: '900m' },
    { service: 'web-v2', weight: '100m' },
  ]),
  v1alpha2: split('v1alpha2', [
    { service: 'web-v1', weight: 90 },
    { service: 'web-v2', weight: 10 },
  ]),
  v1alpha3: split('v1alpha3', [
    { service: 'web-v1', weight: 9 },
    { service: 'web-v2', weight: 1 },
  ]),
  v1alpha4: split('v1alpha4', [
    { service: 'web-v1', weight: 900 },
    { service: 'web-v2', weight: 100 },
  ]),
};

const destination = { kind: 'ServiceAccount', name: 'cart', namespace: 'shop' };
const sources = [{ kind: 'ServiceAccount', name: 'web', namespace: 'shop' }];
const rules = [{ kind: 'HTTPRouteGroup', name: 'routes', matches: ['read'] }];

export const targets: Record<string, KubeObject> = {
  v1alpha1: object('access.smi-spec.io/v1alpha1', 'TrafficTarget', 'cart', { destination, sources, specs: rules }),
  v1alpha2: object('access.smi-spec.io/v1alpha2', 'TrafficTarget', 'cart', { spec: { destination, sources, rules } }),
  v1alpha3: object('access.smi-spec.io/v1alpha3', 'TrafficTarget', 'cart', { spec: { destination, sources, rules } }),
};
export const openTarget = object('access.smi-spec.io/v1alpha3', 'TrafficTarget', 'cart', {
  spec: { destination, sources },
});

const read = { name: 'read', pathRegex: '/api/cart/.*', methods: ['GET', 'HEAD'] };
const insiders = (headers: unknown) => ({ name: 'insiders', methods: ['*'], headers });
export const groups: Record<string, KubeObject> = {
  v1alpha1: object('specs.smi-spec.io/v1alpha1', 'HTTPRouteGroup', 'routes', {
    matches: [read, { name: 'insiders', methods: ['*'] }],
  }),
  v1alpha2: object('specs.smi-spec.io/v1alpha2', 'HTTPRouteGroup', 'routes', {
    matches: [read, insiders([{ 'user-agent': '.*Android.*' }])],
  }),
  v1alpha3: object('specs.smi-spec.io/v1alpha3', 'HTTPRouteGroup', 'routes', {
    spec: { matches: [read, insiders([{ 'user-agent': '.*Android.*' }])] },
  }),
  v1alpha4: object('specs.smi-spec.io/v1alpha4', 'HTTPRouteGroup', 'routes', {
    spec: { matches: [read, insiders({ 'user-agent': '.*Android.*' })] },
  }),
};

export const tcpRoute = (ports: number[]): KubeObject =>
  object('specs.smi-spec.io/v1alpha4', 'TCPRoute', 'db', { spec: { matches: { ports } } });

export const metrics = object('metrics.smi-spec.io/v1alpha1', 'TrafficMetrics', 'web', {
  resource: { kind: 'Deployment', name: 'web', namespace: 'shop' },
  edge: { direction: 'to', resource: { kind: 'Deployment', name: 'cart' } },
  metrics: [{ name: 'p99_response_latency', unit: 'ms', value: '12' }],
});

/** Services of the shop, with the workloads behind them. */
export const around: KubeObject[] = ['web', 'web-v1', 'web-v2', 'cart'].flatMap((name): KubeObject[] => [
  { apiVersion: 'v1', kind: 'Service', ...named(name), spec: { selector: { app: name }, ports: [{ port: 80 }] } },
  {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', ...named(name) },
    spec: { template: { metadata: { labels: { app: name } }, spec: { serviceAccountName: name, containers: [] } } },
  },
]);
