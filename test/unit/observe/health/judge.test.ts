import { expect } from 'chai';
import { failedProbes } from '../../../../src/observe/health/control-plane.ts';
import { addressProblem, nslookupAddresses, readyAddresses } from '../../../../src/observe/health/dns.ts';
import { eventTime, openWarnings } from '../../../../src/observe/health/events.ts';
import { lateLeases, nodeProblems } from '../../../../src/observe/health/nodes.ts';
import { crashLoops, outOfMemory, podProblem } from '../../../../src/observe/health/pod.ts';
import { imageProblems, unexpectedRestarts, withoutUnreachable } from '../../../../src/observe/health/pods.ts';
import { certificateProblems, meshedPods } from '../../../../src/observe/health/sidecars.ts';
import { workloadProblem } from '../../../../src/observe/health/workloads.ts';
import { container, event, node, now, pod, workload } from './objects.ts';

const ago = (ms: number): string => new Date(now - ms).toISOString();

describe('nodeProblems', () => {
  it('has none for a ready node, also with a taint of the owner', () => {
    expect(nodeProblems(node())).to.deep.equal([]);
    expect(nodeProblems(node({ taints: [{ key: 'gpu', effect: 'NoSchedule' }] }))).to.deep.equal([]);
  });
  for (const [what, broken, said] of [
    ['not ready', node({}, { Ready: 'Unknown' }), /n1 is not ready/],
    ['without conditions', node({}, {}), /n1 is not ready \(no condition\)/],
    ['under pressure', node({}, { Ready: 'True', DiskPressure: 'True' }), /n1 has DiskPressure/],
    [
      'cordoned',
      node({ unschedulable: true, taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }] }),
      /n1 is cordoned/,
    ],
    [
      'tainted by Kubernetes',
      node({ taints: [{ key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] }),
      /unreachable:NoExecute/,
    ],
  ] as const) {
    it(`names a node that is ${what}, once`, () => {
      expect(nodeProblems(broken)).to.have.length(1).with.property('0').that.matches(said);
    });
  }

  it('hears a kubelet by its lease', () => {
    const lease = (renewTime: string) => ({
      apiVersion: '',
      kind: 'Lease',
      metadata: { name: 'n1' },
      spec: { renewTime },
    });
    expect(lateLeases([node()], [lease(ago(9000))], now)).to.deep.equal([]);
    expect(lateLeases([node()], [lease(ago(61_000))], now)).to.deep.equal([
      'the kubelet of n1 was last heard 61 s ago',
    ]);
    expect(lateLeases([node()], [], now)).to.deep.equal(['node n1 has no lease']);
    const born = (creationTimestamp: string) => ({ ...node(), metadata: { name: 'n1', creationTimestamp } });
    expect(lateLeases([born(ago(5000))], [], now)).to.deep.equal([]);
    expect(lateLeases([born(ago(70_000))], [], now)).to.deep.equal(['the kubelet of n1 was last heard 70 s ago']);
  });
});

describe('podProblem', () => {
  it('has none for ready, finished and leaving pods', () => {
    expect(podProblem(pod(), now)).to.equal(undefined);
    expect(podProblem(pod({ phase: 'Succeeded', ready: false }), now)).to.equal(undefined);
    expect(podProblem(pod({ ready: false, deletionTimestamp: ago(-5000) }), now)).to.equal(undefined);
  });
  it('names what is wrong', () => {
    expect(podProblem(pod({ ready: false }), now)).to.equal('demo/web is not ready');
    expect(podProblem(pod({ deletionTimestamp: ago(40_000) }), now)).to.match(/should have been gone 40 s ago/);
    expect(podProblem(pod({ phase: 'Failed', ready: false, reason: 'Evicted' }), now)).to.equal(
      'demo/web failed: Evicted',
    );
    expect(podProblem(pod({ phase: 'Pending', ready: false, unschedulable: '0/1 nodes are available' }), now)).to.match(
      /web is pending: Unschedulable: 0\/1 nodes/,
    );
    const pulling = container({
      ready: false,
      state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
    });
    expect(podProblem(pod({ phase: 'Pending', ready: false, containers: [pulling] }), now)).to.match(
      /container app: ImagePullBackOff: no such image/,
    );
  });
});

