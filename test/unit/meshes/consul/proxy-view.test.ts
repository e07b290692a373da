import { expect } from 'chai';
import { parseEnvoyCounters } from '../../../../src/observe/telemetry/envoy-histogram.ts';
import { proxyView } from '../../../../src/meshes/consul/proxy-view.ts';
import { startTrouble } from '../../../../src/meshes/consul/start-trouble.ts';
import { recorded } from '../recorded.ts';

const view = (side: 'client' | 'server', extra: Record<string, number> = {}) =>
  proxyView({
    info: { version: 'x/1.40.0/y', state: 'LIVE', uptime_current_epoch: '12s' },
    dump: JSON.parse(recorded(`${side}-config`)),
    certificates: JSON.parse(recorded(`${side}-certs`)),
    counters: new Map([...parseEnvoyCounters(recorded(`${side}-stats`)), ...Object.entries(extra)]),
  });
const inbound = 'listener.10.244.0.5_20000';

describe('what a sidecar was told and has done', () => {
  it('has the ways to others, with what was done there', () => {
    const { ways, identity, uptimeMs } = view('client');
    expect([...ways.keys()]).to.deep.equal(['server']);
    expect(ways.get('server')).to.include({ handshakes: 34, badCertificates: 0 });
    expect(ways.get('server')!.connections).to.be.at.least(34);
    expect(ways.get('server')!.addresses).to.include('10.96.94.89');
    expect(identity).to.match(/\/svc\/client$/);
    expect(uptimeMs).to.equal(12_000);
  });

  it('has who is let in, and what was refused', () => {
    expect([...view('server').lets!]).to.deep.equal(['client']);
    const seen = view('server', {
      [`${inbound}.ssl.connection_error`]: 3,
      [`${inbound}.ssl.fail_verify_no_cert`]: 2,
      [`${inbound}.ssl.fail_verify_san`]: 1,
      'http.public_listener.rbac.denied': 4,
    });
    expect(seen.refused).to.deep.equal({ notTls: 4, noCertificate: 2, badCertificate: 1, denied: 4 });
  });

  it('is connected only if it says so', () => {
    expect(view('client', { 'control_plane.connected_state': 1 }).connected).to.equal(true);
    expect(view('client', { 'control_plane.connected_state': 0 }).connected).to.equal(false);
  });
});

describe('why an init container of Consul ends', () => {
  const pod = (message?: string, restartCount = 1) => {
    const ended = { terminated: { exitCode: 1, message } };
    const status = {
      name: 'mesh-init',
      restartCount,
      ...(restartCount > 0 ? { state: { running: {} }, lastState: ended } : { state: ended }),
    };
    return {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'client-1' },
      status: { initContainerStatuses: [status] },
    };
  };
  const denied = `mesh-init: PUT /v1/config?cas=0 answered 403: Permission denied: token with AccessorID 'a' lacks permission 'service:write' on "client"`;

  it('is the identity where Consul allows it nothing, else the control plane', () => {
    expect(startTrouble(pod(denied))).to.include({ cause: 'identity' });
    const lost = 'mesh-init: cannot log in: connect ECONNREFUSED 10.96.0.3:8501';
    expect(startTrouble(pod(lost))).to.include({ cause: 'control plane' });
    expect(startTrouble(pod())!.observed).to.match(/it wrote nothing/);
  });

  it('counts its tries', () => {
    expect(startTrouble(pod(denied, 0))!.evidence[0]).to.equal('mesh-init failed 1 time');
    expect(startTrouble(pod(denied, 2))!.evidence[0]).to.equal('mesh-init failed 2 times');
  });

  it('is nothing while it runs for the first time', () => {
    const running = { name: 'mesh-init', restartCount: 0, state: { running: {} } };
    const young = { ...pod(), status: { initContainerStatuses: [running] } };
    expect(startTrouble(young)).to.equal(undefined);
  });
});
