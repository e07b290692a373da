import { hostTime } from '../base/host-time.ts';
import type { LoadResult, LoadSpec } from './load.ts';
import type { K6Outcome } from './outcome.ts';
import { dueAfterMs } from './plan.ts';
import { iterationOf } from './samples.ts';

/** Further apart, arrivals of two pods are not those of one load. Their clocks are known to some ms. */
const togetherMs = 100;

/**
 * One load again from the parts that its pods sent: every sample in the order of our clock, and sums of counts. Nothing is averaged, so
 * that every quantile is that of the requests themselves.
 */
export function mergeSegments(spec: LoadSpec, segments: readonly K6Outcome[]): LoadResult {
  return {
    samples: segments.flatMap(({ samples }) => samples).sort((a, b) => hostTime(a) - hostTime(b)),
    exitCode: segments.find(({ exitCode }) => exitCode !== 0)?.exitCode ?? 0,
    droppedIterations: segments.reduce((sum, { dropped }) => sum + dropped, 0),
    summary: JSON.stringify(
      segments.map(({ pod, exitCode, summary, output }) => ({ pod, exitCode, summary, output })),
      null,
      1,
    ),
    problems: [...segments.flatMap(({ problems }) => problems), ...sentTwice(segments), ...notTogether(spec, segments)],
  };
}

/** A script of the app's own may not have kept to its part of the load. */
function sentTwice(segments: readonly K6Outcome[]): string[] {
  if (segments.length < 2) return [];
  const seen = new Set<string>();
  let twice = 0;
  for (const { samples } of segments) {
    for (const { requestId } of samples) {
      if (seen.has(requestId)) twice++;
      seen.add(requestId);
    }
  }
  return twice === 0
    ? []
    : [`${twice} requests were sent by two load pods: the script does not keep to \`plan.segment\``];
}

function notTogether(spec: LoadSpec, segments: readonly K6Outcome[]): string[] {
  const began = segments.flatMap((segment) => {
    const atMs = beginning(spec, segment);
    return atMs === undefined ? [] : [{ pod: segment.pod, atMs }];
  });
  const first = Math.min(...began.map(({ atMs }) => atMs));
  return began
    .filter(({ atMs }) => atMs - first > togetherMs)
    .map(({ pod, atMs }) => `k6 in ${pod}: it began ${Math.round(atMs - first)} ms after the first of the load pods`);
}

/** By the arrival that was least late. A loop: spread arguments are limited, samples are not. */
function beginning(spec: LoadSpec, { samples }: K6Outcome): number | undefined {
  let earliest: number | undefined;
  for (const sample of samples) {
    const atMs = hostTime(sample) - dueAfterMs(spec, iterationOf(sample));
    if (earliest === undefined || atMs < earliest) earliest = atMs;
  }
  return earliest;
}
