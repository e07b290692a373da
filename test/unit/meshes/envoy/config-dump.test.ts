import { expect } from 'chai';
import { readConfigDump } from '../../../../src/meshes/envoy/config-dump.ts';
import { recorded } from '../recorded.ts';

// eslint-disable-next-line @typescript-eslint/no-explicit-any
const dumpOf = (name: string): any => JSON.parse(recorded(name));
const sectionOf = (dump: { configs: { '@type': string }[] }, kind: string) =>
  dump.configs.find((config) => config['@type'].endsWith(`.${kind}`)) as never;

describe('what an Envoy is told to do', () => {
  it('names listeners and clusters, and no update that was refused', () => {
    const { listeners, clusters, rejected } = readConfigDump(dumpOf('client-config'));
    expect(listeners.map(({ name }) => name.split(':')[0])).to.have.members(['outbound_listener', 'public_listener']);
    expect(clusters.map(({ name }) => name.split('.')[0])).to.include.members(['local_app', 'server']);
    expect(rejected).to.deep.equal([]);
  });

  it('has routes that came apart from the listener, with what is done there', () => {
    const { listeners } = readConfigDump(dumpOf('client-config-with-router'));
    const [chain] = listeners.find(({ name }) => name.startsWith('outbound'))!.chains;
    expect(chain!.routes![0]).to.include({ prefix: '/', retries: 4, timeoutMs: 1000 });
    expect(chain!.routes![0]!.onStatus).to.deep.equal([503]);
  });

  it('names an update that the proxy refused', () => {
    const dump = dumpOf('client-config');
    (sectionOf(dump, 'ListenersConfigDump') as { dynamic_listeners: object[] }).dynamic_listeners[0] = {
      name: 'inbound',
      error_state: { details: 'unknown filter' },
    };
    expect(readConfigDump(dump).rejected).to.deep.equal(['inbound: unknown filter']);
  });

  it("takes Envoy's default of five errors for a cluster that ejects without saying when", () => {
    const dump = dumpOf('client-config');
    const section = sectionOf(dump, 'ClustersConfigDump') as {
      dynamic_active_clusters: { cluster: { outlier_detection?: object } }[];
    };
    for (const { cluster } of section.dynamic_active_clusters) cluster.outlier_detection = {};
    expect(readConfigDump(dump).clusters.map(({ ejectsAfter5xx }) => ejectsAfter5xx)).to.include(5);
  });
});
