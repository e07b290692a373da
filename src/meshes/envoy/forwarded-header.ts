import type { ForwardedHeader } from '../adapter.ts';

/** Of a header that went through several hands the last part is the sidecar's own. */
export const forwardedClientCert: ForwardedHeader = {
  name: 'x-forwarded-client-cert',
  read(value) {
    const own = value.split(',').at(-1) ?? '';
    const field = (name: string): string => new RegExp(`(?:^|;)${name}="?([^;"]*)`).exec(own)?.[1] ?? '';
    return { by: field('By'), uri: field('URI') };
  },
};
