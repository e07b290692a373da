import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { webcrypto } from 'node:crypto';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

export interface TestAuthority {
  pem: string;
  /** A leaf with these names, as PEM and DER. */
  issue(names: x509.JsonGeneralNames): Promise<{ cert: string; key: string; der: Buffer }>;
}

/** An authority that lives as long as the test. */
export async function testAuthority(): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as Crypto);
  const keys = await newKeys();
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=test authority',
    ...validity,
    signingAlgorithm: algorithm,
    keys,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const issue: TestAuthority['issue'] = async (names) => {
    const own = await newKeys();
    const leaf = await x509.X509CertificateGenerator.create({
      serialNumber: '02',
      subject: 'CN=leaf',
      issuer: root.subject,
      ...validity,
      signingAlgorithm: algorithm,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      extensions: [new x509.SubjectAlternativeNameExtension(names)],
    });
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64');
    const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`;
    return { cert: leaf.toString('pem'), key, der: Buffer.from(leaf.rawData) };
  };
  return { pem: root.toString('pem'), issue };
}

function newKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<CryptoKeyPair>;
}
