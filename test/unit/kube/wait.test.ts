import { expect } from 'chai';
import { MeshproofError } from '../../../src/base/errors.ts';
import { podTrouble } from '../../../src/kube/pod-trouble.ts';
import { readyPods } from '../../../src/kube/pods.ts';
import { rolloutTrouble, waitForDeployments, waitForPods } from '../../../src/kube/wait.ts';
import type { KubeObject } from '../../../src/kube/types.ts';
import { json, ScriptedApi } from './api-server.ts';

const pod = (status: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'trips-1', namespace: 'a', uid: 'u1', ...metadata },
  spec: { nodeName: 'n' },
  status,
});
const readyStatus = { phase: 'Running', podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] };
const waiting = (reason: string, restartCount = 0, message = 'because'): object => ({
  phase: 'Pending',
  containerStatuses: [
    {
      name: 'app',
      ready: false,
      restartCount,
      state: { waiting: { reason, message } },
      lastState: { terminated: { exitCode: 7, reason: 'Error' } },
    },
  ],
});
const deployment = (status: object, spec: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'trips', generation: 2 },
  spec: { replicas: 2, ...spec },
  status,
});
const rolledOut = { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 };

describe('why a workload is not ready', () => {
  const rollouts: [string, KubeObject, RegExp | undefined][] = [
    ['rolled out', deployment(rolledOut), undefined],
    ['scaled to zero', deployment({ observedGeneration: 2 }, { replicas: 0 }), undefined],
    ['status of an older generation', deployment({ ...rolledOut, observedGeneration: 1 }), /not looked at yet/],
    ['old replica left', deployment({ ...rolledOut, replicas: 3 }), /1 old/],
    ['new replica missing', deployment({ ...rolledOut, updatedReplicas: 1 }), /1 of 2 replicas of the newest/],
    ['one not available', deployment({ ...rolledOut, availableReplicas: 1 }), /1 of 2 replicas available/],
    ['nothing yet', deployment({}), /not looked at/],
    [
      'pods refused',
      deployment({ observedGeneration: 2, conditions: [{ type: 'ReplicaFailure', status: 'True', message: 'quota' }] }),
      /cannot create its pods: quota/,
    ],
  ];
  for (const [what, workload, expected] of rollouts) {
    it(`Deployment: ${what}`, () => {
      if (expected) expect(rolloutTrouble(workload)).to.match(expected);
      else expect(rolloutTrouble(workload)).to.equal(undefined);
    });
  }

  const pods: [string, object, RegExp | undefined, string | undefined][] = [
    ['ready', readyStatus, undefined, undefined],
    ['done', { phase: 'Succeeded' }, undefined, undefined],
    ['first crash', waiting('CrashLoopBackOff', 1), /crashed 2 times \(exit code 7\)/, undefined],
    [
      'crash loop',
      waiting('CrashLoopBackOff', 2),
      /a\/trips-1: container app crashed 3 times/,
      'MESHPROOF_POD_CRASHED',
    ],
    ['image never there', waiting('ErrImageNeverPull'), /ErrImageNeverPull: because/, 'MESHPROOF_IMAGE'],
    ['image pulled again', waiting('ImagePullBackOff'), /ImagePullBackOff/, undefined],
    [
      'image that no registry has',
      waiting('ErrImagePull', 0, 'failed to resolve reference: shop/cart:1: not found'),
      /not found/,
      'MESHPROOF_IMAGE',
    ],
    ['image pull that was slow', waiting('ErrImagePull', 0, 'dial tcp: i/o timeout'), /i\/o timeout/, undefined],
    ['starting', waiting('ContainerCreating'), /app: ContainerCreating/, undefined],
    [
      'no node',
      { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message: '0/1 nodes' }] },
      /pending: 0\/1 nodes/,
      undefined,
    ],
  ];
  for (const [what, status, reason, code] of pods) {
    it(`Pod: ${what}`, () => {
      const trouble = podTrouble(pod(status));
      if (reason) expect(trouble?.reason).to.match(reason);
      else expect(trouble).to.equal(undefined);
      expect(trouble?.fatal?.code).to.equal(code);
    });
  }
});