describe('crashLoops', () => {
  const crash = { exitCode: 3, reason: 'Error', finishedAt: ago(20_000) };
  const loops = (status: Parameters<typeof container>[0], expectedRestarts?: number, sidecar = false): string[] =>
    crashLoops(pod(sidecar ? { initContainers: [container(status)] } : { containers: [container(status)] }), {
      now,
      expectedRestarts,
    });

  it('sees the back-off, and a loop caught while it runs; native sidecars too', () => {
    expect(
      loops({ restartCount: 1, state: { waiting: { reason: 'CrashLoopBackOff' } }, lastState: { terminated: crash } }),
    ).to.deep.equal(['demo/web container app crashed 1 times, last with exit code 3']);
    expect(loops({ restartCount: 3, state: { running: {} }, lastState: { terminated: crash } })).to.have.length(1);
    expect(
      loops({ restartCount: 3, state: { running: {} }, lastState: { terminated: crash } }, 0, true),
    ).to.have.length(1);
  });
  it('does not see one where there is none', () => {
    expect(loops({ restartCount: 2, state: { running: {} }, lastState: { terminated: crash } })).to.deep.equal([]);
    expect(
      loops({
        restartCount: 5,
        state: { running: {} },
        lastState: { terminated: { ...crash, finishedAt: ago(400_000) } },
      }),
    ).to.deep.equal([]);
    expect(
      loops({ restartCount: 5, state: { running: {} }, lastState: { terminated: { ...crash, exitCode: 0 } } }),
    ).to.deep.equal([]);
  });
  it('takes off restarts that were ordered', () => {
    const restarted = { restartCount: 3, state: { running: {} }, lastState: { terminated: crash } };
    expect(loops(restarted, 1)).to.deep.equal([]);
    const waiting = {
      restartCount: 1,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: crash },
    };
    expect(loops(waiting, 1)).to.deep.equal([]);
    expect(loops({ ...waiting, restartCount: 2 }, 1)).to.have.length(1);
  });
});

describe('restarts and memory', () => {
  const baseline = {
    eventsUntil: 0,
    pods: { 'uid-web': { name: 'web', restarts: 2 }, 'uid-gone': { name: 'gone', restarts: 0 } },
  };
  const restarted = (app: number, sidecar: number) =>
    pod({
      containers: [container({ restartCount: app })],
      initContainers: [container({ name: 'sidecar', restartCount: sidecar })],
    });

  it('counts since the baseline, ordered ones apart, sidecars too', () => {
    expect(unexpectedRestarts([restarted(1, 1)], baseline, {})).to.deep.equal({
      problems: [],
      expected: 0,
      replaced: 1,
    });
    expect(unexpectedRestarts([restarted(1, 2)], baseline, { restarts: { 'uid-web': 1 } })).to.deep.equal({
      problems: [],
      expected: 1,
      replaced: 1,
    });
    expect(unexpectedRestarts([restarted(1, 2)], baseline, {}).problems).to.deep.equal(['demo/web restarted 1 times']);
    expect(unexpectedRestarts([restarted(3, 2)], baseline, { restarts: { 'uid-web': 1 } }).problems).to.deep.equal([
      'demo/web restarted 3 times, 1 of them on purpose',
    ]);
  });
  it('counts a new pod from zero', () => {
    expect(
      unexpectedRestarts([pod({ name: 'new', containers: [container({ restartCount: 1 })] })], baseline, {}).problems,
    ).to.have.length(1);
  });
  it('finds containers killed for want of memory, also before their last start', () => {
    const killed = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
    expect(outOfMemory(pod({ containers: [container({ lastState: killed })] }))).to.have.length(1);
    expect(
      outOfMemory(pod({ containers: [container({ lastState: { terminated: { exitCode: 137, reason: 'Error' } } })] })),
    ).to.deep.equal([]);
  });
});

