import { expectHealthyRun, folderForReports } from './healthy.ts';

describe('a run from nothing', function () {
  this.timeout(800_000);
  const folder = folderForReports();

  it('is healthy: every criterion passes with evidence, the report checks, nothing is left', function () {
    return expectHealthyRun(this, folder);
  });
});
