import { expect } from 'chai';
import { parseAllDocuments } from 'yaml';
import { smiRows, type SmiRow } from '../../../src/library/smi.ts';
import { hundredths } from '../../../src/meshes/consul/smi.ts';
import type { MeshEntry } from '../../../src/meshes/define-mesh.ts';
import { meshes, type MeshName } from '../../../src/meshes/index.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { toy } from '../meshes/toy-mesh.ts';
import { around, groups, metrics, openTarget, split, splits, targets, tcpRoute } from './objects.ts';

const rowsOn = (mesh: MeshName, ...objects: KubeObject[]): SmiRow[] => smiRows(objects, around, meshes[mesh], 'shop');
const rowOn = (mesh: MeshName, ...objects: KubeObject[]): SmiRow => rowsOn(mesh, ...objects)[0]!;
/** A resource of a mesh, as far as the tests look into it. */
interface Resource {
  kind?: string;
  Kind?: string;
  Name?: string;
  spec?: {
    hosts?: string[];
    http?: { match?: object[]; route: { destination: object; weight?: number }[] }[];
    rules?: object[];
  };
  Routes?: object[];
}
const parsed = ({ yaml }: SmiRow): Resource[] => parseAllDocuments(yaml).map((document) => document.toJS() as Resource);

describe('what succeeds SMI objects on Istio', () => {
  it('a split is the weights of a VirtualService, the same share from every version', () => {
    for (const [version, object] of Object.entries(splits)) {
      const [virtualService] = parsed(rowOn('istio', object));
      expect(virtualService?.kind, version).to.equal('VirtualService');
      expect(virtualService?.spec?.hosts).to.deep.equal(['web.shop.svc.cluster.local']);
      const [first, second] = virtualService?.spec?.http?.[0]?.route ?? [];
      expect(first?.destination).to.deep.equal({ host: 'web-v1.shop.svc.cluster.local' });
      expect(first!.weight! / second!.weight!, version).to.equal(9);
    }
  });

  it('a split of some requests leaves the others where they go', () => {
    const some = split('v1alpha4', [{ service: 'web-v2', weight: 1 }], {
      matches: [{ kind: 'HTTPRouteGroup', name: 'routes' }],
    });
    const [virtualService] = parsed(rowOn('istio', some, groups.v1alpha4!));
    const [matched, rest] = virtualService?.spec?.http ?? [];
    expect(matched?.match).to.deep.equal([
      { uri: { regex: '/api/cart/.*' }, method: { regex: 'GET|HEAD' } },
      { headers: { 'user-agent': { regex: '.*Android.*' } } },
    ]);
    expect(rest).to.deep.equal({ route: [{ destination: { host: 'web.shop.svc.cluster.local' } }] });
  });

  it('a target is an AuthorizationPolicy for its requests, by the identity of its sources', () => {
    const [policy] = parsed(rowOn('istio', targets.v1alpha3!, groups.v1alpha4!));
    expect(policy?.spec).to.deep.equal({
      selector: { matchLabels: { app: 'cart' } },
      action: 'ALLOW',
      rules: [
        {
          from: [{ source: { principals: ['cluster.local/ns/shop/sa/web'] } }],
          to: [{ operation: { paths: ['/api/cart/*'], methods: ['GET', 'HEAD'] } }],
        },
      ],
    });
  });

  it('what an AuthorizationPolicy cannot say is left out, and lets nobody in where nothing is left', () => {
    const headers = { ...targets.v1alpha3!, spec: { ...targets.v1alpha3!.spec, rules: [rule('insiders')] } };
    const row = rowOn('istio', headers, groups.v1alpha4!);
    expect(row.notes).to.deep.equal(['insiders is left out: an AuthorizationPolicy has no regular expressions']);
    const [policy] = parsed(row);
    expect(policy?.spec?.rules).to.equal(undefined);
  });
});

const rule = (match: string) => ({ kind: 'HTTPRouteGroup', name: 'routes', matches: [match] });

