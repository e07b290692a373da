import { tripInsightsServices, type TripInsightsService } from './images.ts';
import { databasePort, servicePort } from './ports.ts';

/** The five services of TripInsights; a service's name is its `app` label and its service account too. */
export const services = tripInsightsServices;
export type { TripInsightsService };

export const database = 'postgres';
export type Workload = TripInsightsService | typeof database;
export const workloads: readonly Workload[] = [database, ...services];

/** Services with a data API of their own: everything but the web site. */
export const apiServices = ['poi', 'trips', 'userprofile', 'user-java'] as const satisfies TripInsightsService[];

export interface Edge {
  source: TripInsightsService;
  destination: Workload;
  /** Port of the destination's Service. */
  port: number;
  protocol: 'http' | 'tcp';
}

/** Every call of TripInsights: the APIs never call one another. */
export const edges: readonly Edge[] = [
  { source: 'tripviewer', destination: 'trips', port: servicePort, protocol: 'http' },
  { source: 'tripviewer', destination: 'userprofile', port: servicePort, protocol: 'http' },
  ...apiServices.map((source): Edge => ({ source, destination: database, port: databasePort, protocol: 'tcp' })),
];
