import type { ConsulRenderer } from './renderer.ts';

/** Intentions. The server's sidecar refuses everybody else, and only who is allowed is told a way there. */
export const authorize: ConsulRenderer<'authorize'> = {
  render: ({ to, from }) => [{ Kind: 'service-intentions', Name: to, Sources: sourcesOf(from) }],
  inForce({ to, from }, { service, config, callable }) {
    if (service === to) {
      if (!config.callers || config.permissive) return undefined;
      return { has: { lets: [...config.callers].sort() }, wants: { lets: from.toSorted() } };
    }
    const may = from.includes(service) || from.includes('*');
    // Who is not registered yet cannot be found by anybody.
    if (may && !callable.has(to)) return undefined;
    return { has: { wayTo: config.upstreams.has(to) }, wants: { wayTo: may } };
  },
};

/** An empty list lets nobody in; Consul wants at least one source. */
function sourcesOf(from: readonly string[]): { Name: string; Action: 'allow' | 'deny' }[] {
  if (from.length === 0) return [{ Name: '*', Action: 'deny' }];
  return from.map((name) => ({ Name: name, Action: 'allow' }));
}
