import { expect } from 'chai';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { injectable } from '../../../../src/meshes/injectable.ts';
import { injectionMarks } from '../../../../src/meshes/istio/inject.ts';

const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const workload = (name: string, pod: object = {}, labels: Record<string, string> = { app: name }): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { template: { metadata: { labels }, spec: { containers: [{ name: 'app' }], ...pod } } },
});
const inject = (...objects: KubeObject[]) => injectable(objects, { namespace: 'shop', marks: injectionMarks });
const named = (objects: readonly KubeObject[], kind: string) => objects.filter((object) => object.kind === kind);

describe("manifests for Istio's injector", () => {
  it('label the namespace, and leave a label that is there', () => {
    expect(inject(namespace)[0]?.metadata.labels).to.deep.equal({ 'istio-injection': 'enabled' });
    const own = { ...namespace, metadata: { name: 'shop', labels: { 'istio-injection': 'disabled' } } };
    expect(inject(own)[0]?.metadata.labels).to.deep.equal({ 'istio-injection': 'disabled' });
  });

  it('give each service an account of its own, before its workload, where it has none', () => {
    const objects = inject(namespace, workload('web'), workload('cart', { serviceAccountName: 'till' }));
    expect(named(objects, 'ServiceAccount').map(({ metadata }) => metadata)).to.deep.equal([
      { name: 'web', namespace: 'shop' },
    ]);
    const accounts = named(objects, 'Deployment').map(({ spec }) => spec.template.spec.serviceAccountName as string);
    expect(accounts).to.deep.equal(['web', 'till']);
    expect(objects.map(({ kind }) => kind)).to.deep.equal(['Namespace', 'ServiceAccount', 'Deployment', 'Deployment']);
  });

  it('leave what is to stay outside, and what is elsewhere, as it is', () => {
    const outside = workload('web', {}, { app: 'web', 'sidecar.istio.io/inject': 'false' });
    const elsewhere = { ...workload('web'), metadata: { name: 'web', namespace: 'other' } };
    expect(inject(outside, elsewhere)).to.deep.equal([outside, elsewhere]);
  });

  it('do not change what they were given', () => {
    const given = workload('web');
    const before = structuredClone(given);
    inject(given);
    expect(given).to.deep.equal(before);
  });
});
