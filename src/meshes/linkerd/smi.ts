import { stringify } from 'yaml';
import type { Json } from '../../base/json.ts';
import type { ServicePort } from '../../kube/service-ports.ts';
import type { TrafficSplit } from '../../smi/model.ts';
import type { SmiSuccessors, SmiWorld } from '../../smi/successor.ts';
import { wholeWeights } from '../../smi/weights.ts';
import { isOpaque } from './inject.ts';
import { identityName } from './names.ts';
import { serversOf } from './policies/authorize.ts';
import { renderPolicies } from './render-policies.ts';
import { kinds, splitResourceId, type Content, type Kind, type World } from './resources.ts';
import { routeMatches } from './route-matches.ts';

/**
 * SMI in Linkerd’s own words: an HTTPRoute for splits; for targets Servers, and AuthorizationPolicies for these or for an HTTPRoute.
 * They are the user’s, so they have neither meshproof’s prefix nor the label by which it takes its own away.
 */
export const linkerdSmi: SmiSuccessors = {
  split(split, matches, world) {
    const ports = world.portsOf(split.service);
    if (ports.length === 0) return { policies: [], yaml: '', notes: [`there is no Service ${split.service} here`] };
    const { rules, notes } = routeMatches(matches);
    const unsayable = matches.length > 0 && rules.length === 0;
    const splitPorts = unsayable ? [] : ports.filter(isHttp).map(({ port }) => port);
    const routes = splitPorts.map((port) => {
      const name = splitPorts.length === 1 ? split.name : `${split.name}-${port}`;
      return yamlOf('HTTPRoute', name, splitRoute(split, port, rules), world);
    });
    return {
      policies: [],
      yaml: routes.join('---\n'),
      notes: [
        ...notes,
        ...opaque(ports).map((port) => `port ${port} is not HTTP: an HTTPRoute does not split it`),
        ...splitPorts.flatMap((port) => withoutPort(split, port, world)),
        ...(routes.length > 0 ? [`a ServiceProfile of ${split.service}, where there is one, switches it off`] : []),
      ],
    };
  },

  callers(policies, world) {
    const rendered = [...renderPolicies(policies, { ...linkerdWorld(world), annotationsOf: () => ({}) })];
    const objects = rendered.flatMap(([id, value]) => {
      const { kind, name } = splitResourceId(id);
      const content = value as Content | null;
      return content === null ? [] : [yamlOf(kind, name, content.spec, world)];
    });
    return { yaml: objects.join('---\n'), notes: [oldestServer] };
  },

  requests(target, matches, { to, from }, world) {
    const { rules, notes } = routeMatches(matches);
    const servers = to.flatMap((service) => serversOf(service, linkerdWorld(world)));
    // Of HTTP alone: a route says nothing of others, and a Server by itself lets nobody in.
    const parentRefs = to.flatMap((service) =>
      world
        .portsOf(service)
        .filter(isHttp)
        .map(({ port }) => ({ group, kind: 'Server', name: `${service}-${port}` })),
    );
    const identities = from.map((service) => identityName(world.namespace, world.accountOf(service)));
    const name = `${target.name}-requests`;
    const route = { group: routeGroup, kind: 'HTTPRoute', name };
    const proof = { group, kind: 'MeshTLSAuthentication', name };
    const somebody = rules.length > 0 && parentRefs.length > 0 && identities.length > 0;
    const objects = [
      ...servers.map((server) => yamlOf('Server', server.name, server.content?.spec, world)),
      ...(somebody
        ? [
            yamlOf('MeshTLSAuthentication', name, { identities }, world),
            yamlOf('HTTPRoute', name, { parentRefs, rules }, world),
            yamlOf('AuthorizationPolicy', name, { targetRef: route, requiredAuthenticationRefs: [proof] }, world),
          ]
        : []),
    ];
    return {
      policies: [],
      yaml: objects.join('---\n'),
      notes: [
        ...notes,
        ...to.flatMap((service) =>
          opaque(world.portsOf(service)).map(
            (port) => `port ${port} of ${service} is not HTTP: nobody is let in there`,
          ),
        ),
        ...(somebody ? ofRoutes : []),
        oldestServer,
      ],
    };
  },
};

const group = 'policy.linkerd.io';
const routeGroup = 'gateway.networking.k8s.io';
// Linkerd’s policy controller (k8s/index/src/inbound/index.rs): a port has one Server, and with a route of the user’s none of its own.
const oldestServer =
  'of several Servers for a port of a pod the oldest counts: if there is one already, these need its name';
const ofRoutes = [
  'what none of its routes matches gets 404, whoever sends it, also the kubelet’s HTTP probes',
  'where routes of several targets match a request, the most specific alone says who may send it',
];

/** A request that no rule takes would get 404. */
function splitRoute(split: TrafficSplit, port: number, some: readonly { matches: Json[] }[]): Json {
  const backendRefs = wholeWeights(split).map(({ service, weight }) => ({ name: service, port, weight }));
  const others = { backendRefs: [{ name: split.service, port }] };
  return {
    parentRefs: [{ group: '', kind: 'Service', name: split.service, port }],
    rules: some.length === 0 ? [{ backendRefs }] : [...some.map((rule) => ({ ...rule, backendRefs })), others],
  };
}

function isHttp({ appProtocol }: ServicePort): boolean {
  return !isOpaque(appProtocol);
}

function opaque(ports: readonly ServicePort[]): number[] {
  return ports.filter((each) => !isHttp(each)).map(({ port }) => port);
}

function withoutPort({ backends }: TrafficSplit, port: number, world: SmiWorld): string[] {
  return backends
    .filter(({ service }) => !world.portsOf(service).some((each) => each.port === port))
    .map(({ service }) => `there is no Service ${service} with port ${port} here: its share would be errors`);
}

function linkerdWorld(world: SmiWorld): Pick<World, 'namespace' | 'named' | 'factsOf'> {
  return {
    namespace: world.namespace,
    named: (name) => name,
    factsOf: (service) => ({
      selector: world.selectorOf(service),
      account: world.accountOf(service),
      ports: world.portsOf(service),
    }),
  };
}

function yamlOf(kind: Kind, name: string, spec: Json | undefined, { namespace }: SmiWorld): string {
  return stringify({ apiVersion: kinds[kind].apiVersion, kind, metadata: { name, namespace }, spec });
}
