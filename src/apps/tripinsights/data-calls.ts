import { seedIds, seedUser } from '../../../fixtures/tripinsights/seed/data.ts';
import type { TripInsightsService } from './topology.ts';

export interface DataCall {
  method: 'GET' | 'PATCH';
  path: string;
  headers?: Record<string, string>;
  body?: string;
  expectStatus: number;
  /** Text the body holds only if the database was asked. */
  expectBody: string;
}

/**
 * The cheapest request of each service that proves it reaches its data: one row by its key (0.4 kB; a list of all
 * trips is 190 kB and costs 20 ms of CPU). All can be repeated for ever: user-java has no read, so it is asked to set
 * what is already there, which it does not write. tripviewer's is a page over userprofile (50 users).
 */
export const dataCalls: Record<TripInsightsService, DataCall> = {
  poi: { method: 'GET', path: `/api/poi/${seedIds.poi}`, expectStatus: 200, expectBody: seedIds.trip },
  trips: { method: 'GET', path: `/api/trips/${seedIds.trip}`, expectStatus: 200, expectBody: seedIds.userOfTrip },
  userprofile: { method: 'GET', path: `/api/user/${seedIds.user}`, expectStatus: 200, expectBody: seedIds.userOfTrip },
  'user-java': {
    method: 'PATCH',
    path: `/api/user-java/${seedIds.user}`,
    // Without the Accept header it answers 501.
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify({ ranking: seedUser.ranking, totalDistance: seedUser.totalDistance }),
    expectStatus: 200,
    expectBody: seedIds.userOfTrip,
  },
  tripviewer: { method: 'GET', path: '/UserProfile', expectStatus: 200, expectBody: 'Total trips' },
};
