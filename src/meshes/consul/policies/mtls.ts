import { defaultsOf } from '../config-entry.ts';
import type { ConsulRenderer } from './renderer.ts';

export const mtls: ConsulRenderer<'mtls'> = {
  render: ({ service, mode }, entries) => [
    // The mesh must allow it before a service may ask for it.
    ...(mode === 'permissive'
      ? [{ ...(entries.get('mesh', 'mesh') ?? { Kind: 'mesh' }), AllowEnablingPermissiveMutualTLS: true }]
      : []),
    { ...defaultsOf(entries, service), MutualTLSMode: mode },
  ],
  inForce: ({ service, mode }, proxy) =>
    proxy.service !== service || !proxy.config.callers
      ? undefined
      : { has: { mode: proxy.config.permissive ? 'permissive' : 'strict' }, wants: { mode } },
};
