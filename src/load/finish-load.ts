import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError, messageOf } from '../base/errors.ts';
import { pollUntil, type Look } from '../base/poll.ts';
import { getIfThere } from '../kube/get-if-there.ts';
import { logEvents } from '../kube/log-events.ts';
import { readPodFile } from '../kube/pod-file.ts';
import { containerLog } from '../kube/pod-log.ts';
import { containerStatus, hasEnded } from '../kube/pod-status.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';
import type { LoadContext } from './context.ts';
import { readK6Files, type K6Files } from './k6-files.ts';
import { loadContainer, loadFolder } from './load-pod.ts';
import type { LoadResult, LoadSpec, PodClock } from './load.ts';
import { mergeSegments } from './merge-segments.ts';
import { readOutcome, type K6Outcome } from './outcome.ts';
import { expectedRequests } from './plan.ts';

/** Beyond duration and last timeouts: for k6's summary. */
const endGraceMs = 20_000;

/** A pod with the part of a load that it sends. */
export interface LoadingPod {
  ref: PodRef;
  /** Name of the load in this pod: its folder, and its `exited`. */
  load: string;
  idPrefix: string;
  /** Which part it has of the load. */
  index: number;
  clock: PodClock;
}

/** Told to end before its time: when, on our clock, and how long after its first request. */
export interface Stopped {
  atMs: number;
  ranMs: number;
}

/**
 * Waits for every k6 to end and joins what they report. The pods stay, with their sidecars and networks, until they are deleted.
 *
 * @param stopped when they were told to end before their time
 */
export async function finishLoad(
  spec: LoadSpec,
  context: LoadContext,
  pods: readonly LoadingPod[],
  stopped?: Stopped,
): Promise<LoadResult> {
  const outcomes = await Promise.all(pods.map((pod) => finishPod(spec, context, pod, stopped)));
  return mergeSegments(spec, outcomes);
}

/** How k6 ended, as its container says; `killed` when that has ended, or gone, before its files were read. */
type End = { exitCode: number } | 'killed';

async function finishPod(
  spec: LoadSpec,
  context: LoadContext,
  { ref, load, idPrefix, index, clock }: LoadingPod,
  stopped: Stopped | undefined,
): Promise<K6Outcome> {
  const { kube, signal } = context;
  const lost: string[] = [];
  const orLost = async <T>(work: Promise<T>): Promise<T | undefined> => {
    try {
      return await work;
    } catch (error) {
      if (signal.aborted || !(error instanceof MeshproofError)) throw error;
      lost.push(`k6 in ${ref.name}: ${messageOf(error)}`);
      return undefined;
    }
  };
  const end = await orLost(
    pollUntil(() => lookEnd(kube, ref, load), {
      what: 'its end',
      timeoutMs: spec.durationMs + spec.requestTimeoutMs + endGraceMs,
      intervalMs: 250,
      signal,
    }),
  );
  const nothing: K6Files = { exitCode: undefined, samples: [], summary: '', output: '' };
  let files = nothing;
  if (end === 'killed') lost.push(`k6 in ${ref.name}: its container ended: its samples are lost`);
  else if (end !== undefined) {
    const read = <T>(name: string, consume: (bytes: AsyncIterable<Buffer>) => Promise<T>): Promise<T> =>
      readPodFile(kube, { pod: ref, container: loadContainer, path: `${loadFolder(load)}/${name}` }, consume, {
        signal,
      });
    const found = await orLost(readK6Files(read, { idPrefix, targets: spec.targets }));
    const { samples, ...rest } = found ?? nothing;
    const { aheadMs } = clock;
    files = {
      ...rest,
      samples: aheadMs === 0 ? samples : samples.map((sample) => ({ ...sample, clockAheadMs: aheadMs })),
      exitCode: end.exitCode,
    };
  }
  const outcome = readOutcome(files, {
    pod: ref.name,
    requests: expectedRequests(
      stopped === undefined ? spec : { ...spec, durationMs: Math.min(stopped.ranMs, spec.durationMs) },
      index,
    ),
    stoppedAtMs: stopped?.atMs,
  });
  outcome.problems.unshift(...lost);
  await writeFile(join(context.workDir, `${ref.name}.${load}.log`), outcome.output);
  return outcome;
}

async function lookEnd(kube: KubeClient, ref: PodRef, load: string): Promise<Look<End>> {
  const pod = await getIfThere(kube, `/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`);
  if (pod === undefined || pod.metadata.uid !== ref.uid) return { ready: 'killed' };
  if (hasEnded(pod) || containerStatus(pod, loadContainer)?.state?.terminated) return { ready: 'killed' };
  // The log also tells of the pod's earlier loads.
  const events = logEvents(await containerLog(kube, ref, loadContainer));
  const exited = events.find(({ event, fields }) => event === 'exited' && fields['load'] === load);
  if (exited) return { ready: { exitCode: Number(exited.fields['code'] ?? -1) } };
  return { pending: events.at(-1)?.event ?? 'running' };
}
