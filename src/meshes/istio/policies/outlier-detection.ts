import { host } from '../resources.ts';
import type { IstioRenderer } from './renderer.ts';

/** Off is Istio's default: then there is no resource. */
export const outlierDetection: IstioRenderer<'outlier-detection'> = {
  render: ({ service, consecutiveErrors }, world) => [
    {
      kind: 'DestinationRule',
      name: service,
      spec:
        consecutiveErrors === 0
          ? null
          : {
              host: host(world, service),
              trafficPolicy: {
                outlierDetection: {
                  consecutive5xxErrors: consecutiveErrors,
                  interval: '1s',
                  // Istio's 10 % ejects nothing of two replicas.
                  maxEjectionPercent: 100,
                },
              },
            },
    },
  ],
  inForce({ service, consecutiveErrors }, { config }) {
    const upstream = config.upstreams.get(service);
    if (!upstream) return undefined;
    return {
      has: { ejectsAfterErrors: upstream.ejectsAfter5xx },
      wants: { ejectsAfterErrors: consecutiveErrors },
    };
  },
};
