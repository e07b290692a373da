import { distinct } from '../../policy-renderer.ts';
import { isOpaque } from '../inject.ts';
import { identityName } from '../names.ts';
import type { Resource, World } from '../resources.ts';
import type { LinkerdRenderer } from './renderer.ts';

const group = 'policy.linkerd.io';

/** The server's proxy refuses everybody else: a Server without a policy that lets somebody in lets nobody in. */
export const authorize: LinkerdRenderer<'authorize'> = {
  render({ to, from }, world) {
    const identities = from.map((name) =>
      name === '*' ? '*' : identityName(world.namespace, world.factsOf(name).account),
    );
    return [
      { kind: 'MeshTLSAuthentication', name: to, content: from.length === 0 ? null : { spec: { identities } } },
      ...serversOf(to, world),
      ...world
        .factsOf(to)
        .ports.map(({ port }) =>
          authorization(
            { name: `${to}-${port}`, server: `${to}-${port}` },
            from.length === 0 ? null : ['MeshTLSAuthentication', to],
            world,
          ),
        ),
    ];
  },
  inForce({ to, from }, { service, inbound, factsOf }) {
    if (service !== to || inbound.length === 0) return undefined;
    const accounts = from.map((name) => (name === '*' ? name : factsOf(name).account));
    const has = inbound.map(({ lets, byDefault }) => (byDefault ? 'whom Linkerd lets in by itself' : lets.toSorted()));
    return { has: { lets: distinct(has) }, wants: { lets: [[...new Set(accounts)].sort()] } };
  },
};

/** What stands for the ports of a service's pods. */
export function serversOf(service: string, world: Pick<World, 'factsOf'>): Resource[] {
  const { ports, selector } = world.factsOf(service);
  return ports.map(({ port, targetPort, appProtocol }) => ({
    kind: 'Server',
    name: `${service}-${port}`,
    content: {
      spec: {
        podSelector: { matchLabels: { ...selector } },
        port: targetPort,
        proxyProtocol: isOpaque(appProtocol) ? 'opaque' : 'unknown',
      },
    },
  }));
}

/** Lets in through a Server who proves this; null: there is no such policy. */
export function authorization(
  { name, server }: { name: string; server: string },
  proof: readonly [kind: string, name: string] | null,
  { named }: Pick<World, 'named'>,
): Resource {
  return {
    kind: 'AuthorizationPolicy',
    name,
    content: proof && {
      spec: {
        targetRef: { group, kind: 'Server', name: named(server) },
        requiredAuthenticationRefs: [{ group, kind: proof[0], name: named(proof[1]) }],
      },
    },
  };
}
