import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { injectable } from '../../../../src/meshes/injectable.ts';
import { parse } from 'yaml';
import { injectionMarks, ownInjection, type Injection } from '../../../../src/meshes/istio/inject.ts';

const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
const workload = (name: string, pod: object = {}, labels: Record<string, string> = { app: name }): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: { template: { metadata: { labels }, spec: { containers: [{ name: 'app' }], ...pod } } },
});
const injectedBy = (injection: Injection, ...objects: KubeObject[]) =>
  injectable(objects, { namespace: 'shop', marks: injectionMarks(injection) });
const inject = (...objects: KubeObject[]) => injectedBy(ownInjection('default'), ...objects);
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

  it('ask by the revision where meshproof’s own Istio has one', () => {
    const canary = (labels: Record<string, string>) => injectedBy(ownInjection('canary'), labelled(labels));
    expect(canary({})[0]?.metadata.labels).to.deep.equal({ 'istio.io/rev': 'canary' });
    expect(canary({ 'istio.io/rev': 'canary' })[0]?.metadata.labels).to.deep.equal({ 'istio.io/rev': 'canary' });
    expect(() => canary({ 'istio-injection': 'enabled' })).to.throw(MeshproofError, /asks for the default injector/);
    expect(() => canary({ 'istio.io/rev': 'default' })).to.throw(MeshproofError, /revision default/);
  });

  describe('of an Istio that was there', () => {
    const adopted: Injection = {
      revision: 'canary',
      names: ['canary', 'prod'],
      label: { 'istio.io/rev': 'prod' },
      settingsByPod: true,
    };
    const settings = (annotations: Record<string, string> = {}): unknown => {
      const bare = workload('web');
      bare.spec.template.metadata.annotations = annotations;
      const [, , web] = injectedBy(adopted, namespace, bare);
      return parse(web?.spec.template.metadata.annotations['proxy.istio.io/config'] as string);
    };

    it('ask by the name that was chosen, or by another of the same revision', () => {
      expect(injectedBy(adopted, namespace)[0]?.metadata.labels).to.deep.equal({ 'istio.io/rev': 'prod' });
      const own = { 'istio.io/rev': 'canary' };
      expect(injectedBy(adopted, labelled(own))[0]?.metadata.labels).to.deep.equal(own);
    });

    it('are refused where its webhooks would leave the namespace out, with the reason', () => {
      const trouble = () => 'no webhook takes them';
      expect(() => injectedBy({ ...adopted, trouble }, namespace))
        .to.throw(MeshproofError, /Namespace shop would be left outside of the mesh: no webhook takes them/)
        .with.property('code', 'MESHPROOF_APP_INVALID');
      const seen: unknown[] = [];
      injectedBy({ ...adopted, trouble: (place) => void seen.push(place) as undefined }, labelled({ team: 'a' }));
      expect(seen).to.deep.equal([{ name: 'shop', labels: { team: 'a', 'istio.io/rev': 'prod' } }]);
    });

    it('say by pod what meshproof’s own Istio says for all: counters, and how long old connections live', () => {
      expect(settings()).to.deep.equal({ drainDuration: '2s', proxyStatsMatcher: { inclusionRegexps: ['.*'] } });
    });

    it('keep what a pod says itself of its proxy, and add to the counters', () => {
      const own =
        'concurrency: 1\ndrainDuration: 7s\nproxyStatsMatcher: {inclusionPrefixes: [http], inclusionRegexps: [a.*]}';
      expect(settings({ 'proxy.istio.io/config': own })).to.deep.equal({
        concurrency: 1,
        drainDuration: '7s',
        proxyStatsMatcher: { inclusionPrefixes: ['http'], inclusionRegexps: ['a.*', '.*'] },
      });
    });
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
