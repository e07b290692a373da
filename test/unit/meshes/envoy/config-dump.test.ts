import { expect } from 'chai';
import { serviceOfCluster } from '../../../../src/meshes/consul/names.ts';
import { readConfigDump } from '../../../../src/meshes/envoy/config-dump.ts';
import { recorded } from '../recorded.ts';

const read = (name: string) => readConfigDump(JSON.parse(recorded(name)), serviceOfCluster);

describe('what a proxy is told to do', () => {
  it('is read from the listener where the service has no router', () => {
    const { upstreams, rejected } = read('client-config');
    expect([...upstreams]).to.deep.equal([['server', { route: { retries: 0, onStatus: [] }, ejectsAfter5xx: 0 }]]);
    expect(rejected).to.deep.equal([]);
  });

  it('is read from the routes sent apart where it has one', () => {
    const { upstreams } = read('client-config-with-router');
    expect(upstreams.get('server')!.route).to.deep.equal({ retries: 4, onStatus: [503], timeoutMs: 1000 });
  });

  it('says who is let in, and whether plaintext is', () => {
    const server = read('server-config');
    expect([...server.callers!]).to.deep.equal(['client']);
    expect(server).to.include({ permissive: false, hasPublicListener: true });
    const dump = JSON.parse(recorded('server-config'));
    const listeners = dump.configs.find((config: { '@type': string }) =>
      config['@type'].endsWith('.ListenersConfigDump'),
    );
    const inbound = listeners.dynamic_listeners.find(({ name }: { name: string }) =>
      name.startsWith('public_listener'),
    );
    const chains = inbound.active_state.listener.filter_chains;
    chains.push({ filters: chains[0].filters });
    expect(readConfigDump(dump, serviceOfCluster).permissive).to.equal(true);
  });

  it('names an update that the proxy refused', () => {
    const dump = JSON.parse(recorded('client-config'));
    const listeners = dump.configs.find((config: { '@type': string }) =>
      config['@type'].endsWith('.ListenersConfigDump'),
    );
    listeners.dynamic_listeners[0].error_state = { details: 'unknown filter' };
    expect(readConfigDump(dump, serviceOfCluster).rejected[0]).to.match(/: unknown filter$/);
  });

  it("takes Envoy's default of five errors for a cluster that ejects without saying when", () => {
    const dump = JSON.parse(recorded('client-config'));
    const clusters = dump.configs.find((config: { '@type': string }) =>
      config['@type'].endsWith('.ClustersConfigDump'),
    );
    for (const { cluster } of clusters.dynamic_active_clusters) cluster.outlier_detection = {};
    expect(readConfigDump(dump, serviceOfCluster).upstreams.get('server')!.ejectsAfter5xx).to.equal(5);
  });
});
