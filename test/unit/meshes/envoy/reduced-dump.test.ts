import { expect } from 'chai';
import { reducedDump } from '../../../../src/meshes/envoy/reduced-dump.ts';
import { recorded } from '../recorded.ts';

const type = (kind: string): string => `type.googleapis.com/envoy.admin.v3.${kind}`;

describe('what is kept of a proxy’s configuration', () => {
  it('has routes, clusters and listeners, and can be read as before', () => {
    const text = JSON.stringify(reducedDump(JSON.parse(recorded('client-config-with-router'))));
    expect(text).to.contain('retriable_status_codes').and.to.contain('outbound_listener');
  });

  it('has no token, no key and no certificate', () => {
    const dump = {
      configs: [
        {
          '@type': type('BootstrapConfigDump'),
          bootstrap: { grpc: { initial_metadata: [{ key: 'x-consul-token', value: 'T0KEN' }] } },
        },
        { '@type': type('SecretsConfigDump'), secret: 'T0KEN' },
        {
          '@type': type('ClustersConfigDump'),
          version_info: '7',
          tls: { certificate_chain: { inline_string: 'PEM' }, private_key: { inline_bytes: 'T0KEN' } },
          grpc: { initial_metadata: [{ value: 'T0KEN' }] },
        },
      ],
    };
    const reduced = reducedDump(dump);
    expect(JSON.stringify(reduced)).not.to.match(/T0KEN|PEM/);
    expect(reduced).to.deep.equal({
      configs: [
        {
          '@type': type('ClustersConfigDump'),
          tls: { certificate_chain: '[certificate]', private_key: '[secret]' },
          grpc: { initial_metadata: '[secret]' },
        },
      ],
    });
  });
});