describe('what an injection was going to break', () => {
  const baseline = {
    eventsUntil: 0,
    pods: { 'uid-web': { name: 'web', restarts: 0 }, 'uid-old': { name: 'old', restarts: 0 } },
  };
  it('is not judged: pods that were replaced; another that is missing is a finding', () => {
    const problems = (replaced?: string[]) => unexpectedRestarts([pod()], baseline, { replaced }).problems;
    expect(problems(['uid-old'])).to.deep.equal([]);
    expect(problems([])).to.deep.equal(['old is gone, and nobody replaced it']);
    expect(problems(undefined), 'nobody said').to.deep.equal([]);
  });
  it('is not judged: pods that cannot be reached, the others are', () => {
    const pods = [pod({ ready: false }), pod({ name: 'cart', ready: false })];
    const { judgedPods, unreachable } = withoutUnreachable(pods, { unreachable: ['uid-web'] });
    expect(judgedPods.map(({ metadata }) => metadata.name)).to.deep.equal(['cart']);
    expect(unreachable).to.equal(1);
    expect(withoutUnreachable(pods, undefined).judgedPods).to.have.length(2);
  });
  it('leaves a workload as many replicas short as were made unreachable', () => {
    const short = workload('Deployment', 2, { readyReplicas: 1, updatedReplicas: 2 });
    expect(workloadProblem(short)).to.match(/1 of 2 ready/);
    expect(workloadProblem(short, 1)).to.equal(undefined);
  });
});

describe('images', () => {
  it('that cannot be had are named with the reason; a container that only starts is none', () => {
    const waiting = (reason: string, message = '') =>
      pod({ ready: false, containers: [container({ ready: false, state: { waiting: { reason, message } } })] });
    expect(imageProblems(waiting('ImagePullBackOff', 'no such host'))).to.deep.equal([
      'demo/web container app: ImagePullBackOff: no such host',
    ]);
    expect(imageProblems(waiting('ErrImageNeverPull'))).to.have.length(1);
    expect(imageProblems(waiting('ContainerCreating'))).to.deep.equal([]);
    expect(imageProblems(pod())).to.deep.equal([]);
  });
});

describe('workloadProblem', () => {
  it('has none when desired = ready = updated', () => {
    expect(workloadProblem(workload('Deployment', 2, { replicas: 2, readyReplicas: 2, updatedReplicas: 2 }))).to.equal(
      undefined,
    );
    expect(workloadProblem(workload('Deployment', 0, {}))).to.equal(undefined);
    expect(
      workloadProblem(
        workload('DaemonSet', 0, { desiredNumberScheduled: 1, numberReady: 1, updatedNumberScheduled: 1 }),
      ),
    ).to.equal(undefined);
  });
  for (const [status, said] of [
    [{ replicas: 2, readyReplicas: 1, updatedReplicas: 2 }, '1 of 2 ready'],
    [{}, '0 of 2 ready'],
    [{ replicas: 2, readyReplicas: 2, updatedReplicas: 1 }, '1 of 2 updated'],
    [{ replicas: 3, readyReplicas: 2, updatedReplicas: 2 }, '3 replicas where 2 are wanted'],
    [
      { replicas: 2, readyReplicas: 2, updatedReplicas: 2, observedGeneration: 0 },
      'its newest spec has not been acted upon',
    ],
  ] as const) {
    it(`says ${said}`, () => {
      expect(workloadProblem(workload('StatefulSet', 2, status))).to.equal(`StatefulSet demo/web: ${said}`);
    });
  }
});

describe('openWarnings', () => {
  it('is open while the pod it is about is not ready, settled after', () => {
    const warning = event({ reason: 'Unhealthy', uid: 'uid-web', at: now });
    expect(openWarnings([warning], [pod({ ready: false })], 0).open).to.deep.equal(['demo/web: Unhealthy: because']);
    expect(openWarnings([warning], [pod()], 0)).to.deep.equal({ open: [], settled: 1 });
    expect(openWarnings([warning], [], 0)).to.deep.equal({ open: [], settled: 1 });
  });
  it('leaves out normal ones, those before the baseline, and probes', () => {
    const sick = [pod({ ready: false })];
    expect(openWarnings([event({ uid: 'uid-web', at: now, type: 'Normal' })], sick, 0)).to.deep.equal({
      open: [],
      settled: 0,
    });
    expect(openWarnings([event({ uid: 'uid-web', at: now - 5000 })], sick, now)).to.deep.equal({
      open: [],
      settled: 0,
    });
    expect(openWarnings([event({ uid: 'x', name: 'meshproof-probe-1', at: now })], sick, 0)).to.deep.equal({
      open: [],
      settled: 0,
    });
  });
  it('keeps grave trouble of a node, not its grumbling', () => {
    expect(
      openWarnings([event({ kind: 'Node', name: 'n1', reason: 'SystemOOM', at: now })], [], 0).open,
    ).to.have.length(1);
    expect(
      openWarnings([event({ kind: 'Node', name: 'n1', reason: 'InvalidDiskCapacity', at: now })], [], 0).open,
    ).to.deep.equal([]);
  });
  it('takes the latest of the three times', () => {
    const series = { ...event({ at: now - 9000 }), series: { lastObservedTime: ago(0) } };
    expect(eventTime(series)).to.equal(now);
  });
});

