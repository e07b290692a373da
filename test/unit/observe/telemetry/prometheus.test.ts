import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import fc from 'fast-check';
import { MeshproofError } from '../../../../src/base/errors.ts';
import { parsePrometheus, scanPrometheus, type Sample } from '../../../../src/observe/telemetry/prometheus.ts';
import { readAppMetrics } from '../../../../src/observe/telemetry/app-metrics.ts';
import { prometheusHistograms } from '../../../../src/observe/telemetry/prometheus-histogram.ts';
import { parseFamilies } from '../../../../src/observe/telemetry/families.ts';

const escape = (text: string): string => text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/"/g, '\\"');
function number(value: number): string {
  if (Object.is(value, -0)) return '-0';
  return Math.abs(value) === Infinity ? (value > 0 ? '+Inf' : '-Inf') : String(value);
}
const labelSet = (labels: Record<string, string>): string =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}="${escape(value)}"`)
    .join(',')}}`;

function print(sample: Sample): string {
  const { name, labels, value, timestampMs, exemplar } = sample;
  const time = timestampMs === undefined ? '' : ` ${timestampMs}`;
  const tail = exemplar ? ` # ${labelSet(exemplar.labels)} ${number(exemplar.value)}` : '';
  return `${name}${Object.keys(labels).length ? labelSet(labels) : ''} ${number(value)}${time}${tail}\n`;
}

const metricName = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,20}$/);
const labels = fc.dictionary(
  fc.stringMatching(/^[a-zA-Z_][a-zA-Z0-9_]{0,10}$/),
  fc.string({ unit: 'grapheme', maxLength: 20 }),
  {
    maxKeys: 5,
    noNullPrototype: true,
  },
);
const sampleOf = fc.record(
  {
    name: metricName,
    labels,
    value: fc.double(),
    timestampMs: fc.integer({ min: 0, max: 2 ** 45 }),
    exemplar: fc.record({ labels, value: fc.double() }),
  },
  { requiredKeys: ['name', 'labels', 'value'], noNullPrototype: true },
);

