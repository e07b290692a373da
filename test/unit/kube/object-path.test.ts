import { expect } from 'chai';
import { collectionPathOf, pathOf, pluralOf } from '../../../src/kube/object-path.ts';

describe('API paths of objects', () => {
  const cases: [string, string, string | undefined, string][] = [
    ['v1', 'Pod', 'demo', '/api/v1/namespaces/demo/pods/x'],
    ['v1', 'Service', undefined, '/api/v1/namespaces/default/services/x'],
    ['v1', 'Namespace', undefined, '/api/v1/namespaces/x'],
    ['v1', 'Node', undefined, '/api/v1/nodes/x'],
    ['v1', 'Endpoints', 'demo', '/api/v1/namespaces/demo/endpoints/x'],
    ['apps/v1', 'Deployment', 'demo', '/apis/apps/v1/namespaces/demo/deployments/x'],
    ['apps/v1', 'Deployment', undefined, '/apis/apps/v1/namespaces/default/deployments/x'],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole', undefined, '/apis/rbac.authorization.k8s.io/v1/clusterroles/x'],
    ['networking.k8s.io/v1', 'NetworkPolicy', 'a', '/apis/networking.k8s.io/v1/namespaces/a/networkpolicies/x'],
    ['networking.k8s.io/v1', 'Ingress', 'a', '/apis/networking.k8s.io/v1/namespaces/a/ingresses/x'],
    ['networking.istio.io/v1', 'VirtualService', 'a', '/apis/networking.istio.io/v1/namespaces/a/virtualservices/x'],
    [
      'consul.hashicorp.com/v1alpha1',
      'ServiceDefaults',
      'a',
      '/apis/consul.hashicorp.com/v1alpha1/namespaces/a/servicedefaults/x',
    ],
    ['gateway.networking.k8s.io/v1', 'GatewayClass', undefined, '/apis/gateway.networking.k8s.io/v1/gatewayclasses/x'],
  ];
  for (const [apiVersion, kind, namespace, path] of cases) {
    it(`${kind} ${namespace === undefined ? 'without a namespace' : `in ${namespace}`} is ${path}`, () => {
      expect(pathOf({ apiVersion, kind, metadata: { name: 'x', namespace } })).to.equal(path);
      expect(`${collectionPathOf({ apiVersion, kind, metadata: { namespace } })}/x`).to.equal(path);
    });
  }

  it('makes plurals as Kubernetes does', () => {
    expect(['Gateway', 'Policy', 'StorageClass', 'ServiceIntentions'].map(pluralOf)).to.deep.equal([
      'gateways',
      'policies',
      'storageclasses',
      'serviceintentions',
    ]);
  });
});
