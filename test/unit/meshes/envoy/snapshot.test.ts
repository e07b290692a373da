import { expect } from 'chai';
import { consulStatNames } from '../../../../src/meshes/consul/names.ts';
import { leafCertificates } from '../../../../src/meshes/envoy/certificates.ts';
import { readSnapshot } from '../../../../src/meshes/envoy/snapshot.ts';
import { countOf } from '../../../../src/observe/telemetry/histogram.ts';
import { recorded } from '../recorded.ts';

const subject = { pod: 'client-1', podUid: 'u', service: 'client', takenAt: 2000, startedAt: 1000 };

describe("what a proxy's counters say", () => {
  it('keeps final answers, attempts, retries and timeouts of an edge apart', () => {
    const { outbound } = readSnapshot(recorded('client-stats'), subject, consulStatNames);
    expect(outbound).to.have.length(1);
    expect(outbound[0]).to.include({
      destination: 'server',
      attempts: 215,
      retries: 30,
      retrySuccesses: 15,
      retriesExhausted: 0,
      retryOverflow: 0,
      timeouts: 2,
      tlsHandshakes: 34,
      endpoints: 2,
      healthyEndpoints: 2,
    });
    expect(outbound[0]!.requestsByCode).to.deep.equal({ '200': 143, '503': 40, '504': 2 });
  });

  it('counts requests that ran into the timeout in the latency, which the cluster of Envoy does not', () => {
    const { outbound } = readSnapshot(recorded('client-stats'), subject, consulStatNames);
    expect(countOf(outbound[0]!.latency)).to.equal(185);
    expect(outbound[0]!.latency.exact).to.equal(true);
  });

  it('reads the side of the server', () => {
    const { inbound, outbound, saturation } = readSnapshot(recorded('server-stats'), subject, consulStatNames);
    expect(inbound.requestsByCode).to.deep.equal({ '200': 72, '503': 35 });
    expect(countOf(inbound.latency)).to.equal(107);
    expect(inbound.connections).to.equal(18);
    expect(inbound.tlsHandshakes).to.equal(17);
    expect(outbound).to.deep.equal([]);
    expect(saturation.memoryBytes).to.be.greaterThan(5e6);
    expect(saturation.activeConnections, 'without those to the admin port').to.equal(1);
  });

  it('counts what an intention refused as an answer of the service', () => {
    const stats = JSON.parse(recorded('server-stats')) as { stats: object[] };
    stats.stats.push({ name: 'http.public_listener.rbac.denied', value: 3 });
    const { inbound } = readSnapshot(JSON.stringify(stats), subject, consulStatNames);
    expect(inbound.requestsByCode).to.deep.equal({ '200': 72, '403': 3, '503': 35 });
  });
});

describe('the leaf certificates of a proxy', () => {
  it('are listed once, with the identity and the times', () => {
    const leaves = leafCertificates(JSON.parse(recorded('client-certs')));
    expect(leaves).to.have.length(1);
    expect(leaves[0]!.identity).to.match(/^spiffe:\/\/[0-9a-f-]+\.consul\/ns\/default\/dc\/dc1\/svc\/client$/);
    expect(leaves[0]!.notAfter - leaves[0]!.notBefore).to.equal(72 * 3600 * 1000);
  });
});
