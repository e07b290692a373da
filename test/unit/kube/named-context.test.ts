import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { CertificateAuthority } from '../../../src/base/pki.ts';
import { MeshproofError } from '../../../src/base/errors.ts';
import { namedContext, type ContextOptions } from '../../../src/kube/named-context.ts';

describe('a context that is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meshproof-context-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const context = (name: string, cluster = 'c', user = 'u') => ({ name, context: { cluster, user } });
  const config = (over: object = {}) => ({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'prod',
    clusters: [{ name: 'c', cluster: { server: 'https://10.0.0.1' } }],
    users: [{ name: 'u', user: { token: 'opaque' } }],
    contexts: [context('prod'), context('prod-like')],
    ...over,
  });
  const user = (own: object) => config({ users: [{ name: 'u', user: own }] });
  const file = (content: object | string): string => {
    const path = join(folder, 'config');
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
    return path;
  };
  /** What it is refused with, or the name of the context. */
  const told = async (content: object | string, options: Partial<ContextOptions> = {}): Promise<string> => {
    try {
      const found = await namedContext({ kubeconfig: file(content), context: 'prod-like', ...options });
      return found.context;
    } catch (error) {
      expect(error).to.be.instanceOf(MeshproofError);
      const { code, message, hint } = error as MeshproofError;
      return `${code}: ${message} (${hint})`;
    }
  };

  it('is taken, and the current one is not taken in its place', async () => {
    expect(await told(config())).to.equal('prod-like');
    expect(await told(config(), { context: undefined })).to.match(
      /^MESHPROOF_USAGE: No context is named.* prod, prod-like/,
    );
    expect(await told(config(), { context: 'prod-lke' })).to.match(/did you mean `prod-like`/);
  });

  it('is refused where nobody can tell which is meant', async () => {
    const twice = await told(config({ contexts: [context('prod-like'), context('prod-like', 'other')] }));
    expect(twice).to.match(/^MESHPROOF_USAGE: .* has 2 contexts prod-like: nobody can tell .*--minify/);
    const users = [1, 2].map(() => ({ name: 'u', user: {} }));
    expect(await told(config({ users }))).to.match(/has 2 users u/);
    expect(await told(config({ clusters: [] }))).to.match(/speaks of the cluster c, which is not there/);
  });

  it('is looked for in one file, that can be read', async () => {
    const env = { KUBECONFIG: `${file(config())}:/elsewhere` };
    expect(await told(config(), { kubeconfig: undefined, env })).to.match(/^MESHPROOF_USAGE: KUBECONFIG names several/);
    expect(await told(config(), { kubeconfig: undefined, env: { KUBECONFIG: join(folder, 'config') } })).to.equal(
      'prod-like',
    );
    expect(await told(config(), { kubeconfig: join(folder, 'none') })).to.match(/^MESHPROOF_USAGE: .*ENOENT/);
    expect(await told('{{')).to.match(/^MESHPROOF_USAGE: Cannot use/);
    expect(await told('text')).to.match(/it is no kubeconfig/);
  });

  it('needs the plugin that it logs in with', async () => {
    const exec = (command: string) => user({ exec: { command, installHint: 'Install it from there.' } });
    const env = { PATH: '/usr/bin:/bin' };
    expect(await told(exec('sh'), { env })).to.equal('prod-like');
    expect(await told(exec('/bin/sh'), { env: {} })).to.equal('prod-like');
    expect(await told(exec('kubelogin-that-is-not'), { env })).to.match(
      /^MESHPROOF_CREDENTIALS: The user u logs in with the plugin kubelogin-that-is-not, which is not .*Install it from there/,
    );
    expect(await told(exec('./bin/login'), { env }), 'relative to the file').to.match(/the plugin \.\/bin\/login/);
  });

  it('needs credentials that have not run out', async () => {
    const now = Date.parse('2026-05-01T12:00:00Z');
    const jwt = (exp: number) => `x.${Buffer.from(JSON.stringify({ exp: exp / 1000 })).toString('base64url')}.x`;
    expect(await told(user({ token: jwt(now + 1000) }), { now })).to.equal('prod-like');
    expect(await told(user({ token: jwt(now - 1000) }), { now })).to.match(
      /^MESHPROOF_CREDENTIALS: The token of the user u expired at 2026-05-01T11:59:59/,
    );
    const authority = await CertificateAuthority.create('ca', { now });
    const { certificate } = await authority.issue({ commonName: 'me', usage: 'client' });
    const data = Buffer.from(certificate).toString('base64');
    expect(await told(user({ 'client-certificate-data': data }), { now: now + 1000 })).to.equal('prod-like');
    const late = now + 1000 * 366 * 24 * 3_600_000;
    expect(await told(user({ 'client-certificate-data': data }), { now: late })).to.match(
      /^MESHPROOF_CREDENTIALS: The certificate of the user u expired at/,
    );
  });
});
