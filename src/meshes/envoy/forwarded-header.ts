import type { ForwardedHeader } from '../adapter.ts';

/**
 * As an Envoy tells its app who calls: of the elements the last, which is the sidecar's own (Envoy, HTTP connection manager,
 * x-forwarded-client-cert). Empty where it names nobody.
 */
export const forwardedClientCert: ForwardedHeader = {
  name: 'x-forwarded-client-cert',
  read(value) {
    // A certificate's subject is quoted, and may hold commas.
    const own = value.match(/(?:[^,"]|"(?:\\.|[^"\\])*")+/g)?.at(-1) ?? '';
    const field = (name: string): string => new RegExp(`(?:^|;)${name}="?([^;"]*)`).exec(own)?.[1] ?? '';
    return { by: field('By'), uri: field('URI') };
  },
};