describe('an image that is not there', () => {
  const broken = (image: string): ReturnType<typeof podTrouble> => {
    const one = pod(waiting('ErrImagePull', 0, 'not found'));
    return podTrouble({ ...one, spec: { containers: [{ name: 'app', image }] } });
  };

  it('is named, with the registry that was asked', () => {
    expect(broken('shop/cart:1')?.reason).to.match(/ErrImagePull: not found \(image shop\/cart:1 from docker\.io\)$/);
    expect(broken('ghcr.io/shop/cart:1')?.fatal?.hint).to.match(/imagePullSecret/);
  });

  it('is in no registry where it is meshproof’s own', () => {
    const trouble = broken('meshproof.dev/cart:1');
    expect(trouble?.reason).to.match(/\(image meshproof\.dev\/cart:1\)$/);
    expect(trouble?.fatal?.hint).to.match(/--recreate/);
  });
});

describe('waiting for workloads', () => {
  const list = (kind: string, items: KubeObject[]): object => ({
    kind: `${kind}List`,
    apiVersion: 'v1',
    metadata: {},
    items,
  });
  const serve = (state: { deployments: KubeObject[]; pods: KubeObject[]; failures?: number }) =>
    ScriptedApi.start((asked, response) => {
      if ((state.failures ?? 0) > 0) {
        state.failures = (state.failures ?? 0) - 1;
        return json(response, { reason: 'InternalError' }, 500);
      }
      if (asked.path.includes('/log')) return response.end('panic: no database\n');
      if (asked.path.includes('/deployments')) return json(response, list('Deployment', state.deployments));
      if (asked.path.includes('/statefulsets')) return json(response, list('StatefulSet', []));
      return json(response, list('Pod', state.pods));
    });
  const codeOf = (work: Promise<unknown>): Promise<MeshproofError> =>
    work.then(
      () => expect.fail('it did not throw'),
      (error: MeshproofError) => error,
    );

  it('ends when all are rolled out, through an API server that stumbles', async () => {
    await using api = await serve({ deployments: [deployment(rolledOut)], pods: [], failures: 2 });
    await waitForDeployments(api.client, 'a', { timeoutMs: 5000 });
  });

  it('says of a program for another processor what it is', async () => {
    await using api = await ScriptedApi.start((asked, response) => {
      if (asked.path.includes('/log')) return response.end('exec /usr/bin/app: exec format error\n');
      if (asked.path.includes('/deployments')) return json(response, list('Deployment', [deployment({})]));
      if (asked.path.includes('/statefulsets')) return json(response, list('StatefulSet', []));
      return json(response, list('Pod', [pod(waiting('CrashLoopBackOff', 3))]));
    });
    const { message, hint } = await codeOf(waitForDeployments(api.client, 'a', { timeoutMs: 60_000 }));
    expect(message).to.contain('exec format error');
    expect(hint).to.contain('another processor');
  });

  it('names the pod and quotes its log as soon as it crash-loops', async () => {
    await using api = await serve({ deployments: [deployment({})], pods: [pod(waiting('CrashLoopBackOff', 3))] });
    const error = await codeOf(waitForDeployments(api.client, 'a', { timeoutMs: 60_000 }));
    expect(error.code).to.equal('MESHPROOF_POD_CRASHED');
    expect(error.message).to.contain('a/trips-1').and.to.contain('panic: no database');
  });

  describe('of a container that is up since a moment', () => {
    const up = (agoMs: number, restartCount: number, spec: object = {}): KubeObject => ({
      ...pod({
        ...readyStatus,
        containerStatuses: [
          {
            name: 'app',
            ready: true,
            restartCount,
            state: { running: { startedAt: new Date(Date.now() - agoMs).toISOString() } },
          },
        ],
      }),
      spec: { containers: [{ name: 'app', ...spec }] },
    });
    const probed = { readinessProbe: { tcpSocket: { port: 80 } } };
    const waits: [string, () => KubeObject, RegExp | undefined][] = [
      [
        'after a crash, says that it may not stay',
        () => up(1000, 1, probed),
        /runs for \d s after 1 restart: it may not stay/,
      ],
      ['without a readiness probe, says so too', () => up(0, 0), /runs for \d s and has no readiness probe/],
      ['believes its readiness probe', () => up(0, 0, probed), undefined],
      ['believes one that stayed', () => up(10_500, 3), undefined],
      ['believes one without a probe after a moment', () => up(2500, 0), undefined],
    ];
    for (const [what, one, expected] of waits) {
      it(what, async () => {
        await using api = await serve({ deployments: [deployment(rolledOut)], pods: [one()] });
        for (const wait of [waitForDeployments, waitForPods]) {
          const waited = wait(api.client, 'a', { timeoutMs: 200 });
          if (expected) expect((await codeOf(waited)).message).to.match(expected);
          else await waited;
        }
      });
    }

    it('throws for a crash loop that the Deployment calls available still', async () => {
      await using api = await serve({
        deployments: [deployment(rolledOut)],
        pods: [pod(waiting('CrashLoopBackOff', 2))],
      });
      expect((await codeOf(waitForDeployments(api.client, 'a', { timeoutMs: 5000 }))).code).to.equal(
        'MESHPROOF_POD_CRASHED',
      );
    });
  });

  it('says at the deadline what it waited for', async () => {
    await using api = await serve({ deployments: [deployment({})], pods: [pod(waiting('ContainerCreating'))] });
    const reasons: string[] = [];
    const error = await codeOf(
      waitForDeployments(api.client, 'a', { timeoutMs: 50, progress: (reason) => reasons.push(reason) }),
    );
    expect(error.code).to.equal('MESHPROOF_WORKLOAD_NOT_READY');
    expect(error.message).to.contain('ContainerCreating');
    expect(reasons[0]).to.contain('a/trips-1');
  });

  it('waits for what concerns it only, whatever else is broken in the namespace', async () => {
    const own = deployment(rolledOut, { template: { metadata: { labels: { app: 'trips' } } } });
    const foreign = { ...deployment({}), metadata: { name: 'foreign', generation: 1 } };
    const broken = pod(waiting('ErrImageNeverPull'), { name: 'foreign-1', labels: { app: 'foreign' } });
    await using api = await serve({ deployments: [own, foreign], pods: [broken] });
    const concerns = (labels: Record<string, string>): boolean => labels['app'] === 'trips';
    await waitForDeployments(api.client, 'a', { timeoutMs: 5000, concerns });
    expect((await codeOf(waitForDeployments(api.client, 'a', { timeoutMs: 5000 }))).code, 'control').to.equal(
      'MESHPROOF_IMAGE',
    );
  });

  it('does not take an empty namespace for a ready one', async () => {
    await using api = await serve({ deployments: [], pods: [pod(readyStatus, { deletionTimestamp: 'now' })] });
    expect((await codeOf(waitForDeployments(api.client, 'a', { timeoutMs: 50 }))).message).to.contain('no workloads');
    expect((await codeOf(waitForPods(api.client, 'a', { timeoutMs: 50 }))).message).to.contain('no such pods');
  });

  it('readyPods leaves out those that terminate or are not ready', async () => {
    await using api = await serve({
      deployments: [],
      pods: [
        pod(readyStatus, { name: 'z', uid: 'z' }),
        pod(readyStatus, { name: 'b', deletionTimestamp: 'now' }),
        pod(waiting('x'), { name: 'c' }),
        pod(readyStatus),
      ],
    });
    const pods = await readyPods(api.client, 'a', 'app=trips');
    expect(pods.map(({ name }) => name)).to.deep.equal(['trips-1', 'z']);
    expect(pods[0]).to.deep.equal({ namespace: 'a', name: 'trips-1', uid: 'u1', ip: '10.0.0.1', node: 'n' });
  });
});
