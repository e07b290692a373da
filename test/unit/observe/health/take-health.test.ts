import { expect } from 'chai';
import { systemClock } from '../../../../src/base/clock.ts';
import { MeshproofError } from '../../../../src/base/errors.ts';
import { KubeApiError } from '../../../../src/kube/kube-api-error.ts';
import { brokenWorkload } from '../../../../src/observe/health/broken-workload.ts';
import type { Check, CheckContext, Finding } from '../../../../src/observe/health/check.ts';
import { runCheck, statusOf } from '../../../../src/observe/health/take-health.ts';

const check = (run: Check['run']): Check => ({ id: 'kubernetes/x', title: 'X', category: 'kubernetes', run });
const context = (signal = new AbortController().signal) =>
  ({ signal, clock: systemClock, namespaces: [] }) as unknown as CheckContext;
const pass: Finding = { status: 'pass', observed: 'fine' };

describe('runCheck', () => {
  it('adds the check’s own words to what it found', async () => {
    expect(
      await runCheck(
        check(async () => pass),
        context(),
        1000,
      ),
    ).to.deep.equal([{ id: 'kubernetes/x', title: 'X', category: 'kubernetes', ...pass }]);
  });

  it('turns a throw into an error with its reason and hint', async () => {
    const thrown = new MeshproofError('MESHPROOF_KUBE_API', 'GET /x: Forbidden', 'The user lacks this permission.');
    const [result] = await runCheck(
      check(() => Promise.reject(thrown)),
      context(),
      1000,
    );
    expect(result).to.include({
      status: 'error',
      observed: 'GET /x: Forbidden',
      hint: 'The user lacks this permission.',
    });
  });

  it('has no conclusion where the user may not look', async () => {
    const forbidden = KubeApiError.fromResponse('GET /x', { httpStatus: 403, body: '{"reason":"Forbidden"}' });
    const [result] = await runCheck(
      check(() => Promise.reject(forbidden)),
      context(),
      1000,
    );
    expect(result).to.include({ status: 'invalid' });
  });

  it('skips what would make an object where nothing is to be made', async () => {
    let ran = 0;
    const makes: Check = { ...check(async () => (ran++, pass)), makes: true };
    const [skipped] = await runCheck(makes, { ...context(), readOnly: true }, 1000);
    expect([skipped?.status, ran]).to.deep.equal(['skipped', 0]);
    expect((await runCheck(makes, context(), 1000))[0]).to.include({ status: 'pass' });
  });

  it('gives up on a check that hangs, and tells it so', async () => {
    let told: unknown;
    const hangs = check(({ signal }) => {
      signal.addEventListener('abort', () => (told = signal.reason));
      return new Promise(() => {});
    });
    expect((await runCheck(hangs, context(), 20))[0]).to.include({
      status: 'error',
      observed: 'no result after 0.02 s',
    });
    expect(told).to.be.instanceOf(MeshproofError);
  });

  it('lets an interrupt through', async () => {
    const stop = new AbortController();
    const waits = check(
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    );
    const running = runCheck(waits, context(stop.signal), 10_000).then(
      () => undefined,
      (error: unknown) => error,
    );
    stop.abort(new Error('Ctrl-C'));
    expect(await running).to.have.property('message', 'Ctrl-C');
  });
});

describe('statusOf', () => {
  const of = (...all: Finding['status'][]) => statusOf(all.map((status) => ({ status })));
  it('is the worst; skipped ones do not lower it; nothing is no pass', () => {
    expect(of('pass', 'skipped')).to.equal('pass');
    expect(of('pass', 'invalid', 'skipped')).to.equal('invalid');
    expect(of('pass', 'error', 'invalid')).to.equal('error');
    expect(of('fail', 'error', 'pass')).to.equal('fail');
    expect(of('skipped')).to.equal('skipped');
    expect(of()).to.equal('invalid');
  });
});

describe('brokenWorkload', () => {
  it('stays inside its own namespace', () => {
    const [namespace, ...rest] = brokenWorkload('broken', 'image');
    expect(namespace!.metadata.name).to.equal('broken');
    expect(rest.map(({ metadata }) => metadata.namespace)).to.deep.equal(['broken', 'broken']);
  });
});
