/** What a mesh does with requests whose path starts with this; empty: with every request that no other route takes. */
export interface PrefixRoute<Action extends object> {
  prefix: string;
  action: Action;
}

/** The path prefix a policy is limited to; empty for all requests. */
export function prefixOf(policy: object): string {
  return (policy as { route?: { pathPrefix: string } }).route?.pathPrefix ?? '';
}

/**
 * Routes of a service with one of them changed, the longest prefix first, as a mesh takes the first that matches. A route that
 * is not there yet begins as a copy of the one that took its requests so far: what was said of all requests holds for it too. So
 * policies come in order of their prefix' length.
 */
export function withRoute<Action extends object>(
  routes: readonly PrefixRoute<Action>[],
  prefix: string,
  set: (action: Partial<Action>) => void,
): PrefixRoute<Action>[] {
  const own = structuredClone([...routes]);
  let route = own.find((each) => each.prefix === prefix);
  if (!route) {
    const covering = own.find((each) => prefix.startsWith(each.prefix));
    route = { prefix, action: structuredClone(covering?.action ?? ({} as Action)) };
    own.push(route);
  }
  set(route.action);
  return own.sort((a, b) => b.prefix.length - a.prefix.length);
}

/** In the order that `withRoute` needs. */
export function shortestPrefixFirst<Policy extends object>(policies: readonly Policy[]): Policy[] {
  return policies.toSorted((a, b) => prefixOf(a).length - prefixOf(b).length);
}
