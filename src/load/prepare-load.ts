import { randomBytes } from 'node:crypto';
import { systemClock } from '../base/clock.ts';
import { aheadOf, measureClockOffset } from '../kube/clock-offset.ts';
import type { PodRef } from '../kube/types.ts';
import type { LoadContext } from './context.ts';
import { finishLoad, type LoadingPod, type Stopped } from './finish-load.ts';
import { loadContainer, loadFiles, loadFolder } from './load-pod.ts';
import type { LoadResult, LoadSpec, PodClock, PreparedLoad, RunningLoad } from './load.ts';
import { planFor, podsOf, validateLoad } from './plan.ts';
import { startError } from './pod-ready.ts';

export type { LoadContext } from './context.ts';

/** Script and plan into the pod: some 30 kB. */
const filesTimeoutMs = 15_000;
/** From the open gate to the first request: k6 compiles its script and makes its VUs. */
const firstRequestTimeoutMs = 20_000;
/** What k6 has for that where several pods are to begin together: three of them need some 1.5 s on two cores that are not busy. */
const beginTogetherMs = 4000;

/**
 * Has load pods ready, meshed, each with its script and plan, and holds them at a gate: nothing has been sent when it resolves.
 *
 * @throws MeshproofError MESHPROOF_LOAD_START with the reason of the pod that did not come up; nothing new is left then.
 */
export async function prepareLoad(spec: LoadSpec, context: LoadContext): Promise<PreparedLoad> {
  validateLoad(spec);
  const { pods: source, signal } = context;
  const { client, namespace, freshPods: fresh } = spec;
  const pods = await source.take({ client, namespace, count: podsOf(spec), fresh }, context);
  const removeAll = async (): Promise<void> => void (await Promise.all(pods.map((pod) => source.remove(pod))));
  try {
    const id = randomBytes(3).toString('hex');
    const loading = await Promise.all(
      pods.map(async ({ ref }, index): Promise<LoadingPod> => {
        const part = { ref, load: `load-${id}`, idPrefix: id, index };
        await giveFiles(spec, context, part);
        return { ...part, clock: await clockOf(ref, context) };
      }),
    );
    /** Whether its pods are as good as new; false while a load is under way. */
    let clean = true;
    let keep = false;
    return {
      pods: pods.map((pod) => pod.ref),
      clocks: loading.map(({ clock }) => clock),
      start: () => {
        clean = false;
        return startLoad(spec, context, loading, (wentWell) => (clean = wentWell));
      },
      keepPods: () => void (keep = true),
      async [Symbol.asyncDispose]() {
        if (!keep || !clean || signal.aborted) return removeAll();
        for (const pod of pods) source.putBack(pod);
      },
    };
  } catch (error) {
    await removeAll();
    throw error;
  }
}

async function giveFiles(
  spec: LoadSpec,
  context: LoadContext,
  { ref, load, idPrefix, index }: Omit<LoadingPod, 'clock'>,
): Promise<void> {
  const { stderr, exitCode } = await context.kube.exec(ref, ['busybox', 'sh'], {
    container: loadContainer,
    stdin: loadFiles(load, planFor(spec, { index, idPrefix }), spec.script),
    timeoutMs: filesTimeoutMs,
    signal: context.signal,
  });
  if (exitCode !== 0)
    throw startError(`${ref.name} did not take its script: ${stderr.trim().slice(-500)}`, 'Is its disk full?');
}

/** A kept pod's clock is measured again: clocks drift by some ms a minute. */
async function clockOf(ref: PodRef, { kube, signal }: LoadContext): Promise<PodClock> {
  const offset = await measureClockOffset(kube, ref, loadContainer, { signal });
  return { pod: ref.name, ...offset, aheadMs: aheadOf(offset) };
}

/**
 * Opens the gate and waits for k6 to write that the first request is under way, in one call; else, what k6 said.
 *
 * @param beginAt when the load begins, epoch ms by the clock of the pod; undefined: at once
 */
const openGate = (load: string, beginAt?: number): string =>
  `cd ${loadFolder(load)} && echo ${load} ${beginAt ?? ''} > ../gate && until [ -s samples.csv ] || [ -e exited ]; do sleep 0.02; done; if [ -s samples.csv ]; then head -n 1 samples.csv; else tail -n 20 output.txt; fi`;

async function startLoad(
  spec: LoadSpec,
  context: LoadContext,
  pods: readonly LoadingPod[],
  ended: (wentWell: boolean) => void,
): Promise<RunningLoad> {
  const { kube, signal } = context;
  const beginAt = pods.length > 1 ? systemClock.now() + beginTogetherMs : undefined;
  const startedAt = await Promise.all(
    pods.map(async ({ ref, load, clock }) => {
      const gate = openGate(load, beginAt && Math.round(beginAt + clock.aheadMs));
      const { stdout, stderr } = await kube.exec(ref, ['busybox', 'sh', '-c', gate], {
        container: loadContainer,
        timeoutMs: firstRequestTimeoutMs,
        signal,
      });
      const first = /^start,(\d+)/.exec(stdout)?.[1];
      if (first !== undefined) return Number(first) - clock.aheadMs;
      // The first line is written by the first iteration: other VUs may be quicker by a hair.
      if (/^\d+,\d+,\d+,/.test(stdout)) return Number(stdout.split(',')[2]) - clock.aheadMs;
      throw startError(
        `k6 in ${ref.name} never sent a request: ${(stdout + stderr).trim().slice(-500) || 'it said nothing'}`,
        'Is the script right, and the plan?',
      );
    }),
  );
  const inPods = (command: string) =>
    Promise.all(
      pods.map(({ ref, load }) =>
        kube.exec(ref, ['busybox', 'sh', '-c', `cd ${loadFolder(load)} && ${command}`], {
          container: loadContainer,
          timeoutMs: 5000,
        }),
      ),
    );
  let result: Promise<LoadResult> | undefined;
  let stopped = false;
  const finish = async (early?: Stopped): Promise<LoadResult> => {
    const found = await finishLoad(spec, context, pods, early);
    ended(found.problems.length === 0 && !stopped);
    return found;
  };
  return {
    startedAt: Math.min(...startedAt),
    async progress() {
      const lines = await inPods('wc -l < samples.csv');
      return lines.reduce((sum, { stdout }) => sum + Math.max(0, Number(stdout) - 1), 0);
    },
    finish: () => (result ??= finish()),
    async finishNow() {
      if (result === undefined) {
        const atMs = systemClock.now();
        await inPods('kill -INT $(cat k6.pid)').catch(() => undefined);
        result = finish({ atMs, ranMs: atMs - Math.min(...startedAt) });
      }
      return await result;
    },
    async stop() {
      stopped = true;
      ended(false);
      await inPods('kill -TERM $(cat ../load.pid)').catch(() => undefined);
    },
  };
}
