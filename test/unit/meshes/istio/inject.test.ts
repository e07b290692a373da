import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
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
  const labelled = (labels: Record<string, string>): KubeObject => ({
    ...namespace,
    metadata: { name: 'shop', labels },
  });

  it('label the namespace, unless it names the revision of the injector itself', () => {
    expect(inject(namespace)[0]?.metadata.labels).to.deep.equal({ 'istio-injection': 'enabled' });
    for (const own of [{ 'istio-injection': 'enabled' }, { 'istio.io/rev': 'default' }])
      expect(inject(labelled(own))[0]?.metadata.labels).to.deep.equal(own);
  });

  for (const [why, labels, says] of [
    ['both labels', { 'istio-injection': 'enabled', 'istio.io/rev': 'canary' }, /ignores the revision/],
    ['a label that says no', { 'istio-injection': 'disabled' }, /would stay outside/],
    [
      'the revision of another injector',
      { 'istio.io/rev': 'canary' },
      /revision canary, and the lab's Istio is default/,
    ],
  ] as const)
    it(`are refused with ${why}: their pods would stay outside, silently`, () => {
      expect(() => inject(labelled(labels)))
        .to.throw(MeshproofError, says)
        .with.property('code', 'MESHPROOF_APP_INVALID');
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
