import { expect } from 'chai';
import { startTimer, systemClock } from '../../../src/base/clock.ts';
import { pollUntil } from '../../../src/base/poll.ts';
import { parseDuration } from '../../../src/cli/options.ts';
import { watchInterrupts } from '../../../src/run/interrupt.ts';

const aMoment = (): Promise<string> => systemClock.sleep(30).then(() => 'later');

describe('long durations', () => {
  const longMs = parseDuration('597h');

  it('a sleep of 597 hours does not end at once', async () => {
    const stop = new AbortController();
    const sleep = systemClock.sleep(longMs, stop.signal).then(
      () => 'ended',
      (reason: string) => reason,
    );
    expect(await Promise.race([sleep, aMoment()])).to.equal('later');
    stop.abort('stopped');
    expect(await sleep).to.equal('stopped');
  });

  it('a wait that looks once in 597 hours does not look all the time', async () => {
    const stop = new AbortController();
    let looks = 0;
    const wait = pollUntil(async () => ({ pending: `look ${++looks}` }), {
      what: 'it',
      timeoutMs: longMs,
      intervalMs: longMs,
      signal: stop.signal,
    }).catch(() => 'stopped');
    await aMoment();
    stop.abort(new Error('enough'));
    expect(await wait).to.equal('stopped');
    expect(looks).to.equal(1);
  });

  it('a run with --timeout 597h is not interrupted at once', async () => {
    using interrupts = watchInterrupts({ timeoutMs: longMs, onFirst: () => {}, onSecond: () => {} });
    await aMoment();
    expect(interrupts.signal.aborted).to.equal(false);
  });

  it('a run with a short one is, with its code', async () => {
    using interrupts = watchInterrupts({ timeoutMs: 5, onFirst: () => {}, onSecond: () => {} });
    await aMoment();
    expect(interrupts.signal.reason).to.include({ code: 'MESHPROOF_TIMEOUT' });
  });

  it('what no number of milliseconds can say is refused', () => {
    expect(() => parseDuration(`1${'0'.repeat(400)}h`)).to.throw(/90s, 20m or 1h/);
  });
});

describe('a timer', () => {
  it('fires once, and not before its time, also in several parts', async () => {
    const started = performance.now();
    const fired: number[] = [];
    startTimer(45, () => fired.push(performance.now() - started), 10);
    await systemClock.sleep(150);
    expect(fired).to.have.length(1);
    expect(fired[0]).to.be.at.least(44);
  });

  it('does not fire once it is disposed of, whatever part it is in', async () => {
    let fired = false;
    const timer = startTimer(40, () => (fired = true), 10);
    await systemClock.sleep(25);
    timer[Symbol.dispose]();
    await systemClock.sleep(40);
    expect(fired).to.equal(false);
  });

  it('never fires for Infinity, and refuses NaN', async () => {
    using timer = startTimer(Infinity, () => expect.fail('it fired'), 5);
    timer.unref();
    await systemClock.sleep(20);
    expect(() => startTimer(Number.NaN, () => {})).to.throw(RangeError);
  });
});
