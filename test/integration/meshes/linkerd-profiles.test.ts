// needs MESHPROOF_LINKERD_BINARIES: a folder with the programs of a build of Linkerd (docs/meshes.md)
import { expect } from 'chai';
import type { KubeObject } from '../../../src/kube/types.ts';
import type { OutboundCounters } from '../../../src/observe/telemetry/snapshot.ts';
import type { Policy } from '../../../src/policies/index.ts';
import { linkerdAdapter } from '../../../src/meshes/linkerd/adapter.ts';
import { linkerd } from '../../../src/meshes/linkerd/index.ts';
import { namespace, openTestMesh, type Answer, type TestMesh } from './test-mesh.ts';

const binaries = process.env['MESHPROOF_LINKERD_BINARIES'];
const baseline: Policy[] = [{ kind: 'authorize', to: 'server', from: ['client'] }];
const url = 'http://server/';
const retry: Policy = { kind: 'retry', service: 'server', attempts: 4, onStatus: [503] };
const plain = { routes: [{ name: 'all', condition: { pathRegex: '.*' } }] };
const failing = (answers: Answer[]): number => answers.filter(({ status }) => status === 503).length;

describe('Linkerd by ServiceProfiles on a real cluster', function () {
  this.timeout(300_000);
  let on: TestMesh;
  const host = `server.${namespace}.svc.cluster.local`;
  const path = `/apis/linkerd.io/v1alpha2/namespaces/${namespace}/serviceprofiles/${host}`;
  const statusOf = async (at: string) => (await on.call('client', at))[0]!.status;
  const specNow = async () => (await on.lab.kube.get(path)).spec;
  /** What the client's proxy has counted so far of its calls to `server`. */
  const counted = async (): Promise<OutboundCounters | undefined> => {
    const [client] = await on.podsOf('client');
    const { outbound } = await on.mesh.metrics(client!);
    return outbound.find(({ destination }) => destination === 'server');
  };
  /** What it counts meanwhile. */
  const counts = async (call: () => Promise<Answer[]>) => {
    const before = await counted();
    const began = Date.now();
    const answers = await call();
    const seconds = (Date.now() - began) / 1000;
    const after = await counted();
    const more = (name: 'attempts' | 'retries' | 'retryOverflow' | 'timeouts'): number =>
      (after?.[name] ?? 0) - (before?.[name] ?? 0);
    return {
      answers,
      seconds,
      attempts: more('attempts'),
      retries: more('retries'),
      refused: more('retryOverflow'),
      timeouts: more('timeouts'),
    };
  };

  before(async () => {
    on = await openTestMesh({ entry: linkerd, open: linkerdAdapter, own: { binaries, dialect: 'service-profile' } });
    await on.mesh.install(baseline, () => on.deploy());
    await on.settled();
    await on.mesh.resetPolicies(baseline);
  });

  after(async () => {
    await on?.lab.delete();
  });

  it('has one of every HTTP service from the beginning, which says nothing, and counts calls by it', async () => {
    expect(await specNow()).to.deep.equal(plain);
    const { answers, attempts, retries } = await counts(() => on.call('client', url, 4));
    expect(answers.map(({ status }) => status)).to.deep.equal([200, 200, 200, 200]);
    expect([attempts, retries]).to.deep.equal([4, 0]);
    expect((await counted())!.requestsByCode).to.deep.equal({ '200': 4 });
    const [client] = await on.podsOf('client');
    const told = (await on.mesh.proxyConfig(client!)) as { profiles: Record<string, { routes: object[] }> };
    expect(told.profiles['server:80']!.routes).to.have.length(1);
  });

  it('recovers errors only while the policy is in force, and its proxies count the retries', async () => {
    const at = `${url}?failEvery=3`;
    const off = await on.mesh.apply([{ ...retry, attempts: 0 }]);
    const control = await counts(() => on.call('client', at, 30));
    expect(failing(control.answers), 'control').to.be.greaterThan(0);
    expect([control.attempts, control.retries], 'control').to.deep.equal([30, 0]);
    await off.undo();
    const applied = await on.mesh.apply([retry]);
    expect(applied.rendered).to.include('kind: ServiceProfile').and.to.include('retryRatio: 4');
    const { answers, attempts, retries, refused } = await counts(() => on.call('client', at, 30));
    expect(failing(answers)).to.equal(0);
    expect(retries).to.be.greaterThan(0);
    expect([attempts, refused]).to.deep.equal([30 + retries, 0]);
    await applied.undo();
    expect(failing(await on.call('client', at, 30)), 'taken back').to.be.greaterThan(0);
  });

  it('retries the statuses of the policy, and no other 5xx', async () => {
    const applied = await on.mesh.apply([{ ...retry, onStatus: [502, 404] }]);
    const { answers, retries } = await counts(() => on.call('client', `${url}?failEvery=2`, 20));
    expect(failing(answers)).to.be.greaterThan(0);
    expect(retries).to.equal(0);
    await applied.undo();
  });

  it('bounds retries by the budget: one for each success and a few a second, however much fails', async () => {
    const at = (query: string) => () => on.call('client', `${url}?${query}`, 300);
    await using policies = new AsyncDisposableStack();
    const one = await on.mesh.apply([{ ...retry, attempts: 1 }]);
    policies.defer(() => one.undo());
    // Two of three tries fail: each success needs two retries, and the budget has one.
    const short = await counts(at('answerEvery=3'));
    expect(failing(short.answers), 'a budget that is too small lets errors through').to.be.greaterThan(0);
    expect(short.refused).to.equal(failing(short.answers));
    expect(short.retries).to.be.at.most(300 - failing(short.answers) + Math.ceil(short.seconds) + 1);
    await one.undo();
    const four = await on.mesh.apply([retry]);
    policies.defer(() => four.undo());
    const enough = await counts(at('answerEvery=3'));
    expect(failing(enough.answers), 'control: one that is large enough lets none through').to.equal(0);
    expect(enough.attempts / 300).to.be.closeTo(3, 0.2);
    await on.call('client', `${url}?failEvery=1`, 50);
    const outage = await counts(at('failEvery=1'));
    expect(failing(outage.answers)).to.equal(300);
    // Nothing succeeds, so all there is are four a second.
    expect(outage.retries).to.be.at.most(4 * Math.ceil(outage.seconds + 1));
    expect(outage.attempts).to.equal(300 + outage.retries);
    expect(outage.refused).to.equal(300);
  });

  it('answers 504 at the timeout of a route, which covers all of its tries, only while the policy is in force', async () => {
    const slow = 'http://server/slow?delayMs=1500';
    const route = { pathPrefix: '/slow' };
    expect(await statusOf(slow), 'control: slow but fine').to.equal(200);
    const applied = await on.mesh.apply([
      { kind: 'timeout', service: 'server', route, timeoutMs: 500 },
      { ...retry, route },
    ]);
    const ended = await counts(() => on.call('client', slow));
    expect(ended.answers[0]!.status).to.equal(504);
    expect([ended.timeouts, ended.attempts]).to.deep.equal([1, 1]);
    expect((await counted())!.requestsByCode['504']).to.equal(1);
    expect(await statusOf('http://server/other?delayMs=1500'), 'another route').to.equal(200);
    const tries = await counts(() => on.call('client', 'http://server/slow?delayMs=200&failEvery=1'));
    expect(tries.answers[0]!.status).to.equal(504);
    expect(tries.attempts, 'within 500 ms').to.be.within(2, 3);
    await applied.undo();
    expect(await statusOf(slow), 'after undo').to.equal(200);
  });

  it('takes the place of somebody else’s ServiceProfile, and gives it back as it was', async () => {
    const theirs = { routes: [{ name: 'theirs', isRetryable: true, condition: { pathRegex: '/nowhere' } }] };
    const object: KubeObject = {
      apiVersion: 'linkerd.io/v1alpha2',
      kind: 'ServiceProfile',
      metadata: { name: host, namespace, labels: { team: 'us' } },
      spec: theirs,
    };
    await on.lab.kube.delete(path);
    await on.lab.kube.create(object);
    const applied = await on.mesh.apply([retry]);
    expect(failing(await on.call('client', `${url}?failEvery=3`, 30))).to.equal(0);
    await applied.undo();
    expect(await specNow()).to.deep.equal(theirs);
    expect(failing(await on.call('client', `${url}?failEvery=3`, 30))).to.be.greaterThan(0);
    await on.mesh.apply([retry]);
    const later = await on.anotherProcess();
    await later.resetPolicies(baseline);
    const { metadata, spec } = await on.lab.kube.get(path);
    expect(spec).to.deep.equal(theirs);
    expect([metadata.labels, metadata.annotations ?? {}]).to.deep.equal([{ team: 'us' }, {}]);
    await on.lab.kube.delete(path);
    await later.resetPolicies(baseline);
    expect(await specNow(), 'and of a service without one it makes one that says nothing').to.deep.equal(plain);
  });

  it('brings everything back to what says nothing without knowing what was done', async () => {
    await on.mesh.apply([
      retry,
      { kind: 'timeout', service: 'server', timeoutMs: 500 },
      { kind: 'timeout', service: 'server', route: { pathPrefix: '/slow' }, timeoutMs: 300 },
    ]);
    expect(await statusOf('http://server/?delayMs=1000'), 'control').to.equal(504);
    const later = await on.anotherProcess();
    await later.resetPolicies(baseline);
    expect(await specNow()).to.deep.equal(plain);
    expect(await statusOf('http://server/?delayMs=1000')).to.equal(200);
  });

  it('finds what a Service says in vain beside its ServiceProfile, and nothing else', async () => {
    for (const { id, look } of on.mesh.healthChecks()) expect((await look()).problems, id).to.deep.equal([]);
    const check = on.mesh.healthChecks().find(({ id }) => id === 'mesh/service-profiles')!;
    const service = `/api/v1/namespaces/${namespace}/services/server`;
    const say = (value: string | null) =>
      on.lab.kube.patch(service, { metadata: { annotations: { 'retry.linkerd.io/limit': value } } });
    await say('3');
    expect((await check.look()).problems.join()).to.match(/^server has a ServiceProfile: .*retry\.linkerd\.io\/limit/);
    await say(null);
  });
});

