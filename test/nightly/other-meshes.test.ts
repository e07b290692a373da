import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaults } from '../../src/library/defaults.ts';
import { expectHealthyRun } from '../e2e/healthy.ts';
import { meshesHere } from '../e2e/meshes-here.ts';

describe('a run from nothing on the meshes that are not the default', function () {
  this.timeout(900_000);
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-nightly-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const mesh of meshesHere.filter((name) => name !== defaults.mesh)) {
    it(`is healthy on ${mesh}, with the same files`, function () {
      return expectHealthyRun(this, join(folder, mesh), { args: ['--mesh', mesh] });
    });
  }
});
