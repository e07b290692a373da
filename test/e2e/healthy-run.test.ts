import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectHealthyRun } from './healthy.ts';

describe('a run from nothing', function () {
  this.timeout(800_000);
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-e2e-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is healthy: every criterion passes with evidence, the report checks, nothing is left', function () {
    return expectHealthyRun(this, folder);
  });
});
