import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AssertionError, expect, use } from 'chai';
import { checkReport, openLab, type Lab, type Proof } from 'meshproof';
import meshproof from 'meshproof/chai';

use(meshproof);

/** Small enough for a check on every push: 200 requests of which 30 % fail. */
const retriesHideErrors = {
  claim: { kind: 'recovers-errors', objective: 0.95, retries: 4, minRequests: 200 },
  service: 'trips',
  fault: { kind: 'http-abort', percentage: 30 },
  policies: [{ kind: 'retry', attempts: 4 }],
  load: { rps: 20 },
  phaseSeconds: { baseline: 3, recovery: 2 },
} satisfies Proof;

describe('trips in the mesh', function () {
  this.timeout(180_000);
  const reportsDir = mkdtempSync(join(tmpdir(), 'meshproof-library-'));
  let lab: Lab | undefined;
  before(async () => {
    lab = await openLab({ app: 'tripinsights', reportsDir });
  });
  after(async () => {
    await lab?.[Symbol.asyncDispose]();
    rmSync(reportsDir, { recursive: true, force: true });
  });

  it('survives one failing call in three, because it is retried', async () => {
    const result = await lab!.prove(retriesHideErrors);
    expect(result).to.be.proven;
    expect((await checkReport(result.dir)).problems).to.deep.equal([]);
  });

  it('does not without retries: the suite goes red, with the table of the report', async () => {
    // Without retries none can be refused: more requests/s, and a shorter fault.
    const without = { policies: [{ kind: 'retry', attempts: 0 }], load: { rps: 50 } } satisfies Partial<Proof>;
    const result = await lab!.prove({ ...retriesHideErrors, ...without });
    expect(result).not.to.be.proven;
    expect(() => expect(result).to.be.proven).to.throw(
      AssertionError,
      /^not proven: unhealthy: [^]*✗ +fail +recovers-errors-trips\/success-rate /,
    );
  });
});
