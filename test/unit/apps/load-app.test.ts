import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type { App } from '../../../src/apps/app.ts';
import { appCatalogue, checkApp, isAppFile, loadApp, parseApp } from '../../../src/apps/load-app.ts';
import { formatFinding } from '../../../src/base/yaml-file.ts';

const deployment = (name: string, image: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: { name: ${name} }
spec:
  replicas: 3
  selector: { matchLabels: { app: ${name} } }
  template:
    metadata: { labels: { app: ${name} } }
    spec:
      serviceAccountName: ${name}-account
      containers:
        - { name: main, image: ${image}, ports: [{ name: web, containerPort: 9000 }] }
`;
const service = (name: string, port: string): string => `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [${port}] }
`;

describe('app files', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'meshproof-app-'));
  });
  afterEach(() => rm(dir, { recursive: true }));
  const file = async (name: string, text: string): Promise<string> => {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
    return join(dir, name);
  };
  const said = (text: string): string[] => parseApp(text, 'app.yaml').findings.map(formatFinding);
  const thrown = async (promise: Promise<unknown>): Promise<{ code: string; message: string }> =>
    (await promise.then(
      () => ({}),
      (error: unknown) => error,
    )) as { code: string; message: string };

  it('get their defaults, and read of manifests what they leave out', async () => {
    await file(
      'k8s/web.yaml',
      `${deployment('web', 'shop:1')}---\n${service('web', '{ port: 80, targetPort: web, appProtocol: http }')}`,
    );
    await file('k8s/db.yaml', service('db', '{ port: 5432, name: tcp-sql }'));
    const path = await file(
      'app.yaml',
      'id: shop\ndeploy: { manifests: [k8s] }\nservices:\n  web: { call: { path: /, expect: { body: hello } }, calls: [db] }\n  db: {}\n',
    );
    const app = await loadApp(path);
    expect(app).to.include({ id: 'shop', title: 'shop', namespace: 'shop', resolve: undefined });
    const [web, db] = app.services;
    expect(web).to.deep.include({
      port: 80,
      containerPort: 9000,
      protocol: 'http',
      container: 'main',
      account: 'web-account',
    });
    expect(web!.selector).to.deep.equal({ app: 'web' });
    expect(web!.call).to.deep.include({ method: 'GET', path: '/', expectStatus: 200, expectBody: 'hello' });
    expect(db).to.deep.include({ port: 5432, containerPort: 5432, protocol: 'tcp', container: 'db', account: 'db' });
    expect(app.edges).to.deep.equal([{ source: 'web', destination: 'db' }]);
    expect(
      await checkApp('id: shop\ndeploy: { manifests: [k8s] }\nservices: { web: {}, db: {} }\n', path),
    ).to.deep.equal([]);
  });

  it('that deploy nothing are completed from the cluster', async () => {
    const path = await file(
      'app.yaml',
      'id: shop\nservices:\n  web: { call: { path: / } }\n  db: { port: 1, protocol: tcp }\n',
    );
    const app = await loadApp(path);
    expect(app.manifests).to.equal(undefined);
    expect(app.services[0]).to.include({ port: 0, containerPort: 0 });
    const objects = [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'web' },
        spec: { selector: { tier: 'front' }, ports: [{ port: 80, targetPort: 3000, name: 'http-web' }] },
      },
    ];
    const complete = app.resolve?.(objects) as App;
    expect(complete.resolve).to.equal(undefined);
    expect(complete.services[0]).to.deep.include({
      port: 80,
      containerPort: 3000,
      protocol: 'http',
      selector: { tier: 'front' },
    });
    expect(() => app.resolve?.([]))
      .to.throw(/services\.web: no port, and no Service of that name/)
      .with.property('code', 'MESHPROOF_APP_INVALID');
  });

  it('are refused with file, line, column, path, and the word that was probably meant', () => {
    const head = 'id: shop\nservices:\n';
    expect(said(`${head}  web: { port: 80, protocl: http }\n`)).to.deep.equal([
      'app.yaml:3:20: services.web.protocl: unknown field `protocl`; did you mean `protocol`?',
    ]);
    expect(said(`${head}  web: { port: 80, protocol: htp }\n`)[0]).to.match(
      /^app\.yaml:3:30: services\.web\.protocol: expected one of http, grpc, tcp; got "htp"; did you mean `http`\?/,
    );
    expect(said(`${head}  web: { port: web, protocol: tcp }\n`)[0]).to.match(
      /3:16: services\.web\.port: expected number.*got "web"/,
    );
    expect(said(`${head}  web: { calls: [wbe] }\n`)).to.deep.equal([
      'app.yaml:3:18: services.web.calls.0: there is no service `wbe`; did you mean `web`?',
    ]);
    expect(said('id: shop\nservices: {}\n')[0]).to.match(/2:11: services: expected at least one service/);
    expect(said('services: { a: {} }\n')[0]).to.match(/^app\.yaml:1:1: id: /);
    expect(said('id: [')[0]).to.match(/not YAML/);
  });

  it('a short form that is wrong is told as such, a long form by its own fields', () => {
    const head = 'id: shop\nservices:\n  web:\n    protocol: http\n    call: { path: / }\n';
    expect(said(`${head}    routes: { read: get /x }\n`)[0]).to.match(
      /6:21: services\.web\.routes\.read: expected a method and a path/,
    );
    expect(said(`${head}    routes: { read: { pathPrefx: /x, call: { path: / } } }\n`)).to.include(
      'app.yaml:6:23: services.web.routes.read.pathPrefx: unknown field `pathPrefx`; did you mean `pathPrefix`?',
    );
    expect(said(`${head}    calls: [{ service: web, paths: [x] }]\n`)[0]).to.match(
      /calls\.0\.paths\.0: expected a path that starts/,
    );
  });

  it('what the schema cannot see is refused too', () => {
    const web = (rest: string): string[] => said(`id: shop\nservices:\n  web: { ${rest} }\n`);
    expect(web('protocol: http')[0]).to.match(/an HTTP service needs a `call`/);
    expect(web('protocol: tcp, call: { path: / }')[0]).to.match(/calls are HTTP, and this service is tcp/);
    expect(web('call: { path: /, expect: { body: "/(/" } }')[0]).to.match(
      /3:\d+: services\.web\.call\.expect\.body: Invalid regular expression/,
    );
    expect(web('call: { path: /a }, routes: { r: GET /b/* }')[0]).to.match(/no `call` of web belongs to GET \/b\/\*/);
    expect(web('plant: ["/x"]')[0]).to.match(/expected \{token\} in the path/);
    expect(said('id: s\nservices: { web: {} }\nreconnect: { service: db, command: [x] }\n')[0]).to.match(
      /^app\.yaml:3:23: reconnect\.service: there is no/,
    );
    expect(said('id: s\nservices: { web: {} }\nload: { script: nowhere.ts }\n')[0]).to.match(
      /there is no nowhere\.ts beside this file/,
    );
    const image = (text: string): string[] =>
      said(`id: s\nservices: { web: {} }\ndeploy: { manifests: [.], images: { shop: ${text} } }\n`);
    expect(image('{ node: x.ts, tool: k6 }')[0]).to.match(
      /deploy\.images\.shop: expected exactly one of.*got node and tool/,
    );
    expect(image('dist/shop.tar')[0]).to.match(/there is no dist\/shop\.tar/);
    expect(image('ghcr.io/shop/web:1')).to.deep.equal([]);
  });

  it('routes take the call that belongs to them', async () => {
    const path = await file(
      'app.yaml',
      'id: s\nservices:\n  web:\n    port: 1\n    protocol: http\n    call: { path: /api/a/1, expect: { body: one } }\n    routes: { read: GET /api/a/*, all: GET /api/b, buy: { pathPrefix: /o, call: { method: POST, path: /o/1, body: { n: 1 } } } }\n',
    );
    const [web] = (await loadApp(path)).services;
    const [read, all, buy] = web!.routes;
    expect(read).to.deep.equal({ name: 'read', pathPrefix: '/api/a/', call: web!.call });
    expect(all).to.deep.equal({
      name: 'all',
      pathPrefix: '/api/b',
      call: { method: 'GET', path: '/api/b', expectStatus: 200 },
    });
    expect(buy).to.deep.include({ name: 'buy', pathPrefix: '/o' });
    expect(buy!.call).to.deep.include({ method: 'POST', path: '/o/1', body: '{"n":1}' });
    expect(buy!.call.headers).to.deep.equal({ 'content-type': 'application/json' });
  });

  it('manifests are read before anything starts: what is wrong with one has its file and line', async () => {
    const path = await file(
      'app.yaml',
      'id: s\ndeploy: { manifests: [k8s] }\nservices: { web: { port: 1, protocol: tcp } }\n',
    );
    await file(
      'k8s/a.yaml',
      'apiVersion: v1\nkind: Service\nmetadata: { name: web }\n---\napiVersion: v1\nmetadata: {}\n',
    );
    await file('k8s/b.yaml', 'apiVersion: v1\nkind: [\n');
    await file('k8s/c.yaml', 'apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: { name: x }\n');
    const error = await thrown(loadApp(path));
    expect(error).to.have.property('code', 'MESHPROOF_APP_INVALID');
    expect(error.message).to.match(/a\.yaml:5:1: no Kubernetes object: it has no kind, metadata\.name/);
    expect(error.message)
      .to.match(/b\.yaml:3:1: not YAML/)
      .and.match(/c\.yaml:1:1: ClusterRole belongs to no namespace/);
  });

  it('an image that no manifest names was misspelt', async () => {
    await file('k8s/a.yaml', deployment('web', 'shop'));
    const text =
      'id: s\ndeploy: { manifests: [k8s], images: { shpo: x.io/shop:1 } }\nservices: { web: { port: 1, protocol: tcp } }\n';
    const path = await file('app.yaml', text);
    expect((await checkApp(text, path)).map(formatFinding)[0]).to.match(
      /deploy\.images\.shpo: no manifest names this image; did you mean `shop`/,
    );
  });

  it('are known by id, with a did-you-mean', async () => {
    expect([...(await appCatalogue()).keys()]).to.include('tripinsights');
    const error = await thrown(loadApp('tripinsight'));
    expect(error).to.have.property('code', 'MESHPROOF_APP_UNKNOWN');
    expect(error.message).to.match(/did you mean `tripinsights`/);
    expect(await thrown(loadApp('/nowhere/app.yaml'))).to.have.property('code', 'MESHPROOF_APP_UNKNOWN');
    for (const path of (await appCatalogue()).values()) expect(await loadApp(path)).to.have.property('manifests');
  });

  it('are told from scenarios by what they have', () => {
    expect(isAppFile('id: a\nservices:\n  web: {}\n')).to.equal(true);
    expect(isAppFile('id: a\nexperiment: wire\n')).to.equal(false);
    expect(isAppFile('id: a\nscenarios: [b]\n')).to.equal(false);
  });
});
