import { expect } from 'chai';
import { MeshproofError } from '../../../../src/base/errors.ts';
import type { KubeObject } from '../../../../src/kube/types.ts';
import { chooseIstio, refuseForeign, refuseOldDefinitions } from '../../../../src/meshes/istio/choose.ts';
import { readFound, type FoundIstio } from '../../../../src/meshes/istio/found.ts';
import { injectionTrouble, takenBy } from '../../../../src/meshes/istio/injectors.ts';
import { definition, injector, istiod } from './cluster.ts';

const found = (...objects: KubeObject[]): FoundIstio => {
  const of = (kind: string): KubeObject[] => objects.filter((object) => object.kind === kind);
  return readFound(of('Deployment'), of('MutatingWebhookConfiguration'), of('CustomResourceDefinition'));
};
const refused = (work: () => unknown): { code: string; message: string; hint: string } => {
  try {
    work();
  } catch (error) {
    if (error instanceof MeshproofError) return error;
    throw error;
  }
  return expect.fail('it was taken');
};
const whole = (revision: string): KubeObject[] => [istiod(revision), injector(revision)];

describe('the Istio that is meant', () => {
  const chosen = (objects: KubeObject[], asked?: string) => {
    const { revision, tags, label } = chooseIstio(found(...objects), asked);
    return { revision, tags, label };
  };

  it('is the default one where nobody says which: the revision of that name, or the one its tag stands for', () => {
    expect(chosen([...whole('canary'), ...whole('default')])).to.deep.equal({
      revision: 'default',
      tags: [],
      label: { 'istio-injection': 'enabled' },
    });
    expect(chosen([...whole('old'), ...whole('new'), injector('new', { tag: 'default' })])).to.deep.equal({
      revision: 'new',
      tags: ['default'],
      label: { 'istio-injection': 'enabled' },
    });
  });

  it('is the only one where there is no default: a namespace asks for it by its revision', () => {
    expect(chosen(whole('canary'))).to.deep.equal({
      revision: 'canary',
      tags: [],
      label: { 'istio.io/rev': 'canary' },
    });
  });

  it('is the revision or the tag that is asked for, and the namespace asks by the same name', () => {
    const both = [...whole('default'), ...whole('canary'), injector('canary', { tag: 'prod' })];
    expect(chosen(both, 'canary')).to.deep.equal({
      revision: 'canary',
      tags: ['prod'],
      label: { 'istio.io/rev': 'canary' },
    });
    expect(chosen(both, 'prod').label).to.deep.equal({ 'istio.io/rev': 'prod' });
    expect(chosen(both, 'prod').revision).to.equal('canary');
    expect(chosen(both, 'default').label).to.deep.equal({ 'istio-injection': 'enabled' });
  });

  const unknown: [string, KubeObject[], string | undefined, RegExp][] = [
    ['there is none', [], undefined, /There is no Istio in this cluster/],
    [
      'there are several, and none is the default',
      [...whole('a'), ...whole('b')],
      undefined,
      /revision a .*revision b/,
    ],
    [
      'the one asked for is not there',
      [...whole('a'), injector('a', { tag: 'prod' })],
      'b',
      /revision or tag b: revision a \(istio-system\/istiod-a\), tag prod \(a\)/,
    ],
    [
      'one revision is there twice',
      [...whole('default'), istiod('default', { namespace: 'istio-two' })],
      undefined,
      /twice, in istio-system and istio-two/,
    ],
  ];
  for (const [why, objects, asked, says] of unknown)
    it(`is not known where ${why}`, () => {
      const error = refused(() => chooseIstio(found(...objects), asked));
      expect(error).to.include({ code: 'MESHPROOF_MESH_UNKNOWN', exitCode: 3 });
      expect(error.message).to.match(says);
    });

  const half: [string, KubeObject[], string | undefined, RegExp][] = [
    [
      'a webhook without an istiod',
      [injector('default')],
      undefined,
      /istio-sidecar-injector asks .*istio-system\/istiod/,
    ],
    ['CRDs alone', [definition('envoyfilters.networking.istio.io', ['v1alpha3'])], undefined, /1 CRD/],
    ['an istiod that nobody asks for sidecars', [istiod('canary')], undefined, /no webhook injects for .*canary/],
    [
      'a webhook whose revision is gone',
      [...whole('default'), injector('old')],
      'old',
      /istio-sidecar-injector-old asks .*istiod-old, and revision old has no istiod/,
    ],
    [
      'a tag whose revision is gone',
      [...whole('default'), injector('old', { tag: 'prod' })],
      'prod',
      /tag prod stands for revision old, which has no istiod/,
    ],
  ];
  for (const [what, objects, asked, says] of half)
    it(`is half of one: ${what}`, () => {
      const error = refused(() => chooseIstio(found(...objects), asked));
      expect(error).to.include({ code: 'MESHPROOF_MESH_CONFLICT', exitCode: 3 });
      expect(error.message).to.match(says);
      expect(error.hint).to.include('istioctl uninstall');
    });
});

