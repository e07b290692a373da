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
/** Among other Services than those of the shop. */
const rowAmong = (services: KubeObject[], mesh: MeshName, ...objects: KubeObject[]): SmiRow =>
  smiRows(objects, services, meshes[mesh], 'shop')[0]!;
const rowOn = (mesh: MeshName, ...objects: KubeObject[]): SmiRow => rowsOn(mesh, ...objects)[0]!;
/** A resource of a mesh, as far as the tests look into it. */
interface Resource {
  kind?: string;
  Kind?: string;
  Name?: string;
  metadata?: { name: string; namespace: string };
  spec?: {
    hosts?: string[];
    http?: { match?: object[]; route: { destination: object; weight?: number }[] }[];
    rules?: { matches?: object[]; backendRefs?: object[] }[];
    parentRefs?: object[];
    identities?: string[];
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
    const row = rowOn('consul', targets.v1alpha3!, groups.v1alpha4!);
    // A second entry for the service would replace the first.
    expect(JSON.stringify(row)).to.include('their Sources belong into one entry');
    expect(parsed(row)).to.deep.equal([
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

describe('what succeeds SMI objects on Linkerd', () => {
  const some = (...matches: object[]): KubeObject[] => [
    split('v1alpha4', [{ service: 'web-v2', weight: 1 }], { matches: [{ kind: 'HTTPRouteGroup', name: 'routes' }] }),
    { ...groups.v1alpha4!, spec: { matches } },
  ];
  const profile = 'a ServiceProfile of web, where there is one, switches it off';
  const policyApi = 'policy.linkerd.io';

  it('a split is the weights of an HTTPRoute of the Service, the same share from every version', () => {
    for (const [version, object] of Object.entries(splits)) {
      const row = rowOn('linkerd', object);
      const [route] = parsed(row);
      expect(route, version).to.deep.include({
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'HTTPRoute',
        // The user's own: no prefix, and no label by which meshproof would take it away.
        metadata: { name: 'web-canary', namespace: 'shop' },
      });
      expect(route?.spec?.parentRefs).to.deep.equal([{ group: '', kind: 'Service', name: 'web', port: 80 }]);
      const backends = route?.spec?.rules?.[0]?.backendRefs as { name: string; port: number; weight: number }[];
      expect(backends.map(({ name, port }) => `${name}:${port}`)).to.deep.equal(['web-v1:80', 'web-v2:80']);
      expect(backends[0]!.weight / backends[1]!.weight, version).to.equal(9);
      expect(
        backends.every(({ weight }) => Number.isInteger(weight)),
        version,
      ).to.equal(true);
      expect(row.notes).to.deep.equal([profile]);
    }
  });

  it('a split of some requests leaves the others where they go: without a rule they would get 404', () => {
    const matches = (groups.v1alpha4!.spec as { matches: object[] }).matches;
    const [route] = parsed(rowOn('linkerd', ...some(...matches)));
    const path = { type: 'RegularExpression', value: '/api/cart/.*' };
    expect(route?.spec?.rules).to.deep.equal([
      {
        matches: [
          { path, method: 'GET' },
          { path, method: 'HEAD' },
          { headers: [{ type: 'RegularExpression', name: 'user-agent', value: '.*Android.*' }] },
        ],
        backendRefs: [{ name: 'web-v2', port: 80, weight: 1 }],
      },
      { backendRefs: [{ name: 'web', port: 80 }] },
    ]);
  });

  it('a rule has no more matches than its definition allows', () => {
    const many = Array.from({ length: 5 }, (_, index) => ({
      name: `m${index}`,
      methods: ['GET', 'PUT'],
      pathRegex: '/',
    }));
    const [route] = parsed(rowOn('linkerd', ...some(...many)));
    expect(route?.spec?.rules?.map(({ matches = [] }) => matches.length)).to.deep.equal([8, 2, 0]);
  });

  it('what an HTTPRoute cannot say is left out, and splits nothing where nothing is left', () => {
    const purge = 'PURGE of p is left out: an HTTPRoute knows no such method';
    const partly = rowOn('linkerd', ...some({ name: 'p', methods: ['PURGE', 'GET'] }));
    expect(parsed(partly)[0]?.spec?.rules?.[0]?.matches).to.deep.equal([{ method: 'GET' }]);
    expect(partly.notes).to.deep.equal([purge, profile]);
    const nothing = rowOn('linkerd', ...some({ name: 'p', methods: ['PURGE'] }));
    expect(nothing).to.deep.include({ yaml: '', notes: [purge] });
  });

  it('each port of a Service that speaks HTTP has a split, on the same port of the others', () => {
    const ports = [
      { port: 80, appProtocol: 'http' },
      { port: 9000, targetPort: 'admin' },
      { port: 5432, appProtocol: 'tcp' },
    ];
    const several = around.map((object) =>
      object.kind === 'Service' && ['web', 'web-v1'].includes(object.metadata.name)
        ? { ...object, spec: { ...object.spec, ports } }
        : object,
    );
    const row = rowAmong(several, 'linkerd', splits.v1alpha2!);
    expect(parsed(row).map(({ metadata }) => metadata?.name)).to.deep.equal(['web-canary-80', 'web-canary-9000']);
    expect(row.notes).to.deep.equal([
      'port 5432 is not HTTP: an HTTPRoute does not split it',
      'there is no Service web-v2 with port 9000 here: its share would be errors',
      profile,
    ]);
    expect(rowAmong([], 'linkerd', splits.v1alpha2!)).to.deep.include({
      yaml: '',
      notes: ['there is no Service web here'],
    });
  });

  it('a target without rules is a Server that lets in who proves to be one of its sources', () => {
    const row = rowOn('linkerd', openTarget);
    const named = (kind: string, name: string) => ({ group: policyApi, kind, name });
    expect(parsed(row).map(({ kind, metadata, spec }) => [kind, metadata, spec])).to.deep.equal([
      [
        'MeshTLSAuthentication',
        { name: 'cart', namespace: 'shop' },
        { identities: ['web.shop.serviceaccount.identity.linkerd.cluster.local'] },
      ],
      [
        'Server',
        { name: 'cart-80', namespace: 'shop' },
        { podSelector: { matchLabels: { app: 'cart' } }, port: 80, proxyProtocol: 'unknown' },
      ],
      [
        'AuthorizationPolicy',
        { name: 'cart-80', namespace: 'shop' },
        {
          targetRef: named('Server', 'cart-80'),
          requiredAuthenticationRefs: [named('MeshTLSAuthentication', 'cart')],
        },
      ],
    ]);
    expect(row.notes).to.have.length(1);
    expect(row.notes[0]).to.match(/^of several Servers .* the oldest counts/);
  });

  it('a target with routes lets in by an HTTPRoute of the Server alone: nobody is let in by the Server itself', () => {
    const row = rowOn('linkerd', targets.v1alpha3!, groups.v1alpha4!);
    const resources = parsed(row);
    expect(resources.map(({ kind, metadata }) => `${kind}/${metadata?.name}`)).to.deep.equal([
      'Server/cart-80',
      'MeshTLSAuthentication/cart-requests',
      'HTTPRoute/cart-requests',
      'AuthorizationPolicy/cart-requests',
    ]);
    const [, proof, route, policy] = resources;
    expect(proof?.spec?.identities).to.deep.equal(['web.shop.serviceaccount.identity.linkerd.cluster.local']);
    const path = { type: 'RegularExpression', value: '/api/cart/.*' };
    expect(route?.spec).to.deep.equal({
      parentRefs: [{ group: policyApi, kind: 'Server', name: 'cart-80' }],
      rules: [
        {
          matches: [
            { path, method: 'GET' },
            { path, method: 'HEAD' },
          ],
        },
      ],
    });
    expect(policy?.spec).to.deep.equal({
      targetRef: { group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', name: 'cart-requests' },
      requiredAuthenticationRefs: [{ group: policyApi, kind: 'MeshTLSAuthentication', name: 'cart-requests' }],
    });
    expect(row.notes.join('; ')).to.include('404').and.to.include('probes');
  });

  it('lets nobody in where no request can be said, or nobody may send it', () => {
    const purge = { ...groups.v1alpha4!, spec: { matches: [{ name: 'read', methods: ['PURGE'] }] } };
    expect(parsed(rowOn('linkerd', targets.v1alpha3!, purge)).map(({ kind }) => kind)).to.deep.equal(['Server']);
    const nobody = (target: KubeObject): KubeObject => ({ ...target, spec: { ...target.spec, sources: [] } });
    for (const target of [openTarget, targets.v1alpha3!])
      expect(parsed(rowOn('linkerd', nobody(target), groups.v1alpha4!)).map(({ kind }) => kind)).to.deep.equal([
        'Server',
      ]);
  });

  it('a target with routes lets nobody in at a port that is not HTTP', () => {
    const tcp = around.map((object) =>
      object.kind === 'Service'
        ? { ...object, spec: { ...object.spec, ports: [{ port: 80, appProtocol: 'tcp' }] } }
        : object,
    );
    const row = rowAmong(tcp, 'linkerd', targets.v1alpha3!, groups.v1alpha4!);
    expect(
      parsed(row).map(({ kind, spec }) => [kind, (spec as { proxyProtocol: string }).proxyProtocol]),
    ).to.deep.equal([['Server', 'opaque']]);
    expect(row.notes).to.include('port 80 of cart is not HTTP: nobody is let in there');
  });
});

describe('what succeeds SMI objects', () => {
  const knowing = (Object.keys(meshes) as MeshName[]).filter((mesh) => (meshes[mesh] as MeshEntry).smi !== undefined);

  it('a target without rules is a policy without a mesh in it, rendered by the mesh', () => {
    for (const mesh of knowing) {
      const row = rowOn(mesh, openTarget);
      expect(row.policies, mesh).to.deep.equal([{ kind: 'authorize', to: 'cart', from: ['web'] }]);
      expect(parsed(row), mesh).not.to.be.empty;
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
      is('nothing here says what the UDPRoute dns does', withRules({ kind: 'UDPRoute', name: 'dns' }));
      const matches = [{ kind: 'HTTPRouteGroup', name: 'routes' }];
      is('the HTTPRouteGroup routes is not there', split('v1alpha4', [{ service: 'a', weight: 1 }], { matches }));
    }
  });

  it('lets in all whom several targets without rules let in: the last one written would stand alone', () => {
    const sources = [{ kind: 'ServiceAccount', name: 'web-v2', namespace: 'shop' }];
    const renamed = (name: string, spec: object): KubeObject => ({
      ...openTarget,
      metadata: { ...openTarget.metadata, name },
      spec: { ...openTarget.spec, ...spec },
    });
    const second = renamed('second', { sources });
    // It bounds who may call: nothing of it is said.
    const bounded = renamed('bounded', { sources, rules: [{ kind: 'TCPRoute', name: 'db' }] });
    for (const mesh of knowing) {
      const rows = rowsOn(mesh, openTarget, second);
      for (const { policies } of rows)
        expect(policies, mesh).to.deep.equal([{ kind: 'authorize', to: 'cart', from: ['web', 'web-v2'] }]);
      expect(rows[0]!.yaml, mesh).to.equal(rows[1]!.yaml);
      expect(rows[0]!.notes).to.include('with those whom the TrafficTarget second lets in too');
      const alone = rowsOn(mesh, openTarget, bounded, tcpRoute([80]))[0]!;
      expect(alone.policies, mesh).to.deep.equal([{ kind: 'authorize', to: 'cart', from: ['web'] }]);
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
