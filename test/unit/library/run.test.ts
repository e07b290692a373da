import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { MeshproofError, runScenarios, openLab } from '../../../src/index.ts';
import { interruptible, meshOf } from '../../../src/library/run.ts';

async function refused(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).to.be.instanceOf(MeshproofError);
  const { code, message } = error as MeshproofError;
  return `${code}: ${message}`;
}

describe('runs of the library', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-library-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('refuse what does not exist before anything starts, with the nearest word', async () => {
    const reportsDir = join(folder, 'reports');
    expect(await refused(runScenarios({ scenarios: 'retries-recover-erors', reportsDir }))).to.match(
      /^MESHPROOF_SCENARIO_UNKNOWN: .*did you mean `retries-recover-errors`/,
    );
    expect(await refused(runScenarios({ app: 'podinfi', reportsDir }))).to.match(/^MESHPROOF_APP_UNKNOWN: .*`podinfo`/);
    const scenario = { id: 'x', title: 'x', criterion: { id: 'x', title: 'x' }, experiment: 'resiliense' };
    expect(await refused(runScenarios({ scenarios: scenario, reportsDir }))).to.match(
      /^MESHPROOF_SCENARIO_INVALID: x: experiment: .*`resilience`/,
    );
    expect(await refused(openLab({ app: 'podinfi' }))).to.match(/^MESHPROOF_APP_UNKNOWN/);
    expect(existsSync(reportsDir)).to.equal(false);
  });

  it('are on the mesh that a lab was given, of the release that it was given, unless another is asked for', async () => {
    const given = async () => ({ mesh: 'istio' as const, ownMesh: { release: '1.31.4', binaries: '/mine' } });
    const of = async (asked: object) => meshOf({ lab: 'dev', ...asked }, given);
    expect(await of({})).to.deep.equal(await given());
    expect((await of({ meshRevision: 'a' })).ownMesh).to.include({ release: '1.31.4', revision: 'a' });
    expect((await of({ meshRelease: 'built' })).ownMesh.release).to.equal('built');
    expect((await of({ mesh: 'consul', meshRevision: 'a' })).ownMesh.release, 'of another mesh').to.equal(undefined);
    expect((await meshOf({ mesh: 'istio' }, given)).ownMesh.release, 'no lab is named').to.equal(undefined);
  });

  it('are interrupted by a signal of the user, and that is no bug', () => {
    const user = new AbortController();
    using stop = interruptible(user.signal);
    expect([stop.signal.aborted, stop.interrupted]).to.deep.equal([false, false]);
    user.abort(new Error('the suite timed out'));
    expect(stop.interrupted).to.equal(true);
    expect(stop.signal.reason).to.include({
      code: 'MESHPROOF_INTERRUPTED',
      message: 'Interrupted: the suite timed out',
    });
  });

  it('keep the reason of a deadline, and see a signal that was over before', () => {
    using late = interruptible(AbortSignal.abort(new MeshproofError('MESHPROOF_TIMEOUT', 'too long', 'Wait.')));
    expect([late.signal.aborted, late.interrupted]).to.deep.equal([true, false]);
    using none = interruptible();
    expect(none.signal.aborted).to.equal(false);
  });
});
