import { services, type TripInsightsService } from './app.ts';
import { unpackImages, type Rootfs, type RunningDatabase, type RunningService } from './rootfs.ts';

/** The running services of a suite. */
export interface World {
  rootfs: Rootfs;
  database: RunningDatabase;
  running: Record<TripInsightsService, RunningService>;
  url: (service: TripInsightsService, path: string) => string;
}

/** To be called in a describe: all of TripInsights runs before its tests, and is gone after them. */
export function tripInsightsWorld(): World {
  const world = { running: {} } as World;
  world.url = (service, path) => world.running[service].url + path;
  before(async () => {
    world.rootfs = await unpackImages();
    world.database = await world.rootfs.postgres();
    for (const name of services) {
      const { trips, userprofile } = world.running;
      const endpoints = { TRIPS_API_ENDPOINT: trips?.url ?? '', USERPROFILE_API_ENDPOINT: userprofile?.url ?? '' };
      world.running[name] = await world.rootfs.service(name, name === 'tripviewer' ? endpoints : world.database.env);
    }
  });
  after(async () => {
    await world.rootfs?.[Symbol.asyncDispose]();
  });
  return world;
}
