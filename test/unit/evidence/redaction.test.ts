import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { writeEvidence, writeEvidenceLines, writeEvidenceText } from '../../../src/evidence/files.ts';
import { findSecrets, redact, redactValue } from '../../../src/evidence/redaction.ts';

const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
  type: 'pkcs8',
  format: 'pem',
}) as string;
const body = pem.split('\n')[1]!;
const jwt = `eyJhbGciOiJSUzI1NiJ9.${Buffer.from('{"sub":"system:serviceaccount:trips"}').toString('base64url')}.c2lnbmF0dXJlLW9mLXRoaXM`;
const uuid = '8f246b77-f3e1-ff88-5b48-8ec93abf3e05';

const ecKey = Buffer.from('-----BEGIN EC PRIVATE KEY-----\nabcdefghijklm').toString('base64');

/** What is planted, and the part of it that must be gone. */
const planted: [string, string, string][] = [
  ['a PEM key', pem, body],
  ['a PEM key in JSON', JSON.stringify({ key: pem }), body],
  ['a PEM key cut off', pem.slice(0, -40), body],
  [
    'a PEM key in base64',
    `client-key-data: ${Buffer.from(pem).toString('base64')}`,
    Buffer.from(pem).toString('base64').slice(40, 80),
  ],
  ['an EC key in base64 without a name', ecKey, ecKey.slice(40, 60)],
  ['a service account token', `token file says ${jwt} here`, jwt.split('.')[2]!],
  ['a bearer header', 'Authorization: Bearer abcdef0123456789.x', 'abcdef0123456789'],
  ['a basic header', '"authorization": "Basic cG9zdGdyZXM6aHVudGVyMg=="', 'cG9zdGdyZXM6aHVudGVyMg'],
  ['a Consul token header', `X-Consul-Token: ${uuid}`, uuid],
  ['a Consul token variable', `CONSUL_HTTP_TOKEN=${uuid}`, uuid],
  ['a Consul ACL reply', `{"AccessorID":"x","SecretID":"${uuid}"}`, uuid],
  ['a Consul config', `initial_management = "${uuid}"`, uuid],
  ['JSON in JSON', JSON.stringify({ log: JSON.stringify({ token: uuid }) }), uuid],
  ['a connection string', 'postgres://trips:hunter2@postgres:5432/trips?sslmode=disable', 'hunter2'],
  ['a libpq string', 'host=postgres user=trips password=hunter2 dbname=trips', 'hunter2'],
  ['a password variable', 'PGPASSWORD=hunter2', 'hunter2'],
  ['a password in YAML', 'POSTGRES_PASSWORD: "hunter2"', 'hunter2'],
  ['a pod environment in JSON', '{"name":"PGPASSWORD","value":"hunter2"}', 'hunter2'],
  ['a pod environment in YAML', '- name: PGPASSWORD\n  value: hunter2', 'hunter2'],
];

