import { resourcesOf } from './service-routes.ts';
import type { LinkerdRenderer } from './renderer.ts';

/** Off is Linkerd's default. */
export const outlierDetection: LinkerdRenderer<'outlier-detection'> = {
  render({ service, consecutiveErrors }, world) {
    world.ejections.set(service, consecutiveErrors);
    return resourcesOf(world, service);
  },
  inForce({ consecutiveErrors }, { outbound }) {
    const http = outbound.filter(({ opaque }) => !opaque);
    if (http.length === 0) return undefined;
    return {
      has: { ejectsAfterErrors: Math.max(...http.map(({ ejectsAfterErrors }) => ejectsAfterErrors)) },
      wants: { ejectsAfterErrors: consecutiveErrors },
    };
  },
};
