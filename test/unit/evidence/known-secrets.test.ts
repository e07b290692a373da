import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect } from 'chai';
import { KnownSecrets, knownSecrets } from '../../../src/evidence/known-secrets.ts';
import { labSecrets } from '../../../src/evidence/lab-secrets.ts';
import { findSecrets, redact } from '../../../src/evidence/redaction.ts';
import { openEvidence } from '../../../src/evidence/store.ts';
import { MeshproofError } from '../../../src/base/errors.ts';
import { printError } from '../../../src/cli/print.ts';
import { consoleProgress } from '../../../src/cli/progress.ts';
import { json, kubeconfigFor, ScriptedApi } from '../kube/api-server.ts';

/** Nothing about it says that it is one. */
const secret = 'correct/horse+"battery" ünd staple';
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('a secret that is known', () => {
  const secrets = new KnownSecrets([secret]);
  const texts: [string, string][] = [
    ['as it is', `x${secret}y`],
    ['in JSON', JSON.stringify({ note: secret })],
    ['in a URL', `http://h/?q=${encodeURIComponent(secret)}&x=1`],
    ['in base64', `value: ${base64(secret)}`],
    ['in base64 after one byte', base64(`:${secret}`)],
    ['in base64 after two bytes', base64(`a:${secret}`)],
    ['in base64 after a user name', `Basic ${base64(`postgres:${secret}`)}`],
    ['in base64 in the middle of something', base64(JSON.stringify({ a: 'b'.repeat(31), p: secret, z: 1 }))],
    ['in base64 for URLs', Buffer.from(`ab${secret}`).toString('base64url')],
  ];
  for (const [what, text] of texts) {
    it(`is found and cut out ${what}`, () => {
      expect(redact(text, { secrets: new KnownSecrets() }), 'without knowing it').to.equal(text);
      expect(findSecrets(text, { secrets })).to.have.length(1);
      const clean = redact(text, { secrets });
      expect(clean).to.contain('[redacted secret]');
      for (const part of [secret.slice(4, 20), base64(secret).slice(8, 24), base64(`:${secret}`).slice(8, 24)]) {
        expect(clean).not.to.contain(part);
      }
      expect(findSecrets(clean, { secrets })).to.deep.equal([]);
      expect(redact(clean, { secrets })).to.equal(clean);
    });
  }

  it('goes in base64 wherever it begins, whatever its length', () => {
    for (let length = 8; length < 24; length++) {
      const value = randomBytes(length).toString('hex').slice(0, length);
      for (let before = 0; before < 6; before++) {
        for (let after = 0; after < 6; after++) {
          const text = base64(`${'x'.repeat(before)}${value}${'y'.repeat(after)}`);
          const clean = redact(text, { secrets: new KnownSecrets([value]) });
          const left = Buffer.from(clean.replaceAll('[redacted secret]', ''), 'base64').toString('latin1');
          expect(clean, `${length} ${before} ${after}`).to.contain('[redacted secret]');
          for (let at = 0; at + 3 <= value.length; at++) expect(left).not.to.contain(value.slice(at, at + 3));
        }
      }
    }
  });

  it('that has several lines goes line by line, also when its first line is missing', () => {
    const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const known = new KnownSecrets([pem as string]);
    const [, first = '', second = ''] = (pem as string).split('\n');
    expect(redact(`log: ${second}\nmore`, { secrets: known })).to.equal('log: [redacted secret]\nmore');
    expect(redact(JSON.stringify({ half: `${first}\n${second}` }), { secrets: known })).to.equal(
      '{"half":"[redacted secret]\\n[redacted secret]"}',
    );
  });

  it('that would be found everywhere is not looked for, and its giver is told', () => {
    const known = new KnownSecrets();
    expect([known.add('ab12'), known.add(''), known.add('ab1234')]).to.deep.equal([false, false, true]);
    expect(redact('ab12 ab1234', { secrets: known })).to.equal('ab12 [redacted secret]');
  });

  it('is whole gone when another is a part of it', () => {
    const known = new KnownSecrets(['abcdef', 'abcdef-ghijkl']);
    expect(redact('abcdef-ghijkl abcdef', { secrets: known })).to.equal('[redacted secret] [redacted secret]');
  });
});

