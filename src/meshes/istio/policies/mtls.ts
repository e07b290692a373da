import type { IstioRenderer } from './renderer.ts';

/** Strict is what the whole mesh is told, or the namespace where the mesh is the user's: only an exception is a resource of its own. */
export const mtls: IstioRenderer<'mtls'> = {
  render: ({ service, mode }, world) => [
    {
      kind: 'PeerAuthentication',
      name: service,
      spec:
        mode === 'strict'
          ? null
          : { selector: { matchLabels: { ...world.factsOf(service).selector } }, mtls: { mode: 'PERMISSIVE' } },
    },
  ],
  inForce: ({ service, mode }, proxy) =>
    proxy.service !== service || proxy.config.callers === undefined
      ? undefined
      : { has: { mode: proxy.config.permissive ? 'permissive' : 'strict' }, wants: { mode } },
};
