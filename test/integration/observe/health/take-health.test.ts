import { expect } from 'chai';
import { pollUntil } from '../../../../src/base/poll.ts';
import type { RunningCluster } from '../../../../src/clusters/provider.ts';
import { brokenWorkload } from '../../../../src/observe/health/broken-workload.ts';
import { probeLabel, type HealthOptions } from '../../../../src/observe/health/check.ts';
import type { HealthResult } from '../../../../src/observe/health/health.ts';
import { reapProbes } from '../../../../src/observe/health/reap-probes.ts';
import { restartsOf, type PodJson } from '../../../../src/observe/health/pod.ts';
import { takeHealth } from '../../../../src/observe/health/take-health.ts';
import { available, openTestLab, whileFrozen } from './test-lab.ts';

const names = ['web', 'kubernetes.default'];
const coreDns = '/apis/apps/v1/namespaces/kube-system/deployments/coredns';

/** `id status` of whatever is not a pass. */
const reds = ({ checks }: HealthResult): string[] =>
  checks.filter(({ status }) => status !== 'pass').map(({ id, status }) => `${id} ${status}`);
const observed = ({ checks }: HealthResult, id: string): string => checks.find((check) => check.id === id)!.observed;

describe('takeHealth on a real cluster', function () {
  this.timeout(180_000);
  let lab: RunningCluster;
  let image: string;
  let first: HealthResult;

  before(async function () {
    this.timeout(900_000);
    ({ lab, image } = await openTestLab());
    first = await look();
  });
  after(() => lab?.delete());

  const webPods = (): Promise<PodJson[]> => lab.kube.list<PodJson>('/api/v1/namespaces/demo/pods', 'app=web');
  async function look(over: Partial<HealthOptions> = {}): Promise<HealthResult> {
    const [pod] = await webPods();
    return takeHealth({
      kube: lab.kube,
      namespaces: ['demo', 'kube-system'],
      probeImage: image,
      dnsProbe: { namespace: 'demo', pod: pod!.metadata.name, names },
      ...over,
    });
  }
  /** The probe pods cost up to half a minute where pods cannot start. */
  const lookWithoutProbe = (over: Partial<HealthOptions> = {}): Promise<HealthResult> =>
    look({ probeImage: undefined, since: first, ...over });

  it('passes every check of a healthy cluster, and leaves nothing behind', async () => {
    expect(reds(first), JSON.stringify(first.checks)).to.deep.equal(['workloads/restarts skipped']);
    const second = await look({ since: first });
    expect(reds(second)).to.deep.equal([]);
    expect(second.status).to.equal('pass');
    expect(observed(second, 'kubernetes/service-balancing')).to.match(/echo-0 \d+, echo-1 \d+$/);
    const selector = `${probeLabel}=true`;
    for (const path of ['/api/v1/pods', '/apis/batch/v1/jobs', '/api/v1/namespaces']) {
      await pollUntil(
        async () => {
          const left = await lab.kube.list(path, selector);
          return left.length === 0 ? { ready: true } : { pending: left.map(({ metadata }) => metadata.name).join() };
        },
        { what: `no probe in ${path}`, timeoutMs: 60_000 },
      );
    }
  });

  it('fails over a broken workload and names it; other namespaces stay healthy', async () => {
    await lab.kube.apply(brokenWorkload('broken', image));
    // Between two crashes the container runs for a moment, and the kubelet says so for up to a second.
    const broken = await pollUntil<HealthResult>(
      async () => {
        const seen = await lookWithoutProbe({ namespaces: ['broken'], since: undefined });
        const red = reds(seen);
        return red.includes('workloads/crash-loops fail') ? { ready: seen } : { pending: red.join() };
      },
      { what: 'a crash loop', timeoutMs: 60_000 },
    );
    expect(reds(broken)).to.deep.equal([
      'kubernetes/service-balancing skipped',
      'workloads/available fail',
      'workloads/pods-ready fail',
      'workloads/crash-loops fail',
      'workloads/restarts skipped',
      'workloads/warnings fail',
    ]);
    expect(broken.status).to.equal('fail');
    expect(observed(broken, 'workloads/available')).to.equal('Deployment broken/crasher: 0 of 1 ready');
    expect(observed(broken, 'workloads/crash-loops')).to.match(
      /broken\/crasher-\S+ container broken crashed \d+ times, last with exit code 3/,
    );
    expect(observed(broken, 'workloads/pods-ready')).to.match(/broken\/homeless is pending: Unschedulable: 0\/1 nodes/);
    expect(observed(broken, 'workloads/warnings'))
      .to.match(/broken\/homeless: FailedScheduling/)
      .and.to.match(/crasher-\S+: BackOff/);
    expect(reds(await lookWithoutProbe())).to.deep.equal(['kubernetes/service-balancing skipped']);
    await lab.kube.delete('/api/v1/namespaces/broken');
  });

  it('names an image that cannot be had within seconds', async () => {
    const [pod] = await webPods();
    const foreign = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'foreign', namespace: 'demo' },
      spec: { containers: [{ name: 'app', image: 'registry.invalid/no/such:1' }] },
    };
    await lab.kube.apply([foreign]);
    const seen = await pollUntil<HealthResult>(
      async () => {
        const result = await lookWithoutProbe({ dnsProbe: { namespace: 'demo', pod: pod!.metadata.name, names } });
        const red = reds(result);
        return red.includes('workloads/images fail') ? { ready: result } : { pending: red.join() };
      },
      { what: 'the image', timeoutMs: 20_000 },
    );
    expect(observed(seen, 'workloads/images')).to.match(
      /^demo\/foreign container app: (ErrImagePull|ImagePullBackOff)/,
    );
    await lab.kube.delete('/api/v1/namespaces/demo/pods/foreign', { gracePeriodSeconds: 0 });
  });

  it('takes away what a check that was killed has left, and nothing that is young', async () => {
    const left = { name: 'meshproof-probe-left', labels: { [probeLabel]: 'true' } };
    await lab.kube.apply([
      { apiVersion: 'v1', kind: 'Namespace', metadata: left },
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { ...left, namespace: 'default' },
        spec: { nodeSelector: { none: 'such' }, containers: [{ name: 'app', image }] },
      },
    ]);
    expect(await reapProbes(lab.kube, { now: Date.now(), olderThanMs: 120_000 })).to.deep.equal([]);
    const reaped = await reapProbes(lab.kube, { now: Date.now() + 180_000, olderThanMs: 120_000 });
    expect(reaped).to.deep.equal([
      '/api/v1/namespaces/default/pods/meshproof-probe-left',
      '/api/v1/namespaces/meshproof-probe-left',
    ]);
  });

  it('never passes over a namespace that does not exist, or holds nothing', async () => {
    const missing = await lookWithoutProbe({ namespaces: ['demo', 'no-such'] });
    expect(missing.status).to.equal('error');
    expect(observed(missing, 'workloads/pods-ready')).to.contain('no-such');
    const empty = await lookWithoutProbe({ namespaces: ['kube-public'] });
    expect(empty.status).to.equal('invalid');
    expect(reds(empty)).to.include.members(['workloads/available invalid', 'workloads/pods-ready invalid']);
  });

  it('sees DNS gone, by its servers, from inside a pod and through a new Service; nothing else', async () => {
    await lab.kube.patch(coreDns, { spec: { replicas: 0 } });
    await pollUntil(
      async () => {
        const pods = await lab.kube.list('/api/v1/namespaces/kube-system/pods', 'k8s-app=kube-dns');
        return pods.length === 0 ? { ready: true } : { pending: `${pods.length} pods` };
      },
      { what: 'CoreDNS gone', timeoutMs: 60_000 },
    );
    const result = await look({ since: first, namespaces: ['demo'] });
    expect(reds(result)).to.deep.equal(['kubernetes/service-balancing fail', 'dns/servers fail', 'dns/resolves fail']);
    expect(observed(result, 'dns/servers')).to.contain('kube-system/kube-dns has no ready endpoint');
    for (const name of ['web.demo', 'kubernetes.default']) {
      expect(observed(result, 'dns/resolves')).to.contain(`${name}.svc.cluster.local does not resolve`);
    }
    await lab.kube.patch(coreDns, { spec: { replicas: 1 } });
    await available(lab, coreDns);
    // kube-proxy takes the new server in a moment after the Deployment says that it is available.
    await pollUntil(
      async () => {
        const left = reds(await lookWithoutProbe());
        return left.join() === 'kubernetes/service-balancing skipped' ? { ready: true } : { pending: left.join() };
      },
      { what: 'DNS to recover', timeoutMs: 30_000 },
    );
  });

  it('does not pass over a Service that does not exist', async () => {
    const [pod] = await webPods();
    const dnsProbe = { namespace: 'demo', pod: pod!.metadata.name, names: ['no-such-service.demo'] };
    expect(reds(await lookWithoutProbe({ dnsProbe }))).to.include('dns/resolves error');
  });

  it('sees a cordoned node', async () => {
    const path = `/api/v1/nodes/${(await lab.nodes())[0]!.name}`;
    await lab.kube.patch(path, { spec: { unschedulable: true } });
    const result = await lookWithoutProbe();
    await lab.kube.patch(path, { spec: { unschedulable: null } });
    expect(reds(result)).to.deep.equal(['kubernetes/nodes fail', 'kubernetes/service-balancing skipped']);
    expect(observed(result, 'kubernetes/nodes')).to.contain('is cordoned');
  });

  it('tells restarts that nobody ordered from ordered ones', async () => {
    const [pod] = await webPods();
    await lab.kube.exec({ namespace: 'demo', name: pod!.metadata.name }, ['sh', '-c', 'kill -TERM 1']);
    await pollUntil(
      async () => {
        const [now] = await webPods();
        const ready = now!.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        return restartsOf(now!) === 1 && ready ? { ready: true } : { pending: `${restartsOf(now!)} restarts` };
      },
      { what: 'the restart', timeoutMs: 60_000 },
    );
    // The Deployment is told of it a moment after the pod.
    await available(lab, '/apis/apps/v1/namespaces/demo/deployments/web');
    const unordered = await lookWithoutProbe();
    expect(reds(unordered)).to.deep.equal(['kubernetes/service-balancing skipped', 'workloads/restarts fail']);
    expect(observed(unordered, 'workloads/restarts')).to.equal(`demo/${pod!.metadata.name} restarted 1 times`);
    expect(reds(await lookWithoutProbe({ expected: { restarts: { [pod!.metadata.uid!]: 1 } } }))).to.deep.equal([
      'kubernetes/service-balancing skipped',
    ]);
    expect(reds(await lookWithoutProbe({ since: unordered }))).to.deep.equal(['kubernetes/service-balancing skipped']);
  });

  for (const [component, id] of [
    ['kube-scheduler', 'kubernetes/scheduler'],
    ['kube-controller-manager', 'kubernetes/controller-manager'],
  ] as const) {
    it(`sees a ${component} that does nothing`, async () => {
      const result = await whileFrozen(lab, component, () => lookWithoutProbe({ namespaces: ['kube-system'] }));
      expect(reds(result).filter((red) => !red.includes('skipped'))).to.deep.equal([`${id} fail`]);
    });
  }

  it('sees a kube-proxy that takes in no new Service', async () => {
    const result = await whileFrozen(lab, 'kube-proxy', () => look({ since: first, namespaces: ['kube-system'] }));
    expect(reds(result)).to.deep.equal(['kubernetes/service-balancing fail']);
    expect(observed(result, 'kubernetes/service-balancing')).to.match(/echo-0 never answered.*echo-1 never answered/);
  });

  it('ends in time when the API server hangs, with an error for each check that needs it', async () => {
    const [pod] = await webPods();
    const dnsProbe = { namespace: 'demo', pod: pod!.metadata.name, names };
    const result = await whileFrozen(lab, 'kube-apiserver', () =>
      takeHealth({ kube: lab.kube, namespaces: ['demo'], probeImage: image, dnsProbe, checkTimeoutMs: 2000 }),
    );
    expect(result.status).to.equal('error');
    expect(reds(result).filter((red) => !red.endsWith(' error'))).to.deep.equal([]);
    expect(result.checks.filter(({ status }) => status === 'pass').map(({ id }) => id)).to.deep.equal(['lab/disk']);
  });

  it('says when the disk is short', async () => {
    expect(reds(await lookWithoutProbe({ minDiskBytes: Number.MAX_SAFE_INTEGER }))).to.include('lab/disk fail');
  });
});
