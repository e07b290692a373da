import { expect } from 'chai';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { adoptionTrouble, sidecarRevision } from '../../../../src/meshes/istio/adopt.ts';
import { caveatsOf } from '../../../../src/meshes/istio/caveats.ts';
import { chooseIstio } from '../../../../src/meshes/istio/choose.ts';
import { readFound } from '../../../../src/meshes/istio/found.ts';
import { meshConfigOf, overlooks } from '../../../../src/meshes/istio/mesh-config.ts';
import { injector, istiod } from './cluster.ts';

const found = readFound(
  [istiod('default'), istiod('canary')],
  [injector('default'), injector('canary'), injector('canary', { tag: 'prod' })],
  [],
);
const pod = (revision?: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: 'web-1',
    labels,
    ...(revision !== undefined && { annotations: { 'sidecar.istio.io/status': JSON.stringify({ revision }) } }),
  },
});

describe('whether an Istio can be adopted for an application', () => {
  const trouble = (
    labels: Record<string, string>,
    {
      pods = [],
      deploys = false,
      asked = 'canary',
      mesh = '',
    }: Partial<{
      pods: KubeObject[];
      deploys: boolean;
      asked: string;
      mesh: string;
    }> = {},
  ): string | undefined =>
    adoptionTrouble(
      { found, chosen: chooseIstio(found, asked), config: meshConfigOf(mesh) },
      { place: { name: 'shop', labels }, pods, deploys },
    );

  it('is so for a namespace that is still to be made, and for one whose pods it has', () => {
    expect(trouble({}, { deploys: true })).to.equal(undefined);
    expect(trouble({}, { deploys: true, asked: 'default' })).to.equal(undefined);
    expect(trouble({ 'istio.io/rev': 'prod' }, { pods: [pod('canary')] })).to.equal(undefined);
  });

  it('leaves pods alone that have no sidecar: they are a finding of every run', () => {
    expect(trouble({}, { pods: [pod()] })).to.equal(undefined);
  });

  it('is not so where the pods have the sidecar of another revision', () => {
    expect(trouble({ 'istio.io/rev': 'canary' }, { pods: [pod('default')] })).to.equal(
      'pod web-1 has the sidecar of revision default',
    );
  });

  it('is not so where a pod that is made anew would come up without its sidecar', () => {
    expect(trouble({}, { pods: [pod('canary')] })).to.match(
      /^a pod in the place of web-1 would not have its sidecar: no webhook of revision canary/,
    );
    const asks = pod('canary', { 'istio.io/rev': 'canary' });
    expect(trouble({}, { pods: [asks] }), 'it asks for it itself').to.equal(undefined);
  });

  it('is not so where the namespace asks for another injector', () => {
    expect(trouble({ 'istio-injection': 'enabled' }, { deploys: true })).to.match(/revision default takes its pods/);
  });

  it('is not so where istiod does not look at the namespace', () => {
    const mesh = 'discoverySelectors: [{ matchLabels: { team: a } }]';
    expect(trouble({}, { deploys: true, mesh })).to.match(/discoverySelectors take: team=a/);
    expect(trouble({ team: 'a' }, { deploys: true, mesh })).to.equal(undefined);
  });

  it('is not so where namespaces are taken that ask for nothing: nothing would be left for a control', () => {
    const auto = injector('default');
    auto['webhooks'].push({ name: 'auto.sidecar-injector.istio.io', clientConfig: auto['webhooks'][0].clientConfig });
    const greedy = readFound([istiod('default')], [auto], []);
    const said = adoptionTrouble(
      { found: greedy, chosen: chooseIstio(greedy), config: meshConfigOf('') },
      { place: { name: 'shop', labels: {} }, pods: [], deploys: true },
    );
    expect(said).to.match(/istio-sidecar-injector takes namespaces that ask for nothing/);
  });

  it('is told by what the injector writes on pods', () => {
    expect(sidecarRevision(pod('canary').metadata)).to.equal('canary');
    expect(sidecarRevision(pod().metadata)).to.equal(undefined);
    expect(sidecarRevision({ name: 'x', annotations: { 'sidecar.istio.io/status': '{}' } })).to.equal('default');
    expect(sidecarRevision({ name: 'x', annotations: { 'sidecar.istio.io/status': '{' } })).to.equal(undefined);
  });
});

describe('the configuration of a mesh that is there', () => {
  it('has a trust domain, and says at which namespaces istiod looks', () => {
    expect(meshConfigOf('')).to.deep.equal({ trustDomain: 'cluster.local', discoverySelectors: [] });
    const config = meshConfigOf(
      'trustDomain: prod.example\ndiscoverySelectors: [{matchLabels: {a: b}}, {matchLabels: {c: d}}]',
    );
    expect(config.trustDomain).to.equal('prod.example');
    expect(overlooks(config, { name: 'shop', labels: { c: 'd' } })).to.equal(undefined);
    expect(overlooks(config, { name: 'shop', labels: {} })).to.match(/a=b, or c=d/);
    expect(overlooks({ discoverySelectors: [] }, { name: 'shop', labels: {} })).to.equal(undefined);
  });

  it('is a caveat of the report: that it was adopted, and what holds only by meshproof', () => {
    const installation = {
      adopted: true,
      namespace: 'mesh',
      revision: 'canary',
      tags: ['prod'],
      deployment: 'istiod-canary',
      trustDomain: 'cluster.local',
    };
    const [first, second] = caveatsOf(installation, '1.30.2');
    expect(first).to.include(
      'Istio 1.30.2 was there before and was adopted: revision canary (tag prod), in namespace mesh',
    );
    expect(second).to.include('proxy.istio.io/config').and.to.include('PeerAuthentication');
    expect(caveatsOf({ ...installation, adopted: false }, '1.31').join())
      .to.include('plain Envoy')
      .and.not.to.include('adopted');
  });
});
