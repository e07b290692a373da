import type { SeenPod } from '../../../src/views/seen-pods.ts';

/** A pod as views see it; its uid is that of `snapshot()` for the same name. */
export function seen(service: string, name: string, meshed = true): SeenPod {
  return {
    ref: { namespace: 'shop', name, uid: `uid-${name}`, ip: '10.244.0.9', node: 'n1' },
    service,
    meshed,
    called: true,
  };
}
