import { expect } from 'chai';
import type { FaultRequest } from '../../../src/faults/fault.ts';
import type { FaultContext } from '../../../src/faults/define-fault.ts';
import { startFault } from '../../../src/faults/index.ts';
import type { HttpFaultSpec } from '../../../src/faults/injectors/point/point-fault.ts';
import { httpAbort } from '../../../src/faults/http/http-abort.ts';
import { httpDelay } from '../../../src/faults/http/http-delay.ts';
import type { PointResult } from '../../../src/faults/injectors/point/fault-point.ts';
import { LedgerReader, type Ledger } from '../../../src/faults/injectors/point/point-log.ts';
import { receiptsOf } from '../../../src/faults/injectors/point/receipt.ts';

interface Line {
  id?: string | null;
  start?: string;
  ms?: number;
  heldUs?: number | null;
  status?: number;
  flags?: string;
  path?: string;
}

const line = (fields: Line): string =>
  JSON.stringify({
    id: 'r-1',
    start: '1795247390.419',
    ms: 1,
    heldUs: 200,
    status: 200,
    flags: '-',
    path: '/api/trips?planted-token=x',
    ...fields,
  });

const abort: FaultRequest & HttpFaultSpec = {
  kind: 'http-abort',
  target: 'trips',
  percentage: 30,
  status: 503,
  pathPrefix: '/api/trips',
};
const delay: FaultRequest & HttpFaultSpec = { kind: 'http-delay', target: 'trips', percentage: 100, delayMs: 500 };
const calibrated = (on: Line): string[] => [
  line({ id: 'meshproof-calibration-off-1', path: '/.meshproof/calibration' }),
  line({ id: 'meshproof-calibration-on-1', path: '/.meshproof/calibration', ...on }),
];

function ledgerOf(lines: string[]): Ledger {
  const reader = new LedgerReader('trips-a');
  for (const text of lines) reader.take(text);
  return reader.ledger;
}

function result(lines: string[], change: Partial<PointResult> = {}): PointResult {
  const { entries, calibration } = ledgerOf(lines);
  const pod = { namespace: 'n', name: 'trips-a', uid: 'u', ip: '10.0.0.1', node: 'x' };
  return {
    pod,
    onsetMs: 300,
    startedAt: 1000,
    endedAt: 9000,
    undone: true,
    measured: {},
    entries,
    calibration,
    problems: [],
    ...change,
  };
}

describe('ledger of a fault point', () => {
  it('reads what Envoy’s flags say', () => {
    const { entries, calibration } = ledgerOf([
      line({ flags: 'FI', status: 503, heldUs: null }),
      line({ flags: 'DI,DC', status: 0, heldUs: null }),
      line({ id: null }),
      ...calibrated({}),
    ]);
    expect(entries.map(({ injected, cancelled, requestId }) => [injected, cancelled, requestId])).to.deep.equal([
      ['abort', false, 'r-1'],
      ['delay', true, 'r-1'],
      [undefined, false, ''],
    ]);
    expect(entries[0]).to.include({ startedAt: 1795247390419, path: '/api/trips', pod: 'trips-a', heldMs: undefined });
    expect([calibration.off.length, calibration.on.length]).to.deep.equal([1, 1]);
  });

  it('finds the marks of its beginning and end', () => {
    const lines = [
      line({ id: 'meshproof-mark-start', start: '10.001' }),
      line({}),
      line({ id: 'meshproof-mark-end', start: '12.500' }),
    ];
    const { entries, marks } = ledgerOf(lines);
    expect(marks).to.deep.equal({ start: 10_001, end: 12_500 });
    expect(entries.map((entry) => entry.requestId)).to.deep.equal(['r-1']);
  });

  it('throws on a line that is none, rather than losing it', () => {
    expect(() => ledgerOf(['{"id":"r-1"'])).to.throw(SyntaxError);
  });
});

