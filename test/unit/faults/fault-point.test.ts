import { expect } from 'chai';
import { FakePod, start, steps, type Step } from './fake-pod.ts';

const forEver = Infinity;
const undoSteps = steps.filter((step) => step !== 'patch' && step !== 'go');

describe('a fault point and an API server that fails', () => {
  /** In force, then ended while the API server has this trouble. */
  async function ended(trouble: (pod: FakePod) => void, pod = new FakePod()) {
    const point = pod.point();
    await start(point);
    expect(pod.ruleInForce).to.equal(true);
    trouble(pod);
    const result = await point.end();
    return { pod, point, result, problems: result.problems.join('; ') };
  }

  it('changes nothing when it is armed, and takes no time from the word to go on', async () => {
    const pod = new FakePod();
    const point = pod.point();
    await point.arm();
    expect([pod.ruleInForce, pod.calls.includes('go')]).to.deep.equal([false, false]);
    await pod.clock.sleep(20_000);
    await point.go();
    expect(pod.ruleInForce).to.equal(true);
    expect(pod.calls.filter((step) => step === 'go')).to.have.length(1);
    expect((await point.end()).onsetMs).to.be.at.most(100);
  });

  it('that was armed and never told to go leaves nothing, and was never in force', async () => {
    const pod = new FakePod();
    const point = pod.point();
    await point.arm();
    const { undone, problems } = await point.end();
    expect([undone, problems.join()]).to.deep.equal([true, 'trips-a: the fault was never in force']);
    expect([pod.ruleInForce, pod.running(), pod.calls.includes('go')]).to.deep.equal([false, [], false]);
  });

  it('is out of force once it says so, while its guard and its ledger are still to come', async () => {
    const pod = new FakePod();
    const point = pod.point();
    await start(point);
    pod.fail('log of guard', 500, 20);
    let done = false;
    const end = point.end().then(() => (done = true));
    await point.out;
    expect([pod.ruleInForce, done]).to.deep.equal([false, false]);
    await end;
  });

  for (const step of undoSteps) {
    for (const [what, trouble, times] of [
      ['500 once', 500, 1],
      ['500 three times', 500, 3],
      ['a hang', 'hang', 1],
      ['404 once, though the pod is there', 404, 1],
    ] as const) {
      // A pod that is not found has gone: that is another story, below.
      if (step === 'pod' && trouble === 404) continue;
      it(`is undone through ${what} at "${step}", with nothing lost`, async () => {
        const { pod, point, result } = await ended((fake) => fake.fail(step, trouble, times));
        expect(result).to.deep.include({ undone: true, problems: [] });
        expect(result.entries.map(({ requestId }) => requestId)).to.deep.equal(['r-1']);
        expect([pod.ruleInForce, pod.running()]).to.deep.equal([false, []]);
        const { length } = pod.calls;
        expect(await point.end(), 'what is settled is not done again').to.equal(result);
        expect(pod.calls).to.have.length(length);
      });
    }
  }

  it('tells times by our clock, whatever the pod’s says, and keeps what the pod said', async () => {
    const right = (await ended(() => {})).result;
    const { result } = await ended((fake) => (fake.clockAheadMs = 1500));
    const ahead = result.entries[0]?.clockAheadMs ?? 0;
    expect(ahead).to.be.within(1499, 1501);
    expect(right.entries[0]).not.to.have.property('clockAheadMs');
    expect(result.entries[0]?.startedAt).to.equal(right.entries[0]?.startedAt);
    expect([right.startedAt - result.startedAt, right.endedAt - result.endedAt]).to.deep.equal([ahead, ahead]);
  });

  const lasting: [Step, undone: boolean, reason: RegExp][] = [
    ['pod', false, /could not be seen/],
    ['log of guard', false, /could not be seen/],
    ['ask guard', false, /could not be seen/],
    // The guard takes out what the point was not asked to, or what it cannot be heard to say.
    ['ask point', true, /end of the fault.*could not be asked to end/],
    ['log of point', true, /end of the fault.*as told/],
    ['ledger', true, /its ledger: not there after .*as told.*its ledger is lost/],
    ['clock', true, /its ledger: not there after .*as told.*its ledger is lost/],
    ['release', true, /could not be told that its ledger is here/],
  ];
  for (const [step, undone, reason] of lasting) {
    it(`says truly what it could not do with 500 for ever at "${step}", and does it when asked again`, async () => {
      const { pod, point, result, problems } = await ended((fake) => fake.fail(step, 500, forEver));
      expect(result.undone).to.equal(undone);
      expect(problems).to.match(reason);
      expect((await point.result()).problems, 'asking for the result is no new attempt').to.equal(result.problems);
      pod.heal();
      const again = await point.end();
      expect(again.undone).to.equal(true);
      expect(pod.ruleInForce).to.equal(false);
      if (step !== 'ask point' && step !== 'log of point') expect(again.problems).to.deep.equal([]);
      expect(pod.running()).to.deep.equal([]);
    });
  }

  it('takes no longer than its time, whatever hangs for ever', async () => {
    const pod = new FakePod();
    const { result } = await ended((fake) => {
      for (const step of undoSteps) fake.fail(step, 'hang', forEver);
    }, pod);
    expect(result.undone).to.equal(false);
    expect(pod.clock.now() - Date.parse('2026-05-01T12:00:00Z')).to.be.lessThan(50_000);
  });

  it('is undone when the pod has gone, its ledger lost', async () => {
    const { result, problems } = await ended((fake) => (fake.deleted = true));
    expect(result.undone).to.equal(true);
    expect(problems).to.equal('pod trips-a went away while the fault was on: its ledger is lost');
  });

  it('is not undone, and says so, when it may not look', async () => {
    const { result, problems } = await ended((fake) => fake.fail('ask guard', 403 as never, forEver));
    expect(result.undone).to.equal(false);
    expect(problems).to.contain('HTTP403');
  });

  it('leaves it to the guard when its own container was killed, and its ledger is lost', async () => {
    const { pod, result, problems } = await ended((fake) => fake.kill('point'));
    expect([result.undone, pod.ruleInForce]).to.deep.equal([true, false]);
    expect(problems).to.contain('container died').and.to.contain('its ledger is lost');
  });

  it('believes the point when only its guard was killed', async () => {
    const { result, problems } = await ended((fake) => fake.kill('guard'));
    expect(result.undone).to.equal(true);
    expect(result.entries).to.have.length(1);
    expect(problems).to.contain('its guard was killed');
  });

  it('is not undone when both were killed', async () => {
    const { pod, result } = await ended((fake) => {
      fake.kill('guard');
      fake.kill('point');
    });
    expect([result.undone, pod.ruleInForce]).to.deep.equal([false, true]);
  });

  for (const step of ['patch', 'pod', 'log of point', 'go'] as const) {
    for (const [what, trouble] of [
      ['500', 500],
      ['500 but does what was asked', 500],
      ['nothing', 'hang'],
    ] as const) {
      it(`comes into force once through an API server that answers ${what} at "${step}"`, async () => {
        const pod = new FakePod();
        pod.carriesOutFailedCalls = what.includes('does');
        pod.fail(step, trouble, 1);
        const point = pod.point();
        await start(point);
        expect(pod.ruleInForce).to.equal(true);
        expect((await point.end()).problems).to.deep.equal([]);
      });
    }
  }

  it('has nothing to undo when it never came into the pod', async () => {
    const pod = new FakePod();
    pod.fail('patch', 500, forEver);
    const point = pod.point();
    const error = await start(point).catch((thrown: unknown) => thrown);
    expect(error).to.include({ code: 'MESHPROOF_FAULT_START' });
    const result = await point.end();
    expect(result).to.deep.include({ undone: true, problems: ['trips-a: the fault was never in force'] });
  });

  it('that started in time, but could not be told to go, changes nothing and is ended', async () => {
    const pod = new FakePod();
    pod.fail('go', 500, forEver);
    const point = pod.point();
    const error = await start(point).catch((thrown: unknown) => thrown);
    expect(String(error)).to.contain('could not be told to go');
    expect(pod.ruleInForce).to.equal(false);
    const result = await point.end();
    expect(result.undone).to.equal(true);
    expect(pod.running()).to.deep.equal([]);
  });

  it('that was told to go though nobody heard of it is taken out', async () => {
    const pod = new FakePod();
    pod.carriesOutFailedCalls = true;
    pod.fail('go', 500, forEver);
    // It came into force, but its log cannot be read any more.
    pod.onSleep = () => {
      if (pod.ruleInForce) pod.fail('log of point', 500, 1000);
    };
    const point = pod.point();
    await start(point).catch(() => undefined);
    expect(pod.ruleInForce).to.equal(true);
    pod.onSleep = () => {};
    pod.heal();
    const result = await point.end();
    expect(result.undone).to.equal(true);
    expect([pod.ruleInForce, pod.running()]).to.deep.equal([false, []]);
  });

  it('whose containers have not started has nothing to undo: nobody will tell them to go', async () => {
    const pod = new FakePod();
    pod.startsAtOnce = false;
    const point = pod.point();
    expect(await start(point).catch((thrown: unknown) => thrown)).to.include({ code: 'MESHPROOF_FAULT_START' });
    const before = pod.clock.now();
    const result = await point.end();
    expect(result.undone).to.equal(true);
    expect(result.problems.join()).to.contain('the fault was never in force');
    expect(pod.clock.now()).to.equal(before);
    pod.startContainers();
    expect(pod.ruleInForce).to.equal(false);
  });
});
