import { expect } from 'chai';
import type { HealthCheck } from '../../../src/observe/health/health.ts';
import { checkExitCode, checkText } from '../../../src/views/check-text.ts';
import { dataPlaneChecks, type DataPlaneInput } from '../../../src/views/data-plane.ts';
import { seen } from './pods.ts';

const check = (status: HealthCheck['status'], over: Partial<HealthCheck> = {}): HealthCheck => ({
  id: `mesh/${status}`,
  title: `It is ${status}`,
  category: 'mesh',
  status,
  observed: 'what was seen',
  ...over,
});
const text = (...checks: HealthCheck[]) =>
  checkText(checks, {
    categories: new Map([
      ['mesh', 'Mesh'],
      ['lab', 'Lab'],
    ]),
    paint: (_status, mark) => mark,
  }).split('\n');

describe('meshproof check', () => {
  it('is shown by category, with a mark and what was seen, and the sum of it last', () => {
    const dns = check('pass', { category: 'dns', title: 'Names resolve' });
    expect(text(dns, check('pass'))).to.deep.equal([
      ...['Mesh', '----', '√ It is pass: what was seen', ''],
      ...['dns', '---', '√ Names resolve: what was seen', ''],
      'Status check results are √',
    ]);
  });

  it('has a hint where something is wrong', () => {
    const lines = text(check('fail', { hint: 'Look there.' }), check('pass', { hint: 'not needed' }));
    expect(lines).to.include.members([
      '× It is fail: what was seen',
      '    hint: Look there.',
      'Status check results are ×',
    ]);
    expect(lines.join()).not.to.contain('not needed');
    expect(text(check('skipped'))).to.include('- It is skipped: skipped: what was seen');
  });

  it('is short where all is well, and whole where it is not', () => {
    const observed = 'one pod after the other, '.repeat(20);
    expect(text(check('pass', { observed }))[2])
      .to.have.length.below(200)
      .and.to.match(/ …$/);
    expect(text(check('fail', { observed }))[2]).to.contain(observed);
  });

  it('ends with 1 for a failure, 3 for a check that broke, 4 for one without a conclusion', () => {
    expect(checkExitCode([check('pass'), check('skipped')])).to.equal(0);
    expect(checkExitCode([check('pass'), check('invalid')])).to.equal(4);
    expect(checkExitCode([check('invalid'), check('error')])).to.equal(3);
    expect(checkExitCode([check('error'), check('fail')])).to.equal(1);
    expect(checkExitCode([]), 'nothing was looked at').to.equal(4);
  });
});

describe('meshproof check --proxy', () => {
  const now = Date.parse('2026-05-01T12:00:00Z');
  const certificate = { identity: 'spiffe://mesh/ns/shop/sa/trips', notBefore: now - 1000, notAfter: now + 3_600_000 };
  const checks = (over: Partial<DataPlaneInput> = {}) =>
    dataPlaneChecks({
      ...{ pods: [seen('trips', 'trips-1')], problems: [], now, minLeftMs: 600_000 },
      certificates: new Map([['uid-trips-1', [certificate]]]),
      ...over,
    });

  it('has one line for each pod: its sidecar, and how long its certificate lives', () => {
    const [one] = checks();
    expect(one).to.include({ id: 'data-plane/trips-1', status: 'pass' });
    expect(one!.observed).to.equal('sidecar connected and in sync; certificate of …/sa/trips lives 3600 s more');
  });

  it('finds a replica without a sidecar, and leaves alone what is kept out on purpose', () => {
    const pods = [seen('trips', 'trips-1'), seen('trips', 'bare', false), seen('job', 'job-1', false)];
    const problem = {
      pod: 'bare',
      namespace: 'shop',
      service: 'trips',
      problem: 'no-sidecar',
      detail: 'plaintext',
    } as const;
    const found = checks({ pods, problems: [problem] });
    expect(found.map(({ id, status }) => [id, status])).to.deep.equal([
      ['data-plane/trips-1', 'pass'],
      ['data-plane/bare', 'fail'],
    ]);
    expect(found[1]!.observed).to.equal('no-sidecar: plaintext');
    expect(found[1]!.hint).to.contain('delete it');
    expect(checkExitCode(found)).to.equal(1);
  });

  it('finds certificates that are missing, expired or about to be', () => {
    const held = (over: object) =>
      checks({ certificates: new Map([['uid-trips-1', [{ ...certificate, ...over }]]]) })[0]!;
    expect(held({ notAfter: now - 1 })).to.include({ status: 'fail' });
    expect(held({ notAfter: now + 1000 }).observed).to.contain('less than 600 s');
    expect(checks({ certificates: new Map([['uid-trips-1', []]]) })[0]!.observed).to.contain('holds no certificate');
    expect(checks({ certificates: new Map() })[0], 'could not be asked').to.include({ status: 'error' });
  });
});
