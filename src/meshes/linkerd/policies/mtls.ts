import { authorization, serversOf } from './authorize.ts';
import type { LinkerdRenderer } from './renderer.ts';

/**
 * Linkerd lets in who proves nothing unless a policy says who may call (`authorize`), and every service that is called has one.
 * Permissive is one more that lets everybody in.
 */
export const mtls: LinkerdRenderer<'mtls'> = {
  render({ service, mode }, world) {
    const open = mode === 'permissive';
    const name = `${service}-anybody`;
    return [
      {
        kind: 'NetworkAuthentication',
        name,
        content: open ? { spec: { networks: [{ cidr: '0.0.0.0/0' }, { cidr: '::/0' }] } } : null,
      },
      ...serversOf(service, world),
      ...world
        .factsOf(service)
        .ports.map(({ port }) =>
          authorization(
            { name: `${service}-${port}-anybody`, server: `${service}-${port}` },
            open ? ['NetworkAuthentication', name] : null,
            world,
          ),
        ),
    ];
  },
  inForce: ({ service, mode }, proxy) =>
    proxy.service !== service || proxy.inbound.length === 0
      ? undefined
      : {
          has: { mode: proxy.inbound.some(({ plaintext }) => plaintext) ? 'permissive' : 'strict' },
          wants: { mode },
        },
};
