import { expect } from 'chai';
import { judgeProxySettings } from '../../../../src/meshes/istio/proxy-settings.ts';

/** As Istio's template of the bootstrap renders it, with the patterns that are always there. */
const dump = (...patterns: object[]): unknown => ({
  configs: [
    {
      '@type': 'type.googleapis.com/envoy.admin.v3.BootstrapConfigDump',
      bootstrap: {
        stats_config: {
          stats_matcher: { inclusion_list: { patterns: [{ prefix: 'reporter=' }, ...patterns, { prefix: 'istio' }] } },
        },
      },
    },
  ],
});
const problems = (seen: unknown, drain = '2s'): string[] =>
  judgeProxySettings([{ pod: 'web-1', dump: seen, info: { command_line_options: { drain_time: drain } } }]).problems;

describe('what every proxy of Istio must keep', () => {
  it('is every counter that claims rest on', () => {
    expect(problems(dump({ safe_regex: { regex: '.*' } }))).to.deep.equal([]);
    expect(
      problems({ configs: [{ '@type': '.BootstrapConfigDump', bootstrap: {} }] }),
      'nothing left out',
    ).to.deep.equal([]);
    expect(problems(dump({ prefix: 'cluster.' }, { prefix: 'http.' }, { prefix: 'listener.' }))).to.deep.equal([]);
  });

  it('is not what Istio keeps by itself: the first that is missing is named', () => {
    expect(problems(dump())).to.deep.equal([
      'web-1 leaves out counters: cluster.outbound|80||web.shop.svc.cluster.local;.upstream_rq_retry_success',
    ]);
    expect(problems(dump({ safe_regex: { regex: '.*upstream_rq.*' } }))[0]).to.include('.ssl.handshake');
    expect(problems(dump({ safe_regex: { regex: '(' } }))).to.have.length(1);
    expect(problems({ configs: [] })[0]).to.include('all, as far as it shows');
  });

  it('is old connections for a few seconds only', () => {
    const fine = dump({ safe_regex: { regex: '.*' } });
    expect(problems(fine, '45s')).to.deep.equal(['web-1 drains old connections for 45 s']);
    expect(judgeProxySettings([{ pod: 'web-1', dump: fine, info: {} }]).problems[0]).to.include('600 s');
  });
});
