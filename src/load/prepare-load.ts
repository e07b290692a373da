import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { isHttpStatus } from '../kube/kube-api-error.ts';
import type { KubeClient, KubeObject } from '../kube/types.ts';
import type { LoadContext } from './context.ts';
import { finishLoad, type LoadPod } from './finish-load.ts';
import { loadContainer, loadPodObjects, workDir } from './load-pod.ts';
import type { LoadResult, LoadSpec, PreparedLoad, RunningLoad } from './load.ts';
import { planFor, podsOf, validateLoad } from './plan.ts';
import { podReady, startError } from './pod-ready.ts';

export type { LoadContext } from './context.ts';

/** From the open gate to the first request: k6 compiles its script and makes its VUs. */
const firstRequestTimeoutMs = 20_000;

/**
 * Brings the load pods up, meshed, and holds them at a gate: nothing has been sent when it resolves.
 *
 * @throws MeshproofError MESHPROOF_LOAD_START with the reason of the pod that did not come up; nothing is left then.
 */
export async function prepareLoad(spec: LoadSpec, context: LoadContext): Promise<PreparedLoad> {
  validateLoad(spec);
  const { kube, progress, signal } = context;
  const image = context.images['k6']?.ref;
  if (image === undefined) throw startError('the image `k6` is not there', 'Load the images of the lab first.');
  const id = randomBytes(3).toString('hex');
  const account: KubeObject = {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: spec.client, namespace: spec.namespace },
  };
  const pods = Array.from({ length: podsOf(spec) }, (_, index) => {
    const name = `${spec.client}-load-${id}-${index}`;
    const idPrefix = `${id}${index}`;
    return {
      name,
      idPrefix,
      objects: loadPodObjects({ ...spec, name, image, plan: planFor(spec, { index, idPrefix }) }),
    };
  });
  // An account that was there before stays.
  const accounts = (await exists(kube, account)) ? [] : [account];
  const objects = [...accounts, ...pods.flatMap((pod) => pod.objects)];
  const remove = async (): Promise<void> => {
    await Promise.all(
      objects
        .toReversed()
        .map(async (object) => await kube.delete(await kube.pathOf(object), { gracePeriodSeconds: 0 })),
    );
  };
  try {
    const ready = await progress.step(`load pods of ${spec.client}`, async (detail) => {
      await kube.apply(context.inject(objects));
      return await Promise.all(
        pods.map(async ({ name, idPrefix }) => ({
          idPrefix,
          ref: await podReady(kube, spec.namespace, name, signal, detail),
        })),
      );
    });
    return {
      pods: ready.map((pod) => pod.ref),
      start: () => startLoad(spec, context, ready),
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function exists(kube: KubeClient, object: KubeObject): Promise<boolean> {
  try {
    await kube.get(await kube.pathOf(object));
    return true;
  } catch (error) {
    if (isHttpStatus(error, 404)) return false;
    throw error;
  }
}

/** Opens the gate and waits for k6 to write that the first request is under way, in one call; else, what k6 said. */
const openGate = `cd ${workDir} && touch gate && until [ -s samples.csv ] || [ -e exited ]; do sleep 0.02; done; if [ -s samples.csv ]; then head -n 1 samples.csv; else tail -n 20 output.txt; fi`;

async function startLoad(spec: LoadSpec, context: LoadContext, pods: LoadPod[]): Promise<RunningLoad> {
  const { kube, signal } = context;
  const startedAt = await Promise.all(
    pods.map(async ({ ref }) => {
      const { stdout, stderr } = await kube.exec(ref, ['busybox', 'sh', '-c', openGate], {
        container: loadContainer,
        timeoutMs: firstRequestTimeoutMs,
        signal,
      });
      const first = /^start,(\d+)/.exec(stdout)?.[1];
      if (first !== undefined) return Number(first);
      // The first line is written by iteration 0: other VUs may be quicker by a hair.
      if (/^\d+,\d+,\d+,/.test(stdout)) return Number(stdout.split(',')[2]);
      throw startError(
        `k6 in ${ref.name} never sent a request: ${(stdout + stderr).trim().slice(-500) || 'it said nothing'}`,
        'Is the script right, and the plan?',
      );
    }),
  );
  const inPods = (command: string) =>
    Promise.all(
      pods.map(({ ref }) =>
        kube.exec(ref, ['busybox', 'sh', '-c', command], { container: loadContainer, timeoutMs: 5000 }),
      ),
    );
  let result: Promise<LoadResult> | undefined;
  return {
    startedAt: Math.min(...startedAt),
    async progress() {
      const lines = await inPods(`wc -l < ${workDir}/samples.csv`);
      return lines.reduce((sum, { stdout }) => sum + Math.max(0, Number(stdout) - 1), 0);
    },
    finish: () => (result ??= finishLoad(spec, context, pods)),
    async finishNow() {
      if (result === undefined) {
        const ranMs = systemClock.now() - Math.min(...startedAt);
        await inPods(`kill -INT $(cat ${workDir}/k6.pid)`).catch(() => undefined);
        result = finishLoad(spec, context, pods, ranMs);
      }
      return await result;
    },
    async stop() {
      await inPods(`kill -TERM $(cat ${workDir}/load.pid)`).catch(() => undefined);
    },
  };
}
