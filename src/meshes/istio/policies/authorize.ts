import { principal } from '../names.ts';
import type { IstioRenderer } from './renderer.ts';

/** The server's sidecar refuses everybody else. */
export const authorize: IstioRenderer<'authorize'> = {
  render: ({ to, from }, world) => {
    const principals = from.map((name) =>
      name === '*' ? '*' : principal(world.namespace, world.factsOf(name).account, world.trustDomain),
    );
    return [
      {
        kind: 'AuthorizationPolicy',
        name: to,
        spec: {
          selector: { matchLabels: { ...world.factsOf(to).selector } },
          action: 'ALLOW',
          // A policy without a rule lets nobody in.
          ...(principals.length > 0 && { rules: [{ from: [{ source: { principals } }] }] }),
        },
      },
    ];
  },
  inForce({ to, from }, { service, config, factsOf }) {
    if (service !== to || config.callers === undefined || config.permissive) return undefined;
    const accounts = from.map((name) => (name === '*' ? name : factsOf(name).account));
    return { has: { lets: [...config.callers].sort() }, wants: { lets: [...new Set(accounts)].sort() } };
  },
};