describe('receipts', () => {
  it('sum up the pods, with counts, and leave the judgement of the share to others', () => {
    const hit = line({ flags: 'FI', status: 503, heldUs: null });
    const good = calibrated({ flags: 'FI', status: 503, heldUs: null });
    const receipts = receiptsOf(httpAbort.point, abort, 'm', [
      result([hit, line({}), line({ path: '/api/poi' }), ...good]),
      result([line({}), line({}), ...good], { startedAt: 2000, endedAt: 8000, onsetMs: 900 }),
    ]);
    expect(receipts).to.have.length(3);
    const sum = receipts.at(-1);
    expect(sum?.measured).to.include({ requests: 4, injected: 1, sharePercent: 25, otherRequests: 1, pods: 2 });
    expect(sum).to.include({ target: 'trips', startedAt: 2000, endedMs: 8000, onsetMs: 900, undone: true });
    expect(sum?.problems).to.deep.equal([]);
  });

  it('say that nothing reached the fault', () => {
    const receipts = receiptsOf(httpAbort.point, abort, 'm', [result(calibrated({ flags: 'FI', status: 503 }))]);
    expect(receipts.at(-1)?.problems).to.deep.equal(['no request reached the fault']);
    expect(receipts.at(-1)?.measured['sharePercent']).to.equal(0);
  });

  it('say that an abort was not one: wrong status, or a calibration that came through', () => {
    const wrong = receiptsOf(httpAbort.point, abort, 'm', [
      result([line({ flags: 'FI', status: 500 }), ...calibrated({ status: 200 })]),
    ]).at(-1);
    expect(wrong?.problems.join()).to.contain('status 500, not 503').and.to.contain('no calibration request');
  });

  const delays: [string, string[], string | undefined][] = [
    ['as asked', [500_100, 501_000, 502_000].map((heldUs) => line({ flags: 'DI', heldUs })), undefined],
    [
      'off by more than 5 ms',
      [507_000, 507_000, 508_000].map((heldUs) => line({ flags: 'DI', heldUs })),
      'the calibrated delay is 507.0 ms, asked were 500 ms',
    ],
    ['never seen to its end', [line({ flags: 'DI,DC', status: 0, heldUs: null })], 'could not be calibrated'],
    [
      'cancelled, but calibrated by itself',
      [line({ flags: 'DI,DC', status: 0, heldUs: null }), ...calibrated({ flags: 'DI', ms: 503 })],
      undefined,
    ],
    [
      'cancelled, and calibrated wrong',
      [line({ flags: 'DI,DC', status: 0, heldUs: null }), ...calibrated({ flags: 'DI', ms: 520 })],
      'calibrated delay is 519.0 ms',
    ],
  ];
  for (const [what, lines, problem] of delays) {
    it(`judge a delay ${what}`, () => {
      const problems = receiptsOf(httpDelay.point, delay, 'm', [result(lines)]).at(-1)?.problems ?? [];
      if (problem === undefined) expect(problems).to.deep.equal([]);
      else expect(problems.join()).to.contain(problem);
    });
  }

  it('take the time of undelayed requests off', () => {
    const lines = [505_000, 505_000, 505_000].map((heldUs) => line({ flags: 'DI', heldUs }));
    const receipt = receiptsOf(httpDelay.point, { ...delay, percentage: 50 }, 'm', [
      result([...lines, line({ heldUs: 4000 })]),
    ]).at(-1);
    expect(receipt?.measured['delayMs']).to.equal(501);
  });

  it('carry what went wrong in a pod', () => {
    const receipts = receiptsOf(httpDelay.point, delay, 'm', [
      result([], { undone: false, problems: ['trips-a: the fault proxy died'] }),
    ]);
    expect(receipts.at(-1)?.undone).to.equal(false);
    expect(receipts.at(-1)?.problems).to.include('trips-a: the fault proxy died');
  });
});

describe('fault kinds', () => {
  const wrong: FaultRequest[] = [
    { ...abort, percentage: 0 },
    { ...abort, percentage: 101 },
    { ...abort, percentage: NaN },
    { ...abort, status: 99 },
    { ...abort, status: 503.5 },
    { ...abort, pathPrefix: 'api' },
    { ...delay, delayMs: 0 },
    { ...delay, delayMs: NaN },
  ] as FaultRequest[];
  for (const spec of wrong) {
    it(`refuse ${JSON.stringify(spec)}`, async () => {
      const error: unknown = await startFault(spec, {} as FaultContext).catch((thrown: unknown) => thrown);
      expect(error).to.have.property('code', 'MESHPROOF_SCENARIO_INVALID');
    });
  }

  it('tell Envoy the share to a millionth', () => {
    expect(httpAbort.point.envoyFault(abort, 33.3333)).to.deep.equal({
      abort: { http_status: 503, percentage: { numerator: 333_333, denominator: 'MILLION' } },
    });
    expect(httpDelay.point.envoyFault(delay, 100)).to.deep.equal({
      delay: { fixed_delay: '0.5s', percentage: { numerator: 1_000_000, denominator: 'MILLION' } },
    });
  });
});
