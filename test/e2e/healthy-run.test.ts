import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectHealthyRun } from './healthy.ts';

describe('a run from nothing', function () {
  this.timeout(800_000);
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-e2e-'));
  // A report of what went wrong is worth more than its disk space.
  after(function () {
    if (this.test?.parent?.tests.every(({ state }) => state === 'passed'))
      rmSync(folder, { recursive: true, force: true });
  });

  it('is healthy: every criterion passes with evidence, the report checks, nothing is left', function () {
    return expectHealthyRun(this, folder);
  });
});
