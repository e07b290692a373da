import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MeshproofError } from '../base/errors.ts';
import { pollUntil, type Look } from '../base/poll.ts';
import { isHttpStatus } from '../kube/kube-api-error.ts';
import { logEvents } from '../kube/log-block.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';
import { loadContainer } from './load-pod.ts';
import type { LoadResult, LoadSpec } from './load.ts';
import { isComplete, readOutcome, type K6Outcome } from './outcome.ts';
import { expectedRequests } from './plan.ts';
import type { PodStatus } from './pod-ready.ts';
import type { LoadContext } from './context.ts';

/** Beyond duration and last timeouts: for k6's summary and the log. */
const endGraceMs = 20_000;

export interface LoadPod {
  ref: PodRef;
  idPrefix: string;
}

/** Everything the load container wrote. */
export async function podLog(kube: KubeClient, ref: PodRef): Promise<string> {
  return await kube.getText(`/api/v1/namespaces/${ref.namespace}/pods/${ref.name}/log?container=${loadContainer}`);
}

/** Waits for every k6 to end and joins what they report. The pods stay, with their sidecars and networks, until they are deleted. */
export async function finishLoad(spec: LoadSpec, context: LoadContext, pods: LoadPod[]): Promise<LoadResult> {
  const outcomes = await Promise.all(pods.map((pod) => finishPod(spec, context, pod)));
  return {
    samples: outcomes.flatMap((outcome) => outcome.samples).sort((a, b) => a.startedAt - b.startedAt),
    exitCode: outcomes.find((outcome) => outcome.exitCode !== 0)?.exitCode ?? 0,
    droppedIterations: outcomes.reduce((sum, outcome) => sum + outcome.dropped, 0),
    summary: JSON.stringify(
      outcomes.map(({ pod, exitCode, summary, output }) => ({ pod, exitCode, summary, output })),
      null,
      1,
    ),
    problems: outcomes.flatMap((outcome) => outcome.problems),
  };
}

async function finishPod(
  spec: LoadSpec,
  { kube, signal, workDir: keepIn }: LoadContext,
  { ref, idPrefix }: LoadPod,
): Promise<K6Outcome> {
  let log = '';
  const look = async (): Promise<Look<undefined>> => {
    const path = `/api/v1/namespaces/${ref.namespace}/pods/${ref.name}`;
    const pod = await kube.get(path).catch((error: unknown) => {
      if (isHttpStatus(error, 404)) return undefined;
      throw error;
    });
    const status = (pod?.['status'] ?? {}) as PodStatus;
    if (!pod || pod.metadata.uid !== ref.uid) return { ready: undefined };
    log = await podLog(kube, ref);
    if (isComplete(log)) return { ready: undefined };
    // A container that ended without its last words was killed.
    if (status.phase === 'Failed' || status.phase === 'Succeeded') {
      log = await podLog(kube, ref);
      return { ready: undefined };
    }
    return { pending: logEvents(log).at(-1)?.event ?? 'running' };
  };
  const timedOut = await pollUntil(look, {
    what: `end of k6 in ${ref.name}`,
    timeoutMs: spec.durationMs + spec.requestTimeoutMs + endGraceMs,
    intervalMs: 250,
    signal,
  }).catch((error: unknown) => {
    if (error instanceof MeshproofError && error.code === 'MESHPROOF_TIMEOUT') return error;
    throw error;
  });
  const outcome = readOutcome(log, {
    pod: ref.name,
    idPrefix,
    targets: spec.targets,
    requests: expectedRequests(spec),
  });
  if (timedOut) outcome.problems.push(timedOut.message);
  await writeFile(join(keepIn, `${ref.name}.log`), outcome.output);
  return outcome;
}
