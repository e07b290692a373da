import type { PolicyKind, PolicyOf } from '../../../src/policies/index.ts';

/** Every kind of policy, on and off, on a service and on a route: a new kind does not compile before it stands here. */
export const everyPolicy: { readonly [Kind in PolicyKind]: readonly PolicyOf<Kind>[] } = {
  retry: [
    { kind: 'retry', service: 'server', attempts: 4, onStatus: [503] },
    { kind: 'retry', service: 'server', attempts: 2, onStatus: [502, 503], route: { pathPrefix: '/api' } },
    { kind: 'retry', service: 'server', attempts: 0, onStatus: [503] },
  ],
  timeout: [
    { kind: 'timeout', service: 'server', timeoutMs: 1000 },
    { kind: 'timeout', service: 'server', timeoutMs: 250, route: { pathPrefix: '/slow' } },
    { kind: 'timeout', service: 'server', timeoutMs: 0 },
  ],
  'outlier-detection': [
    { kind: 'outlier-detection', service: 'server', consecutiveErrors: 9 },
    { kind: 'outlier-detection', service: 'server', consecutiveErrors: 0 },
  ],
  authorize: [
    { kind: 'authorize', to: 'server', from: ['client', 'stranger'] },
    { kind: 'authorize', to: 'server', from: [] },
  ],
  mtls: [
    { kind: 'mtls', service: 'server', mode: 'strict' },
    { kind: 'mtls', service: 'server', mode: 'permissive' },
  ],
};