describe('evidence of a run that knows secrets', () => {
  let dir = '';
  beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'meshproof-test-'))));
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const read = (path: string): string => {
    const bytes = readFileSync(join(dir, path));
    return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
  };

  it('has none of them in text, JSON, lines and logs, nor one that is added later', async () => {
    const evidence = await openEvidence(dir, { secrets: new KnownSecrets(['first-of-them']) });
    evidence.addSecret('second-of-them');
    const both = `first-of-them, ${base64('x:second-of-them')}`;
    const value = { deep: [{ both }], [`key second-of-them`]: 1 };
    async function* pieces(): AsyncGenerator<string> {
      for (const letter of `${both}\n`.repeat(3)) yield await Promise.resolve(letter);
    }
    const paths = [
      await evidence.text('evidence/a.txt', both),
      await evidence.json('evidence/a.json', value),
      await evidence.ndjson('evidence/a.ndjson', [value, value]),
      await evidence.ndjson('evidence/a.ndjson.gz', [value, value]),
      await evidence.log('evidence/a.log', pieces()),
      await evidence.log('evidence/a.log.gz', pieces()),
    ];
    for (const path of paths) {
      const text = read(path);
      expect(text, path).to.contain('[redacted secret]');
      expect(findSecrets(text, { secrets: evidence.secrets }), path).to.deep.equal([]);
    }
  });

  it('two runs do not know each other’s', async () => {
    const [one, other] = await Promise.all([
      openEvidence(join(dir, '1'), { secrets: new KnownSecrets() }),
      openEvidence(join(dir, '2'), { secrets: new KnownSecrets() }),
    ]);
    one.addSecret('only-of-one');
    await other.text('evidence/a.txt', 'only-of-one');
    expect(read('2/evidence/a.txt')).to.equal('only-of-one');
  });

  it('takes those of this process when it is told none, as errors and progress do', async () => {
    const own = `unit-${randomBytes(8).toString('hex')}`;
    knownSecrets.add(own);
    const evidence = await openEvidence(dir);
    await evidence.text('evidence/a.txt', own);
    expect(read('evidence/a.txt')).to.equal('[redacted secret]');
    const written: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (text: string | Uint8Array) => written.push(String(text)) > 0;
    try {
      const cause = new Error(`it said ${own}`);
      printError(new MeshproofError('MESHPROOF_INTERNAL', `refused: ${own}`, `try ${own}`, { cause }));
      using progress = consoleProgress({ timings: [] });
      progress.info(`info ${own}`);
      await progress.step(`step ${own}`, async () => {});
    } finally {
      process.stderr.write = write;
    }
    const all = written.join('');
    expect(all).not.to.contain(own);
    for (const what of ['refused: [red', 'try [red', 'it said [red', 'info [red', 'step [red'])
      expect(all).to.contain(what);
  });
});

describe('secrets of a lab', () => {
  it('are what its Secrets hold under such names, and its client’s key; user names and certificates are none', async () => {
    const data = {
      SQL_USER: 'postgres',
      SQL_PASSWORD: 'pw-of-the-database',
      'tls.key': 'key-in-pem',
      'tls.crt': 'certificate',
      'ca.crt': 'authority',
      namespace: 'consul',
      token: 'token-of-an-account',
    };
    const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)]));
    await using api = await ScriptedApi.start((_, response) =>
      json(response, {
        kind: 'SecretList',
        metadata: {},
        items: [{ metadata: { name: 'a' }, data: encoded }, { metadata: { name: 'b' } }],
      }),
    );
    const config = JSON.parse(kubeconfigFor('http://127.0.0.1:1')) as { users: { user: object }[] };
    config.users[0]!.user = { 'client-key-data': base64('key-of-the-client') };
    const folder = mkdtempSync(join(tmpdir(), 'meshproof-test-'));
    try {
      const kubeconfigPath = join(folder, 'kubeconfig');
      writeFileSync(kubeconfigPath, JSON.stringify(config));
      expect(await labSecrets({ kube: api.client, kubeconfigPath })).to.deep.equal([
        'pw-of-the-database',
        'key-in-pem',
        'token-of-an-account',
        'key-of-the-client',
      ]);
      expect(api.asked.map(({ path }) => path.split('?')[0])).to.deep.equal(['/api/v1/secrets']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