describe('an Istio that is there when meshproof installs its own', () => {
  const ours = { by: 'meshproof' };
  const refuse = (...objects: KubeObject[]) => refused(() => refuseForeign(found(...objects), 'default'));

  it('is no trouble where it is its own, whole or left half made by a run that was killed, with tags of the user', () => {
    refuseForeign(found(), 'default');
    refuseForeign(found(definition('envoyfilters.networking.istio.io', ['v1alpha3'], ours)), 'default');
    refuseForeign(found(istiod('default', ours), injector('default', ours)), 'default');
    refuseForeign(
      found(istiod('default', ours), injector('default', ours), injector('default', { tag: 'prod' })),
      'default',
    );
  });

  it('is refused where somebody else installed it: adopting is offered', () => {
    const { code, message, hint } = refuse(...whole('canary'));
    expect(code).to.equal('MESHPROOF_MESH_CONFLICT');
    expect(message).to.include('revision canary (istio-system/istiod-canary)');
    expect(hint).to.include('--mesh-installed');
  });

  it('is refused where it is meshproof’s own of another revision', () => {
    expect(refuse(istiod('canary', ours)).message).to.match(/is revision canary, and default is asked for/);
  });

  it('is refused where parts of another are left: what there is is named', () => {
    const { message } = refuse(injector('old'), definition('envoyfilters.networking.istio.io', ['v1alpha3']));
    expect(message).to.match(
      /webhook istio-sidecar-injector-old asks Service istio-system\/istiod-old; CRD envoyfilters/,
    );
    expect(message).to.include('stored as v1alpha3');
    expect(refuse(istiod('default', ours), injector('old')).message).to.include('istio-sidecar-injector-old');
  });
});

describe('CRDs of an Istio that is adopted', () => {
  const needed = { 'virtualservices.networking.istio.io': 'v1' };

  it('must have the versions that meshproof writes', () => {
    refuseOldDefinitions(found(definition('virtualservices.networking.istio.io', ['v1beta1', 'v1'])), needed);
    const old = refused(() =>
      refuseOldDefinitions(found(definition('virtualservices.networking.istio.io', ['v1alpha3', 'v1beta1'])), needed),
    );
    expect(old.code).to.equal('MESHPROOF_MESH_CONFLICT');
    expect(old.message).to.include('virtualservices.networking.istio.io has v1alpha3, v1beta1 and not v1');
    expect(refused(() => refuseOldDefinitions(found(), needed)).message).to.include('is not there');
  });
});

describe('which injector takes the pods of a namespace', () => {
  const { injectors } = found(injector('default'), injector('canary'), injector('canary', { tag: 'prod' }));
  const names = (labels: Record<string, string>, pod?: Record<string, string>): string[] =>
    takenBy(injectors, { name: 'shop', labels }, pod).map(({ name }) => name);
  const trouble = (revision: string, labels: Record<string, string>): string | undefined =>
    injectionTrouble(injectors, { revision, place: { name: 'shop', labels } });

  it('is told by its labels, as the API server goes by the webhooks’ selectors', () => {
    expect(names({})).to.deep.equal([]);
    expect(names({ 'istio-injection': 'enabled' })).to.deep.equal(['istio-sidecar-injector']);
    expect(names({ 'istio.io/rev': 'canary' })).to.deep.equal(['istio-sidecar-injector-canary']);
    expect(names({ 'istio.io/rev': 'prod' })).to.deep.equal(['istio-revision-tag-prod']);
    expect(names({}, { 'istio.io/rev': 'canary' })).to.deep.equal(['istio-sidecar-injector-canary']);
    expect(names({}, { 'sidecar.istio.io/inject': 'true' })).to.deep.equal(['istio-sidecar-injector']);
    expect(names({ 'istio.io/rev': 'canary' }, { 'sidecar.istio.io/inject': 'false' })).to.deep.equal([]);
  });

  it('is the one that is wanted, or there is trouble: what each webhook lacks', () => {
    expect(trouble('canary', { 'istio.io/rev': 'canary' })).to.equal(undefined);
    expect(trouble('canary', { 'istio.io/rev': 'prod' })).to.equal(undefined);
    expect(trouble('canary', {})).to.match(
      /no webhook of revision canary takes its pods: .*wants istio\.io\/rev In \[canary\]/,
    );
  });

  it('is another one where two labels contradict: Istio ignores the revision', () => {
    expect(trouble('canary', { 'istio.io/rev': 'canary', 'istio-injection': 'enabled' })).to.match(
      /the injector of revision default takes its pods \(webhook istio-sidecar-injector\), not that of canary/,
    );
  });

  it('may leave a namespace out by its name', () => {
    const [picky] = found(injector('default')).injectors;
    const webhooks = picky!.webhooks.map((webhook) => ({
      ...webhook,
      namespaceSelector: {
        matchExpressions: [
          ...(webhook.namespaceSelector?.matchExpressions ?? []),
          { key: 'kubernetes.io/metadata.name', operator: 'NotIn', values: ['shop'] },
        ],
      },
    }));
    expect(
      injectionTrouble([{ ...picky!, webhooks }], {
        revision: 'default',
        place: { name: 'shop', labels: { 'istio-injection': 'enabled' } },
      }),
    ).to.include('kubernetes.io/metadata.name NotIn [shop]');
  });
});
