import type { Json } from '../../../base/json.ts';
import { prefixOf, withRoute } from '../../prefix-routes.ts';
import { routeOf, type Profile, type ToldRoute } from './profile-answer.ts';
import type { LinkerdProxy } from '../policies/renderer.ts';
import type { Action, Content, Resource, World } from '../resources.ts';
import { asJson, profileSpec } from './profile-spec.ts';

/** On a ServiceProfile: its spec before meshproof wrote to it, as JSON; `null` where there was none. Also a later process puts it back. */
export const profileBefore = 'meshproof.dev/profile-before';

/** The ServiceProfile of a service with the route of a policy changed; what callers do is what the policies of this call say. */
export function withPolicy(world: World, policy: { service: string }, set: (action: Action) => void): Resource[] {
  const { service } = policy;
  world.profiles.set(service, withRoute(world.profiles.get(service) ?? [], prefixOf(policy), set));
  return [profileOf(service, world)];
}

/** What says nothing of routes (overrides of the destination, opaque ports) stays as it is. */
export function profileOf(
  service: string,
  { profiles, profile }: Pick<World, 'profiles' | 'profile'>,
): Resource & { content: Content } {
  const current = profile(service);
  const rest = without((current?.spec ?? {}) as { [name: string]: Json }, 'retryBudget');
  const before = current === null ? 'null' : (current.annotations?.[profileBefore] ?? JSON.stringify(current.spec));
  return {
    kind: 'ServiceProfile',
    name: service,
    content: {
      annotations: { [profileBefore]: before },
      spec: { ...rest, ...asJson(profileSpec(profiles.get(service) ?? [])) },
    },
  };
}

export function without<Value>(fields: Readonly<Record<string, Value>>, name: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(fields).filter(([each]) => each !== name));
}

/** One that neither retries nor ends calls. */
export function plainProfile(service: string): Resource & { content: Content } {
  return profileOf(service, { profiles: new Map(), profile: () => null });
}

/** Of an object's annotations, that which policies are made of. */
export function profileAnnotations(all: Readonly<Record<string, string>> = {}): Pick<Content, 'annotations'> {
  const before = all[profileBefore];
  return before === undefined ? {} : { annotations: { [profileBefore]: before } };
}

/** What a ServiceProfile said before any policy, null where there was none; undefined where meshproof has not written to it. */
export function contentBefore({ annotations }: Content): Content | null | undefined {
  const remembered = annotations?.[profileBefore];
  if (remembered === undefined) return undefined;
  const spec = JSON.parse(remembered) as Content['spec'] | null;
  return spec === null || spec === undefined ? null : { spec };
}

/** What callers are told to do with the requests of a policy, on each port. */
export function routesInForce(
  { profiles }: LinkerdProxy,
  policy: { service: string },
): { profile: Profile; route: ToldRoute | undefined }[] {
  return profiles.map((profile) => ({ profile, route: routeOf(profile.routes, prefixOf(policy) || '/') }));
}
