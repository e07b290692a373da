import { expect } from 'chai';
import { secretValues } from '../../../src/evidence/lab-secrets.ts';

const secret = (data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'one' },
  data: Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value).toString('base64')])),
});

describe('what Secrets of a lab hold', () => {
  it('is hidden where its name is one of a password, token or key', () => {
    const names = ['SQL_PASSWORD', 'token', 'tls.key', 'key.pem', 'key'];
    const data = Object.fromEntries(names.map((name) => [name, `value of ${name}`]));
    expect(secretValues([secret(data)])).to.deep.equal(names.map((name) => `value of ${name}`));
  });

  it('is told where it is a user’s name or a certificate, and of anything that is no Secret', () => {
    expect(
      secretValues([secret({ user: 'me', 'tls.crt': 'pem', 'crt.pem': 'pem', 'keyboard.txt': 'us' })]),
    ).to.deep.equal([]);
    expect(secretValues([{ ...secret({ token: 'x' }), kind: 'ConfigMap' }])).to.deep.equal([]);
  });
});
