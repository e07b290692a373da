import { expect } from 'chai';
import { identityOfCertificate, parseSubjectAltName } from '../../../../src/observe/capture/certificate-identity.ts';
import { testAuthority, type TestAuthority } from './certificates.ts';

describe('identity of a certificate', () => {
  let authority: TestAuthority;
  before(async () => {
    authority = await testAuthority();
  });

  it('reads names, quoted ones too', () => {
    expect(parseSubjectAltName('')).to.deep.equal([]);
    expect(parseSubjectAltName('URI:spiffe://a/b, DNS:c.d')).to.deep.equal([
      { type: 'URI', value: 'spiffe://a/b' },
      { type: 'DNS', value: 'c.d' },
    ]);
    expect(parseSubjectAltName('DNS:"x, URI:spiffe://evil", IP Address:10.0.0.1')).to.deep.equal([
      { type: 'DNS', value: 'x, URI:spiffe://evil' },
      { type: 'IP Address', value: '10.0.0.1' },
    ]);
  });

  const cases: [names: Parameters<TestAuthority['issue']>[0], identity: string][] = [
    [
      [
        { type: 'dns', value: 'b.example' },
        { type: 'url', value: 'http://first/' },
        { type: 'url', value: 'spiffe://td/ns/x' },
      ],
      'spiffe://td/ns/x',
    ],
    [
      [
        { type: 'dns', value: 'b.example' },
        { type: 'url', value: 'http://first/' },
      ],
      'http://first/',
    ],
    [
      [
        { type: 'ip', value: '10.0.0.1' },
        { type: 'dns', value: 'trips.api.serviceaccount.identity.linkerd.cluster.local' },
      ],
      'trips.api.serviceaccount.identity.linkerd.cluster.local',
    ],
    [[{ type: 'ip', value: '10.0.0.1' }], ''],
    // A name cannot smuggle in another.
    [[{ type: 'dns', value: 'a, URI:spiffe://evil/x' }], 'a, URI:spiffe://evil/x'],
    [[{ type: 'url', value: 'spiffe://td/"a", URI:spiffe://evil/x' }], 'spiffe://td/"a", URI:spiffe://evil/x'],
  ];
  for (const [names, identity] of cases) {
    it(`${JSON.stringify(names)} is '${identity}'`, async () => {
      const { der } = await authority.issue(names);
      expect(identityOfCertificate(der)).to.equal(identity);
      // Again, from the cache.
      expect(identityOfCertificate(der)).to.equal(identity);
    });
  }

  it('what is no certificate throws', () => {
    expect(() => identityOfCertificate(Buffer.from('no certificate'))).to.throw();
  });
});
