import { expect } from 'chai';
import { keyLogFilter } from '../../../../src/meshes/istio/key-logs.ts';

type Patch = { match: { listener: { filterChain: object } } };
const chains = (permissive: boolean): object[] =>
  (keyLogFilter('web', { namespace: 'shop', permissive }).spec.configPatches as Patch[]).map(
    ({ match }) => match.listener.filterChain,
  );

describe('the filter that lets sidecars write key logs', () => {
  it('is for the sidecars of one service', () => {
    const { metadata, spec } = keyLogFilter('web', { namespace: 'shop', permissive: false });
    expect(metadata).to.include({ name: 'meshproof-key-log-web', namespace: 'shop' });
    expect(spec.workloadSelector).to.deep.equal({ labels: { 'service.istio.io/canonical-name': 'web' } });
  });

  it('patches every chain for TLS of a strict one, and only those of mutual TLS of a permissive one', () => {
    expect(chains(false)).to.deep.equal([{ transportProtocol: 'tls' }]);
    // Without an ALPN it would be the chain that passes TLS of the app's own on, which has no certificates.
    for (const chain of chains(true))
      expect(chain)
        .to.have.property('applicationProtocols')
        .that.matches(/^istio/);
  });
});