describe('parsePrometheus', () => {
  it('reads back what was printed, whatever the labels hold', () => {
    fc.assert(
      fc.property(fc.array(sampleOf), (samples) => {
        expect(parsePrometheus(samples.map(print).join(''), { openMetrics: false })).to.deep.equal(samples);
      }),
    );
  });

  it('ends with samples or its own error on any text', () => {
    const junk = fc.array(
      fc.constantFrom('a', '{', '}', '"', '\\', '\n', ' ', '=', ',', '#', '1', 'NaN', 'le', '\r', 'é'),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(junk, (parts) => {
        try {
          parsePrometheus(parts.join(''));
        } catch (error) {
          expect(error).to.be.instanceOf(MeshproofError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('reads escapes, infinities, NaN, timestamps, blanks and CRLF', () => {
    const text =
      'a{x="q\\"b\\\\n\\n",y="" , } +Inf 1700000000123\r\n\n  # a comment\nb -Inf\nc NaN\nd{} 1e-3\n{"my.metric","my.label"="v"} 2\n';
    expect(parsePrometheus(text)).to.deep.equal([
      { name: 'a', labels: { x: 'q"b\\n\n', y: '' }, value: Infinity, timestampMs: 1700000000123 },
      { name: 'b', labels: {}, value: -Infinity },
      { name: 'c', labels: {}, value: NaN },
      { name: 'd', labels: {}, value: 0.001 },
      { name: 'my.metric', labels: { 'my.label': 'v' }, value: 2 },
    ]);
  });

  it('takes OpenMetrics timestamps as seconds', () => {
    const [sample] = parsePrometheus('a_bucket{le="1"} 3 1.5 # {trace_id="x"} 0.7 1.25\n# EOF\n');
    expect(sample).to.deep.equal({
      name: 'a_bucket',
      labels: { le: '1' },
      value: 3,
      timestampMs: 1500,
      exemplar: { labels: { trace_id: 'x' }, value: 0.7, timestampMs: 1250 },
    });
  });

  for (const [what, text, why] of [
    ['an HTML page', '# ok\n<html>503</html>\n', /line 2 .*metric name is missing/],
    ['a missing value', 'a{b="c"}\n', /value is missing/],
    ['a hexadecimal value', 'a 0x10\n', /not a number/],
    ['an empty word', 'a true\n', /not a number/],
    ['an open label set', 'a{b="c" 1\n', /not closed/],
    ['an open quote', 'a{b="c} 1\nd 2\n', /line 1 .*quoted text is not closed/],
    ['a bare label value', 'a{b=c} 1\n', /not quoted/],
    ['text after the value', 'a 1 2 3\n', /text after the value/],
    ['a label that stands there twice', 'd{code="200",code="503"} 5\n', /line 1 .*label code stands there twice/],
    ['a last number that may be cut', 'a 1\nb 12', /line 2 .*cut off: b 12/],
    ['what follows the end', '# TYPE a gauge\na 1\n# EOF\na_second 2\n', /line 4 .*follows # EOF: a_second 2/],
    ['a name with a digit first', '1a 1\n', /digit/],
  ] as const) {
    it(`refuses ${what} with its line`, () => {
      expect(() => parsePrometheus(text))
        .to.throw(MeshproofError, why)
        .with.property('code', 'MESHPROOF_METRICS_UNREADABLE');
    });
  }

  it('skips unwanted names', () => {
    const seen: string[] = [];
    scanPrometheus('a{x="1"} 1\nb 2\na 3\n{"b"} 4\n', ({ name, value }) => seen.push(`${name}${value}`), {
      only: (name) => name === 'a',
    });
    expect(seen).to.deep.equal(['a1', 'a3']);
  });
});

describe('prometheusHistograms', () => {
  const of = (text: string) => prometheusHistograms(parsePrometheus(text), 'h', { unit: 's' });

  it('reads cumulative buckets, with or without the last one', () => {
    expect(of('h_bucket{le="0.005"} 3\nh_bucket{le="+Inf"} 12\nh_count 12\nh_sum 1\n')[0]?.histogram).to.deep.equal({
      exact: false,
      upperBoundsMs: [5, Infinity],
      cumulative: [3, 12],
      sumMs: 1000,
    });
    expect(of('h_bucket{le="0.005"} 3\nh_count 12\n')[0]?.histogram.cumulative).to.deep.equal([3, 12]);
  });

  for (const [what, text, why] of [
    [
      'a count that is not the last bucket’s',
      'h_bucket{le="5"} 3\nh_bucket{le="+Inf"} 12\nh_count 15\nh_sum 1\n',
      /12 in its last bucket and a count of 15/,
    ],
    ['fractions of requests', 'h_bucket{le="5"} 2.5\nh_bucket{le="+Inf"} NaN\nh_count NaN\n', /no whole numbers/],
    ['counts below zero', 'h_bucket{le="+Inf"} -1\nh_count -1\n', /no whole numbers/],
    ['buckets that shrink', 'h_bucket{le="1"} 5\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 5\nh_count 5\n', /less in it/],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => of(text))
        .to.throw(MeshproofError, why)
        .with.property('code', 'MESHPROOF_METRICS_UNREADABLE');
    });
  }
});

describe('a service’s own metrics', () => {
  const promClient = [
    '# TYPE process_start_time_seconds gauge',
    'process_start_time_seconds 1700000000',
    '# TYPE http_request_duration_seconds histogram',
    ...[
      ['/api/trips', '200', 90],
      ['/api/trips', '500', 10],
      ['/metrics', '200', 4],
      ['/api/healthcheck/trips', '200', 30],
    ].flatMap(([route, code, n]) => [
      `http_request_duration_seconds_bucket{le="0.01",method="GET",route="${route}",code="${code}"} ${n}`,
      `http_request_duration_seconds_bucket{le="+Inf",method="GET",route="${route}",code="${code}"} ${n}`,
      `http_request_duration_seconds_sum{method="GET",route="${route}",code="${code}"} 1`,
      `http_request_duration_seconds_count{method="GET",route="${route}",code="${code}"} ${n}`,
    ]),
    '',
  ].join('\n');

  it('of prom-client: requests by code, without probes and those that asked for metrics', () => {
    const seen = readAppMetrics(promClient);
    expect(seen).to.deep.include({ startedAt: 1_700_000_000_000, requestsByCode: { '200': 90, '500': 10 } });
    expect(seen?.latency).to.deep.include({ upperBoundsMs: [10, Infinity], cumulative: [100, 100] });
  });

  it('of a counter by status', () => {
    const text =
      '# TYPE http_requests_total counter\nhttp_requests_total{status="200"} 7\nhttp_requests_total{status="503"} 1\n';
    expect(readAppMetrics(text)?.requestsByCode).to.deep.equal({ '200': 7, '503': 1 });
    expect(readAppMetrics(`${text}# EOF\n`)?.requestsByCode).to.deep.equal({ '200': 7, '503': 1 });
  });

  it('of something else: no witness', () => {
    expect(readAppMetrics('go_goroutines 7\n')).to.equal(undefined);
    expect(() => readAppMetrics('<html>404</html>\n')).to.throw(MeshproofError);
  });
});

describe('parseFamilies', () => {
  it("groups Envoy's own text", () => {
    const families = parseFamilies(readFileSync(new URL('fixtures/envoy.prom', import.meta.url), 'utf8'));
    const time = families.get('envoy_http_downstream_rq_time')!;
    expect(time.type).to.equal('histogram');
    const own = time.samples.filter(({ labels }) => labels['envoy_http_conn_manager_prefix'] === 'public_listener');
    expect(own.find(({ name }) => name.endsWith('_count'))?.value).to.equal(1100);
    expect(families.get('envoy_http_downstream_rq_total')).to.include({ type: 'counter' });
  });

  it('keeps help, unit, OpenMetrics counters and undeclared samples', () => {
    const families = parseFamilies(
      '# HELP h two\\nlines\n# TYPE h counter\n# UNIT h seconds\nh_total 1\nh_created 2\nlone 3\n# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 4\n# EOF\n',
    );
    expect(families.get('h')).to.deep.include({ type: 'counter', help: 'two\nlines', unit: 'seconds' });
    expect(families.get('h')!.samples).to.have.length(2);
    expect(families.get('s')!.samples).to.have.length(3);
    expect(families.get('lone')).to.include({ type: 'untyped' });
  });
});
