import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { credentialsInWords, loginFiles, loginIn } from '../../../src/images/credentials.ts';
import { isOwnImage, registryOf, repositoryOf } from '../../../src/images/reference.ts';

describe('where an image comes from', () => {
  for (const [ref, registry, repository] of [
    ['nginx', 'docker.io', 'nginx'],
    ['istio/proxyv2:1.31.0', 'docker.io', 'istio/proxyv2'],
    ['ghcr.io/shop/web:1', 'ghcr.io', 'ghcr.io/shop/web'],
    ['localhost/web', 'localhost', 'localhost/web'],
    ['registry:5000/web@sha256:abc', 'registry:5000', 'registry:5000/web'],
  ] as const)
    it(`is said by its reference: ${ref}`, () => {
      expect(registryOf(ref)).to.equal(registry);
      expect(repositoryOf(ref)).to.equal(repository);
    });

  it('is no registry for what meshproof put together', () => {
    expect(isOwnImage('meshproof.dev/istiod:0123')).to.equal(true);
    expect(isOwnImage('ghcr.io/meshproof.dev/x')).to.equal(false);
  });
});

describe('who is asked for the credentials of a registry', () => {
  const config = JSON.stringify({
    auths: { 'https://index.docker.io/v1/': {}, 'quay.io': { auth: 'c2VjcmV0' } },
    credHelpers: { 'gcr.io': 'gcloud' },
  });

  it('is a helper of its own, the store of all, or a login; nothing of the secret is said', () => {
    expect(loginIn(config, 'gcr.io')).to.equal('the credential helper docker-credential-gcloud');
    expect(loginIn(config, 'quay.io')).to.equal('the login for quay.io');
    expect(loginIn(config, 'docker.io'), 'by its old name').to.equal('the login for docker.io');
    expect(loginIn(JSON.stringify({ auths: { 'quay.io': {} }, credsStore: 'desktop' }), 'quay.io')).to.equal(
      'the credential helper docker-credential-desktop',
    );
    expect(loginIn('{"credsStore":"desktop"}', 'docker.io'), 'also of who has no login').to.equal(
      'the credential helper docker-credential-desktop',
    );
    expect(loginIn(config, 'ghcr.io')).to.equal(undefined);
    expect(loginIn('{', 'ghcr.io')).to.equal('the file is no JSON');
  });

  it('is said with the file that says so, or that none does', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'meshproof-login-'));
    try {
      const env = { DOCKER_CONFIG: folder, REGISTRY_AUTH_FILE: join(folder, 'auth.json') };
      expect(loginFiles(env)).to.deep.equal([join(folder, 'config.json'), join(folder, 'auth.json')]);
      expect(await credentialsInWords('quay.io', env)).to.match(
        /^no login for quay\.io in .*config\.json or .*auth\.json$/,
      );
      await writeFile(join(folder, 'auth.json'), config);
      expect(await credentialsInWords('quay.io', env)).to.equal(`the login for quay.io, as ${folder}/auth.json says`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
