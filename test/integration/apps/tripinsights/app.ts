import type { DataCall } from '../../../../src/apps/app.ts';
import { loadApp } from '../../../../src/apps/load-app.ts';

/** TripInsights as its app file and manifests say. */
export const tripInsights = await loadApp('tripinsights');

export type TripInsightsService = 'poi' | 'trips' | 'userprofile' | 'user-java' | 'tripviewer';
export const services: readonly TripInsightsService[] = ['poi', 'trips', 'userprofile', 'user-java', 'tripviewer'];

export const dataCalls = Object.fromEntries(
  tripInsights.services.flatMap(({ name, call }) => (call === undefined ? [] : [[name, call]])),
) as Record<TripInsightsService, DataCall & { expectBody: string }>;

const objects = (await tripInsights.manifests?.({ namespace: 'test' })) ?? [];

/** The readiness probe of a service's manifest, for a server on this port. */
export function probeCommand(service: TripInsightsService, port = 8080): string[] {
  const deployment = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === service);
  const command = deployment?.spec.template.spec.containers[0].readinessProbe.exec.command as string[];
  return command.map((word) => word.replaceAll(/127\.0\.0\.1([: ])8080/g, `127.0.0.1$1${port}`));
}
