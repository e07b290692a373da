import { expect } from 'chai';
import { readProxyConfig } from '../../../../src/meshes/consul/proxy-config.ts';
import { recorded } from '../recorded.ts';

const read = (name: string) => readProxyConfig(JSON.parse(recorded(name)));

describe('what a sidecar of Consul is told to do', () => {
  it('is read from the listener where the service has no router', () => {
    const { upstreams } = read('client-config');
    expect([...upstreams.keys()]).to.deep.equal(['server']);
    const { routes, ejectsAfter5xx } = upstreams.get('server')!;
    expect(ejectsAfter5xx).to.equal(0);
    expect(routes!.map(({ retries, onStatus, timeoutMs }) => ({ retries, onStatus, timeoutMs }))).to.deep.equal([
      { retries: 0, onStatus: [], timeoutMs: undefined },
    ]);
  });

  it('is read from the routes sent apart where it has one', () => {
    const [route] = read('client-config-with-router').upstreams.get('server')!.routes!;
    expect(route).to.include({ prefix: '/', retries: 4, timeoutMs: 1000 });
  });

  it('says who is let in, and whether plaintext is', () => {
    const server = read('server-config');
    expect([...server.callers!]).to.deep.equal(['client']);
    expect(server.permissive).to.equal(false);
    const dump = JSON.parse(recorded('server-config'));
    const listeners = dump.configs.find((config: { '@type': string }) =>
      config['@type'].endsWith('.ListenersConfigDump'),
    );
    const inbound = listeners.dynamic_listeners.find(({ name }: { name: string }) =>
      name.startsWith('public_listener'),
    );
    const chains = inbound.active_state.listener.filter_chains;
    chains.push({ filters: chains[0].filters });
    expect(readProxyConfig(dump).permissive).to.equal(true);
  });

  it('has no callers where it has no listener for others', () => {
    const dump = JSON.parse(recorded('server-config'));
    const listeners = dump.configs.find((config: { '@type': string }) =>
      config['@type'].endsWith('.ListenersConfigDump'),
    );
    listeners.dynamic_listeners = [];
    expect(readProxyConfig(dump).callers).to.equal(undefined);
  });
});