describe('control plane and DNS texts', () => {
  it('reads the verbose probes', () => {
    expect(failedProbes('[+]ping ok\n[+]etcd ok\nlivez check passed')).to.deep.equal([]);
    expect(failedProbes('[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed')).to.deep.equal(['etcd']);
    expect(failedProbes('<html>')).to.have.length(1);
  });
  it('takes the answer of nslookup, not the server', () => {
    const busybox =
      'Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n\nName:\ttrips.demo.svc.cluster.local\nAddress: 10.96.7.7\n\n';
    expect(nslookupAddresses(busybox)).to.deep.equal(['10.96.7.7']);
    const old =
      'Server:    10.96.0.10\nAddress 1: 10.96.0.10 kube-dns\n\nName:      trips\nAddress 1: 10.96.7.7 trips.demo\n';
    expect(nslookupAddresses(old)).to.deep.equal(['10.96.7.7']);
    expect(
      nslookupAddresses("Server:\t\t10.96.0.10\nAddress:\t10.96.0.10:53\n\n** server can't find x: NXDOMAIN\n"),
    ).to.deep.equal([]);
  });
  it('compares the answer with the Service', () => {
    const problem = (addresses: string[], expected: string[]) =>
      addressProblem('web.demo', { addresses, expected, output: 'NXDOMAIN' });
    expect(problem(['10.96.0.7'], ['10.96.0.7'])).to.equal(undefined);
    expect(problem(['10.244.0.9'], ['None'])).to.equal(undefined);
    expect(problem(['10.96.0.8'], ['10.96.0.7'])).to.equal('web.demo resolves to 10.96.0.8, its Service has 10.96.0.7');
    expect(problem([], ['None'])).to.equal('web.demo does not resolve: NXDOMAIN');
  });
  it('counts ready endpoints, absent conditions included', () => {
    const slice = (endpoints: unknown) => ({
      apiVersion: '',
      kind: 'EndpointSlice',
      metadata: { name: 'x' },
      endpoints,
    });
    expect(readyAddresses([slice(null), slice([{ addresses: ['a'], conditions: { ready: false } }])])).to.deep.equal(
      [],
    );
    expect(
      readyAddresses([slice([{ addresses: ['a'] }]), slice([{ addresses: ['a', 'b'], conditions: { ready: true } }])]),
    ).to.deep.equal(['a', 'b']);
  });
});

describe('mesh certificates and sidecars', () => {
  const certificate = { identity: 'spiffe://x', notBefore: now - 1000, notAfter: now + 3_600_000 };
  const problems = (over: object): string[] =>
    certificateProblems('demo/web', [{ ...certificate, ...over }], { now, minLeftMs: 600_000 });
  it('judges lifetimes', () => {
    expect(problems({})).to.deep.equal([]);
    expect(problems({ notAfter: now - 60_000 })[0]).to.match(/expired 60 s ago/);
    expect(problems({ notAfter: now + 60_000 })[0]).to.match(/lives 60 s more, less than 600 s/);
    expect(problems({ notBefore: now + 60_000 })[0]).to.match(/not valid yet/);
    expect(problems({ notAfter: NaN })).to.have.length(1);
    expect(certificateProblems('demo/web', [], { now, minLeftMs: 1 })).to.deep.equal(['demo/web holds no certificate']);
  });
  it('finds native sidecars', () => {
    const pods = [
      pod({ initNames: ['proxy'] }),
      pod({ name: 'plain' }),
      pod({ name: 'leaving', initNames: ['proxy'], deletionTimestamp: ago(0) }),
    ];
    expect(meshedPods(pods, 'proxy').map(({ metadata }) => metadata.name)).to.deep.equal(['web']);
  });
});