describe('a proxy of Linkerd that called before there was a ServiceProfile', function () {
  this.timeout(300_000);

  it('is why every service has one from the beginning: it goes on without while it calls', async () => {
    await using stack = new AsyncDisposableStack();
    const on = await openTestMesh({ entry: linkerd, open: linkerdAdapter, own: { binaries } });
    stack.defer(() => on.lab.delete());
    await on.mesh.install([], () => on.deploy());
    await on.settled();
    const profile: KubeObject = {
      apiVersion: 'linkerd.io/v1alpha2',
      kind: 'ServiceProfile',
      metadata: { name: `server.${namespace}.svc.cluster.local`, namespace },
      spec: {
        routes: [{ name: 'all', condition: { pathRegex: '.*' }, isRetryable: true }],
        retryBudget: { retryRatio: 4, minRetriesPerSecond: 4, ttl: '1s' },
      },
    };
    const calls = (times: number) => on.call('client', `${url}?failEvery=3&delayMs=50`, times);
    expect(failing(await calls(10)), 'nothing retries them').to.be.greaterThan(0);
    await on.lab.kube.apply([profile]);
    const answers = await calls(200);
    expect(failing(answers.slice(-60)), 'ten seconds later').to.be.greaterThan(0);
    // Of 5 s in which nobody calls there is nothing to be seen.
    await new Promise((resolve) => setTimeout(resolve, 7000));
    expect(failing(await calls(30)), 'once it has been quiet').to.equal(0);
  });
});
