import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { recomputeAll } from '../../../src/judge/recompute-all.ts';
import { SecondTries } from '../../../src/run/second-try.ts';
import type { TrialOutcome } from '../../../src/run/wave.ts';
import { fakeLab, type FakeLab } from './fake-lab.ts';

const busy = 0.97;
const calm = 0.1;

async function assertionsHold(lab: FakeLab, { report }: TrialOutcome): Promise<void> {
  expect(await recomputeAll(report.assertions, lab.engine.context.evidence.reader)).to.deep.equal([]);
}

describe('a second try', function () {
  this.timeout(20_000);

  it('is had by a trial without a conclusion on a busy machine; the first stays in the evidence and proves it', async () => {
    await using lab = await fakeLab(undefined, { waiting: [calm, busy] });
    const [outcome] = await new SecondTries(lab.engine).run([lab.trial('a')]);
    expect(lab.loads).to.have.length(4);
    const [first] = outcome!.report.assertions;
    expect(first).to.include({ id: 'a/first-try', status: 'pass' });
    expect(first?.observed).to.equal('tasks waited for a CPU 97 % of the time');
    await assertionsHold(lab, outcome!);
    const evidence = join(lab.engine.context.evidence.runDir, 'evidence', 'a');
    expect(readdirSync(evidence).sort()).to.deep.equal(['control', 'first-try', 'treatment']);
    expect(readdirSync(join(evidence, 'first-try', 'treatment'))).to.include('pressure.json.gz');
    expect([...lab.inForce]).to.deep.equal([]);
  });

  it('is not had on a calm machine', async () => {
    await using lab = await fakeLab();
    const [outcome] = await new SecondTries(lab.engine).run([lab.trial('a')]);
    expect(lab.loads).to.have.length(2);
    expect(outcome?.report.assertions).to.deep.equal([]);
  });

  it('is not had by a failure, however busy the machine was', async () => {
    await using lab = await fakeLab(undefined, {
      waiting: [busy, busy],
      judge: async ({ judging, context }) => {
        const path = await context.evidence.json('evidence/a/left.json', ['a sidecar is missing']);
        await judging.on({ prefix: 'a' })('sidecars', 'Every pod has its sidecar', 'list-empty', { path });
      },
    });
    const [outcome] = await new SecondTries(lab.engine).run([lab.trial('a')]);
    expect(outcome?.report.status).to.equal('fail');
    expect(lab.loads).to.have.length(2);
  });

  it('is had by two waves of a run at most, and only by the trials concerned', async () => {
    await using lab = await fakeLab(undefined, { waiting: Array<number>(20).fill(busy) });
    const tries = new SecondTries(lab.engine);
    for (const id of ['a', 'b', 'a']) await tries.run([lab.trial(id)]);
    expect(lab.loads).to.have.length(4 + 4 + 2);
  });

  it('cannot be had by a first try that was calm: whoever states it is contradicted by the evidence', async () => {
    await using lab = await fakeLab(undefined, { waiting: [calm, busy, calm, calm] });
    const [outcome] = await new SecondTries(lab.engine).run([lab.trial('a')]);
    const [first] = outcome!.report.assertions;
    const { arms } = first!.recompute!.inputs as { arms: { pressure: string }[] };
    const onlyCalm = { ...first!, recompute: { ...first!.recompute!, inputs: { arms: [arms[0]] } } };
    const [problem] = await recomputeAll([onlyCalm], lab.engine.context.evidence.reader);
    expect(problem).to.match(/stated pass, the evidence says invalid \(the machine was calm: /);
  });
});
