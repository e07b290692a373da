import { X509Certificate } from 'node:crypto';
import { expect } from 'chai';
import { CertificateAuthority } from '../../../src/base/pki.ts';

describe('an authority below another', () => {
  it('is signed by it, may sign leaves, and nothing below them', async () => {
    const anchor = await CertificateAuthority.create('root.example');
    const other = await CertificateAuthority.create('root.example');
    const { certificate, key } = await anchor.issueAuthority('issuer.example');
    const issuer = new X509Certificate(certificate);
    const root = new X509Certificate(anchor.pair.certificate);
    expect(issuer.ca).to.equal(true);
    expect(issuer.subject).to.equal('CN=issuer.example');
    expect(issuer.checkIssued(root)).to.equal(true);
    expect(issuer.verify(root.publicKey)).to.equal(true);
    expect(issuer.verify(new X509Certificate(other.pair.certificate).publicKey), 'of the same name').to.equal(false);
    expect(key).to.match(/^-----BEGIN PRIVATE KEY-----/);
    // BasicConstraints, critical, CA with a path length of 0: 06 03 55 1d 13, 01 01 ff, 04 08 30 06 01 01 ff 02 01 00.
    expect(issuer.raw.toString('hex')).to.include('0603551d130101ff040830060101ff020100');
  });
});
