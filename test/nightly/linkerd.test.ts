// needs MESHPROOF_LINKERD_BINARIES: a folder with the programs of a build of Linkerd (docs/meshes.md)
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectHealthyRun } from '../e2e/healthy.ts';

const binaries = process.env['MESHPROOF_LINKERD_BINARIES'] ?? '';

describe('a run from nothing on a Linkerd of one’s own build', function () {
  this.timeout(900_000);
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-nightly-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('is healthy, with the same files', function () {
    return expectHealthyRun(this, folder, { args: ['--mesh', 'linkerd', '--mesh-binaries', binaries] });
  });

  it('is healthy by ServiceProfiles too', function () {
    const args = ['--mesh', 'linkerd', '--mesh-binaries', binaries, '--mesh-dialect', 'service-profile'];
    return expectHealthyRun(this, folder, { args });
  });
});
