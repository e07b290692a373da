import { expect } from 'chai';
import type { MeshproofError } from '../../../../src/base/errors.ts';
import { KubeApiError } from '../../../../src/kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../../../../src/kube/types.ts';
import type { MeshContext } from '../../../../src/meshes/adapter.ts';
import { adoptionTrouble, adoptIstio, sidecarRevision } from '../../../../src/meshes/istio/adopt.ts';
import { caveatsOf } from '../../../../src/meshes/istio/caveats.ts';
import { chooseIstio } from '../../../../src/meshes/istio/choose.ts';
import { readFound } from '../../../../src/meshes/istio/found.ts';
import { meshConfigOf, overlooks } from '../../../../src/meshes/istio/mesh-config.ts';
import { definition, injector, istiod } from './cluster.ts';

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
    expect(caveatsOf({ ...installation, adopted: false, release: '1.31.4' }, '1.31.4').join())
      .to.include('Istio 1.31.4 is its makers’ own release')
      .and.not.to.include('plain Envoy');
  });
});

describe('an Istio that is there, and does not answer', () => {
  const path = '/api/v1/namespaces/default/pods/meshproof-injected?dryRun=All';
  const canary = istiod('canary');
  const crds = [
    definition('peerauthentications.security.istio.io', ['v1']),
    definition('authorizationpolicies.security.istio.io', ['v1']),
    definition('destinationrules.networking.istio.io', ['v1']),
    definition('virtualservices.networking.istio.io', ['v1']),
    definition('envoyfilters.networking.istio.io', ['v1alpha3']),
  ];
  /** A cluster with it, and with what comes of a dry run. */
  const adopting = async (
    inject: () => Promise<KubeObject>,
    { ready = true, definitions = crds }: { ready?: boolean; definitions?: KubeObject[] } = {},
  ): Promise<MeshproofError> => {
    const deployment = { ...canary, status: { readyReplicas: ready ? 1 : 0 } };
    const pods = [
      { ...pod(), metadata: { name: 'istiod-1', namespace: 'istio-system' }, status: { phase: 'Pending' } },
    ];
    const lists: Record<string, KubeObject[]> = {
      '/apis/apps/v1/deployments': [deployment],
      '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations': [injector('canary')],
      '/api/v1/namespaces/istio-system/pods': pods,
    };
    const kube = {
      list: async (asked: string) => lists[asked] ?? [],
      async get(asked: string) {
        if (asked.endsWith('/deployments/istiod-canary')) return deployment;
        const found = definitions.find(({ metadata }) => asked.endsWith(`/${metadata.name}`));
        if (found !== undefined) return found;
        if (asked === '/api/v1/namespaces/default') return { metadata: { name: 'default' } };
        throw new KubeApiError({ call: asked, httpStatus: 404, reason: 'NotFound', message: 'none' });
      },
      async patch(asked: string) {
        expect(asked, 'only a dry run').to.equal(path);
        return inject();
      },
    } as unknown as KubeClient;
    const { signal } = new AbortController();
    const context = { kube, namespace: 'shop', setup: { installed: true }, signal } as MeshContext;
    return adoptIstio(context, { deploys: true, timeoutMs: 50 }).then(
      () => expect.fail('it was adopted'),
      (error: MeshproofError) => error,
    );
  };
  const sidecar = (revision: string) => async (): Promise<KubeObject> => ({
    ...pod(revision),
    spec: { containers: [{ name: 'app' }, { name: 'istio-proxy' }] },
  });

  it('is not ready: what keeps its pod is told', async () => {
    const error = await adopting(sidecar('canary'), { ready: false });
    expect(error).to.include({ code: 'MESHPROOF_MESH_NOT_READY', exitCode: 3 });
    expect(error.message).to.match(/istiod of revision canary is ready: .*pod istio-system\/istiod-1 is not ready/);
  });

  it('has a webhook that is down: the API server’s words, and whose Service it is', async () => {
    const error = await adopting(async () => {
      const message = 'failed calling webhook "rev.object.sidecar-injector.istio.io": no endpoints available';
      throw new KubeApiError({ call: 'PATCH', httpStatus: 500, reason: 'InternalError', message });
    });
    expect(error.code).to.equal('MESHPROOF_MESH_NOT_READY');
    expect(error.message).to.include('no endpoints available');
    expect(error.hint).to.include('kubectl -n istio-system get service');
  });

  it('puts no sidecar into pods, or that of another revision', async () => {
    const none = await adopting(async () => ({ ...pod(), spec: { containers: [{ name: 'app' }] } }));
    expect(none.message).to.include('a pod that asks for a sidecar gets none');
    expect((await adopting(sidecar('old'))).message).to.include('a pod in default gets the sidecar of revision old');
  });

  it('has definitions of another version, or none', async () => {
    const definitions = [...crds.slice(0, 3), definition('virtualservices.networking.istio.io', ['v1beta1'])];
    const error = await adopting(sidecar('canary'), { definitions });
    expect(error.code).to.equal('MESHPROOF_MESH_CONFLICT');
    expect(error.message).to.match(/virtualservices.* has v1beta1 and not v1; envoyfilters.* is not there/);
  });
});
