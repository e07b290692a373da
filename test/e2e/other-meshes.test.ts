import { join } from 'node:path';
import { defaults } from '../../src/library/defaults.ts';
import { expectHealthyRun, folderForReports } from './healthy.ts';
import { meshesHere } from './meshes-here.ts';

/** Those that hang on the mesh most; the whole suite is in the nightly run. */
const scenarios = ['mtls-everywhere', 'golden-signals', 'retries-recover-errors', 'timeouts-bound-latency'];

describe('the main scenarios on the meshes that are not the default', function () {
  this.timeout(800_000);
  const folder = folderForReports();

  for (const mesh of meshesHere.filter((name) => name !== defaults.mesh)) {
    it(`are healthy on ${mesh}, with the same files`, function () {
      return expectHealthyRun(this, join(folder, mesh), {
        args: ['--mesh', mesh, ...scenarios],
        criteria: scenarios.length,
      });
    });
  }
});
