import { expect } from 'chai';
import type { Policy } from '../../../src/policies/index.ts';
import { runWave } from '../../../src/run/wave.ts';
import { fakeLab, steps } from './fake-lab.ts';

/** A transition around a fault is a second, and each arm has one before and one after. */
const timeoutMs = 20_000;

describe('a wave of trials on a fake lab', function () {
  this.timeout(timeoutMs);

  it('goes through every step, control first, and leaves nothing', async () => {
    await using lab = await fakeLab();
    const [outcome] = await runWave([lab.trial('a')], lab.engine);
    expect(outcome?.error).to.equal(undefined);
    expect([...lab.inForce]).to.deep.equal([]);
    const arm = [
      'policies',
      'load pods a',
      'captures a',
      'fresh a',
      'look 1 a',
      'arm fault a',
      'start load a',
      'fault a',
      'look 2 a',
      'look 3 a',
      'undo fault at a',
      'finish load a',
      'look 4 a',
      'finish captures a',
      'undo captures of a',
      'keep pods of a',
      'undo load of a',
      'undo policies',
    ];
    expect(lab.done).to.deep.equal(['prepare a', ...arm, ...arm]);
    expect(lab.events.flatMap((event) => (event.type === 'arm-started' ? [event.arm] : []))).to.deep.equal([
      'control',
      'treatment',
    ]);
  });

  it('asks for pods without a past where their connections are captured', async () => {
    await using lab = await fakeLab();
    await runWave([lab.trial('a')], lab.engine);
    expect(lab.loads.map(({ freshPods }) => freshPods)).to.deep.equal([true, true]);
  });

  for (const step of steps) {
    it(`${step} throws: everything is taken back, and the trial says so`, async () => {
      await using lab = await fakeLab({ step, how: 'throws' });
      const [outcome] = await runWave([lab.trial('a')], lab.engine);
      expect(outcome?.report).to.include({ status: 'error', reason: `${step} broke` });
      expect(lab.done, 'pods of a broken arm are in doubt').not.to.include('keep pods of a');
      await lab.rollback.runAll(5000);
      expect([...lab.inForce], lab.done.join('\n')).to.deep.equal([]);
      expect(lab.rollback.outcomes.filter(({ ok }) => !ok)).to.deep.equal([]);
    });

    it(`${step} hangs until Ctrl-C: everything is taken back, and there is no conclusion`, async () => {
      await using lab = await fakeLab({ step, how: 'hangs' });
      const running = runWave([lab.trial('a')], lab.engine);
      const reached = (): boolean => lab.done.some((done) => done.startsWith(step));
      while (!reached()) await new Promise((resolve) => setTimeout(resolve, 5));
      lab.abort.abort(new Error('interrupted'));
      const [outcome] = await running;
      expect(outcome?.report.status).to.equal('invalid');
      await lab.rollback.runAll(5000);
      expect([...lab.inForce], lab.done.join('\n')).to.deep.equal([]);
    });
  }

  it('one that breaks does not stop the other beside it', async () => {
    await using lab = await fakeLab({ step: 'fault', how: 'throws', trial: 'a' });
    const outcomes = await runWave([lab.trial('a'), lab.trial('b')], lab.engine);
    expect(outcomes.map(({ report }) => [report.id, report.status])).to.deep.equal([
      ['a', 'error'],
      ['b', 'invalid'], // Its claim judged nothing: no pass without an assertion.
    ]);
    expect(lab.done.filter((done) => done === 'finish load b')).to.have.length(2);
    expect([...lab.inForce]).to.deep.equal([]);
  });

  for (const step of ['load pods', 'arm fault'] as const) {
    it(`nobody measures while the ${step} of another takes long`, async () => {
      await using lab = await fakeLab({ step, how: 'takes long', trial: 'b' });
      await runWave([lab.trial('a'), lab.trial('b')], lab.engine);
      const startOfA = lab.done.indexOf('start load a');
      expect(startOfA).to.be.above(lab.done.indexOf('arm fault b')).and.above(0);
      expect(lab.done.slice(startOfA).filter((done) => done === `${step} b`)).to.have.length(1);
    });

    it(`nobody waits for one whose ${step} broke`, async () => {
      await using lab = await fakeLab({ step, how: 'throws', trial: 'b' });
      await runWave([lab.trial('a'), lab.trial('b')], lab.engine);
      expect(lab.done.filter((done) => done === 'finish load a')).to.have.length(2);
    });
  }

  it('arms that alternate are run by turns, each round with evidence of its own, and judged together', async () => {
    await using lab = await fakeLab();
    const [outcome] = await runWave([lab.trial('a', 3)], lab.engine);
    expect(outcome?.error).to.equal(undefined);
    const arms = lab.events.flatMap((event) => (event.type === 'arm-started' ? [event.arm] : []));
    expect(arms).to.deep.equal(Array.from({ length: 3 }, () => ['control', 'treatment']).flat());
    expect(lab.judgedRounds).to.deep.equal(
      ['control', 'treatment'].map((name) =>
        ['', '-2', '-3'].map((round) => `evidence/a/${name}${round}/load.ndjson.gz`),
      ),
    );
    expect([...lab.inForce]).to.deep.equal([]);
  });

  it('a trial whose policies the mesh cannot say is skipped, with the reason, and the other beside it is not', async () => {
    await using lab = await fakeLab();
    Object.assign(lab.engine.context.lab.meshEntry, {
      cannotSay: (policies: readonly Policy[]) =>
        policies.some((policy) => 'service' in policy && policy.service === 'a')
          ? 'there are no words for it'
          : undefined,
    });
    const outcomes = await runWave([lab.trial('a'), lab.trial('b')], lab.engine);
    expect(outcomes.map(({ report: { id, status, reason } }) => [id, status, reason])).to.deep.equal([
      ['a', 'skipped', 'there are no words for it'],
      ['b', 'invalid', 'nothing was examined'],
    ]);
    expect(lab.done).to.not.include('start load a');
  });

  it('policies of all are put in force once, and taken back once', async () => {
    await using lab = await fakeLab();
    await runWave([lab.trial('a'), lab.trial('b')], lab.engine);
    expect(lab.done.filter((done) => done === 'policies')).to.have.length(2);
    expect(lab.done.filter((done) => done === 'undo policies')).to.have.length(2);
  });
});