describe('secrets', () => {
  for (const [what, text, secret] of planted) {
    it(`${what} is found and cut out`, () => {
      expect(text).to.contain(secret);
      expect(findSecrets(text), 'found').not.to.be.empty;
      const clean = redact(text);
      expect(clean).not.to.contain(secret);
      expect(clean).to.contain('[redacted');
      expect(findSecrets(clean), 'still found').to.deep.equal([]);
      expect(redact(clean), 'twice').to.equal(clean);
    });
  }

  it('what is no secret stays as it is', () => {
    for (const text of [
      'spiffe://11111111-2222-3333-4444-555555555555.consul/ns/default/dc/dc1/svc/trips',
      'password authentication failed for user "trips"',
      '{"automountServiceAccountToken":false,"tokenExpirationSeconds":3607}',
      'sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
      '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
      'postgres://postgres:5432/trips',
      '{"requestId":"8f246b77-f3e1-ff88-5b48-8ec93abf3e05"}',
      '{"password":null}',
    ]) {
      expect(redact(text)).to.equal(text);
      expect(findSecrets(text)).to.deep.equal([]);
    }
  });

  it('long text without any is read once, not once for each of its characters', () => {
    const text = randomBytes(2_000_000).toString('hex');
    expect(redact(text)).to.equal(text);
    expect(findSecrets(text)).to.deep.equal([]);
  });

  it('says where, and never what', () => {
    const [found] = findSecrets(`one\ntwo PGPASSWORD=hunter2`);
    expect(found).to.deep.equal({ kind: 'password', line: 2, context: 'PGPASSWORD=' });
  });

  it('values lose them by key, and Kubernetes Secrets lose their data', () => {
    const clean = redactValue({
      password: 12345678,
      env: [
        { name: 'PGPASSWORD', value: 'a b' },
        { name: 'PGUSER', value: 'trips' },
      ],
      secret: { apiVersion: 'v1', kind: 'Secret', data: { any: 'aHVudGVyMg==' } },
      note: `Bearer abcdefghij`,
      n: 1,
      nothing: null,
    });
    const text = JSON.stringify(clean);
    for (const gone of ['12345678', 'a b', 'aHVudGVyMg', 'abcdefghij']) expect(text).not.to.contain(gone);
    expect(clean).to.deep.include({ n: 1, nothing: null });
    expect(clean.env[1]).to.deep.equal({ name: 'PGUSER', value: 'trips' });
  });
});

describe('evidence', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-evidence-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));
  const all = planted.map(([, text]) => text).join('\n');

  it('is written without the planted secrets, as text, as JSON, as a stream in small pieces, compressed', async () => {
    await writeEvidence(dir, 'evidence/a/log.txt', all);
    await writeEvidence(dir, 'evidence/a/value.json', { log: all, password: 'hunter2' });
    await writeEvidence(dir, 'evidence/a/value.json.gz', { log: all, password: 'hunter2' });
    await writeEvidenceLines(
      dir,
      'evidence/a/lines.ndjson.gz',
      planted.map(([, text]) => ({ text })),
    );
    // The two-line YAML needs its lines together; in a stream a line stands alone.
    const streamed = planted
      .filter(([what]) => what !== 'a pod environment in YAML')
      .map(([, text]) => text)
      .join('\n');
    const pieces = Array.from({ length: Math.ceil(streamed.length / 7) }, (_, index) =>
      streamed.slice(index * 7, index * 7 + 7),
    );
    await writeEvidenceText(dir, 'evidence/a/stream.log', pieces);
    const read = async (name: string): Promise<string> => {
      const bytes = await readFile(join(dir, 'evidence/a', name));
      return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    };
    for (const name of ['log.txt', 'value.json', 'value.json.gz', 'lines.ndjson.gz', 'stream.log']) {
      const text = await read(name);
      for (const [what, , secret] of planted) expect(text, `${what} in ${name}`).not.to.contain(secret);
      expect(findSecrets(text), name).to.deep.equal([]);
    }
  });

  it('keeps every other line of a stream, also after a key', async () => {
    await writeEvidenceText(dir, 'evidence/x.log', [`before\n${pem}after\n`, 'last without an end']);
    const text = await readFile(join(dir, 'evidence/x.log'), 'utf8');
    expect(text).to.contain('before\n').and.to.contain('after\n').and.to.contain('last without an end');
  });

  it('stays inside the evidence folder', async () => {
    for (const path of ['report.json', 'evidence/../report.json', '/etc/passwd']) {
      let message = '';
      await writeEvidence(dir, path, 'x').catch((error: unknown) => (message = String(error)));
      expect(message).to.contain('not an evidence path');
    }
  });

  it('bytes are written as they are', async () => {
    const bytes = new Uint8Array([0xd4, 0xc3, 0xb2, 0xa1, 0, 255]);
    await writeEvidence(dir, 'evidence/a.pcap', bytes);
    expect(new Uint8Array(await readFile(join(dir, 'evidence/a.pcap')))).to.deep.equal(bytes);
  });
});
