import { expect } from 'chai';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { meshed } from '../../../../src/meshes/linkerd/inject.ts';
import { profilesOf } from '../../../../src/meshes/linkerd/service-profile/manifests.ts';

const workload = (name: string, annotations?: Record<string, string>): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    template: { metadata: { labels: { app: name }, ...(annotations && { annotations }) }, spec: { containers: [{}] } },
  },
});
const service = (name: string, appProtocol: string, annotations?: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, ...(annotations && { annotations }) },
  spec: { ports: [{ port: 5432, appProtocol }] },
});
const marksOf = (object: KubeObject | undefined): unknown => object?.spec.template.metadata.annotations;

describe('manifests of an app whose callers go by ServiceProfiles', () => {
  it('have one that says nothing for every HTTP service, unless they have one of their own', () => {
    const theirs: KubeObject = {
      apiVersion: 'linkerd.io/v1alpha2',
      kind: 'ServiceProfile',
      metadata: { name: 'api.shop.svc.cluster.local' },
    };
    const elsewhere = service('far', 'http');
    elsewhere.metadata.namespace = 'other';
    const objects = [service('web', 'http'), service('api', 'http'), theirs, service('db', 'tcp'), elsewhere];
    const [own, ...others] = profilesOf(objects, 'shop');
    expect(others).to.deep.equal([]);
    expect(own).to.deep.include({
      kind: 'ServiceProfile',
      spec: { routes: [{ name: 'all', condition: { pathRegex: '.*' } }] },
    });
    expect(own!.metadata).to.deep.include({ name: 'web.shop.svc.cluster.local', namespace: 'shop' });
  });
});

describe("manifests for Linkerd's injector", () => {
  it('ask for a sidecar pod by pod, and leave out who wants to stay outside', () => {
    const [, web, outside] = meshed([workload('web'), workload('old', { 'linkerd.io/inject': 'disabled' })], 'shop');
    expect(marksOf(web)).to.deep.equal({ 'linkerd.io/inject': 'enabled' });
    expect(marksOf(outside)).to.deep.equal({ 'linkerd.io/inject': 'disabled' });
  });

  it('give a pod on its own the same, with an account of its service', () => {
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'load', labels: { app: 'loadgen' } },
      spec: { containers: [{}] },
    };
    const [account, load] = meshed([pod], 'shop');
    expect(account).to.deep.include({ kind: 'ServiceAccount', metadata: { name: 'loadgen', namespace: 'shop' } });
    expect(load?.metadata.annotations).to.deep.equal({ 'linkerd.io/inject': 'enabled' });
  });

  it('say which ports speak no HTTP, unless the user does', () => {
    const opaque = (object: KubeObject) => meshed([object], 'shop')[0]?.metadata.annotations;
    expect(opaque(service('db', 'tcp'))).to.deep.equal({ 'config.linkerd.io/opaque-ports': '5432' });
    expect(opaque(service('db', 'tcp', { 'config.linkerd.io/opaque-ports': '' }))).to.deep.equal({
      'config.linkerd.io/opaque-ports': '',
    });
    expect(opaque(service('web', 'http'))).to.equal(undefined);
  });
});