describe('what succeeds SMI objects on Consul', () => {
  it('a split is a service-splitter whose weights add up to 100', () => {
    for (const [version, object] of Object.entries(splits)) {
      expect(parsed(rowOn('consul', object)), version).to.deep.equal([
        {
          Kind: 'service-splitter',
          Name: 'web',
          Splits: [
            { Weight: 90, Service: 'web-v1' },
            { Weight: 10, Service: 'web-v2' },
          ],
        },
      ]);
    }
  });

  it('shares add up whatever rounding does', () => {
    for (const weights of [[1, 1, 1], [2, 3, 5, 7, 11], [1], [0, 0, 0]]) {
      expect(
        hundredths(weights).reduce((sum, share) => sum + share, 0),
        `${weights}`,
      ).to.equal(10_000);
    }
    expect(hundredths([1, 1, 1]).toSorted()).to.deep.equal([3333, 3333, 3334]);
  });

  it('a split of some requests is a router to a service that splits', () => {
    const some = split('v1alpha4', [{ service: 'web-v2', weight: 1 }], {
      matches: [{ kind: 'HTTPRouteGroup', name: 'routes' }],
    });
    const [defaults, splitter, router] = parsed(rowOn('consul', some, groups.v1alpha4!));
    expect(defaults).to.deep.equal({ Kind: 'service-defaults', Name: 'web-split', Protocol: 'http' });
    expect(splitter).to.deep.include({ Kind: 'service-splitter', Name: 'web-split' });
    expect(router?.Name).to.equal('web');
    expect(router?.Routes?.[0]).to.deep.equal({
      Match: { HTTP: { PathRegex: '/api/cart/.*', Methods: ['GET', 'HEAD'] } },
      Destination: { Service: 'web-split' },
    });
  });

  it('a target is intentions, with permissions for its requests', () => {
    expect(parsed(rowOn('consul', targets.v1alpha3!, groups.v1alpha4!))).to.deep.equal([
      {
        Kind: 'service-intentions',
        Name: 'cart',
        Sources: [
          {
            Name: 'web',
            Permissions: [{ Action: 'allow', HTTP: { PathRegex: '/api/cart/.*', Methods: ['GET', 'HEAD'] } }],
          },
        ],
      },
    ]);
  });
});

describe('what succeeds SMI objects', () => {
  const knowing = (Object.keys(meshes) as MeshName[]).filter((mesh) => (meshes[mesh] as MeshEntry).smi !== undefined);

  it('a target without rules is a policy without a mesh in it, rendered by the mesh', () => {
    for (const mesh of knowing) {
      const row = rowOn(mesh, openTarget);
      expect(row.policies, mesh).to.deep.equal([{ kind: 'authorize', to: 'cart', from: ['web'] }]);
      expect(parsed(row), mesh).to.have.length(1);
      expect(row.yaml, mesh).to.contain('web').and.to.contain('cart');
    }
  });

  it('never lets through more than was asked: without its routes a target is not said at all', () => {
    for (const mesh of knowing) {
      const is = (note: string, ...objects: KubeObject[]): void =>
        expect(rowOn(mesh, ...objects)).to.deep.include({ policies: [], yaml: '', notes: [note] }) as never;
      is('the HTTPRouteGroup routes is not there', targets.v1alpha3!);
      const withRules = (...rules: object[]): KubeObject => ({ ...openTarget, spec: { ...openTarget.spec, rules } });
      is('the HTTPRouteGroup routes has no nope', withRules(rule('nope')), groups.v1alpha4!);
      const empty = { ...groups.v1alpha4!, spec: { matches: [] } };
      is('the HTTPRouteGroup routes matches nothing', withRules({ ...rule(''), matches: [] }), empty);
      const tcp = withRules({ kind: 'TCPRoute', name: 'db' });
      is('the TCPRoute db is not there', tcp);
      is('nothing here says a bound on ports, as the TCPRoute db does', tcp, tcpRoute([5432]));
      expect(rowOn(mesh, tcp, tcpRoute([])).policies, 'any port').to.have.length(1);
      const matches = [{ kind: 'HTTPRouteGroup', name: 'routes' }];
      is('the HTTPRouteGroup routes is not there', split('v1alpha4', [{ service: 'a', weight: 1 }], { matches }));
    }
  });

  it('says which account no service here has', () => {
    const strange = {
      ...openTarget,
      spec: { ...openTarget.spec, destination: { name: 'billing', namespace: 'bank' } },
    };
    expect(rowOn('istio', strange)).to.deep.include({
      yaml: '',
      notes: ['no service here has pods of the account bank/billing'],
    });
  });

  it('route groups and figures need nothing, and say why', () => {
    for (const row of rowsOn('istio', groups.v1alpha4!, metrics)) {
      expect(row.yaml).to.equal('');
      expect(row.notes).to.have.length(1);
    }
  });

  it('is unknown on a mesh that does not say', () => {
    const [row] = smiRows([splits.v1alpha2!], around, toy, 'shop');
    expect(row?.notes).to.deep.equal(['nobody knows yet what succeeds it on Toy']);
  });
});
