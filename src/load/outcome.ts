import { hostTime } from '../base/host-time.ts';
import type { K6Files } from './k6-files.ts';
import type { LoadSample } from './load.ts';
import { minShareOfRequests } from './plan.ts';

/** What one k6 process did, from the files it left. */
export interface K6Outcome {
  pod: string;
  exitCode: number;
  /** Of requests that ended before k6 was told to. */
  samples: LoadSample[];
  dropped: number;
  /** k6's own end-of-test summary; undefined when it wrote none. */
  summary: K6Summary | undefined;
  /** Last lines of k6's output. */
  output: string;
  problems: string[];
}

export interface K6Summary {
  metrics: Record<string, { values: Record<string, number> } | undefined>;
}

/** 0: all well; 99: a threshold of the script was crossed, which the counts below explain. */
const ranToTheEnd = [0, 99];
/**
 * Told to end by a signal (k6 errext/exitcodes: ExternalAbort). It then cuts the requests under way: most leave no sample, some
 * the sample of a failure that is k6's own doing (seen: one end in six at 200 requests/s).
 */
const toldToEnd = 105;
const maxUnderWay = { count: 3, share: 0.01 };

/**
 * Judges what a finished load container left. k6's exit code is not believed: it is 0 when every iteration throws
 * (grafana/k6 issue 6480). What counts is one sample for every arrival that was asked for.
 */
export function readOutcome(
  files: K6Files,
  asked: { pod: string; requests: number; stoppedAtMs?: number | undefined },
): K6Outcome {
  const { samples, output } = files;
  const stopped = asked.stoppedAtMs !== undefined;
  const exitCode = files.exitCode ?? -1;
  const summary = parseSummary(files.summary);
  const count = (metric: string): number => summary?.metrics[metric]?.values['count'] ?? 0;
  const iterations = count('iterations');
  const dropped = count('dropped_iterations');

  const problems: string[] = [];
  const say = (problem: string): unknown => problems.push(`k6 in ${asked.pod}: ${problem}`);
  if (files.exitCode === undefined) say('it did not end by itself');
  else if (!ranToTheEnd.includes(exitCode) && !(stopped && exitCode === toldToEnd))
    say(`it ended with exit code ${exitCode}: ${firstError(output)}`);
  if (!summary) say('it wrote no summary');
  // An app's own script may send several requests in one iteration: `12`, `12.1`, `12.2`.
  const sampled = new Set(samples.map(({ requestId }) => requestId.replace(/\.\d+$/, ''))).size;
  const thrown = iterations - sampled;
  const underWay = stopped ? Math.max(maxUnderWay.count, samples.length * maxUnderWay.share) : 0;
  if (iterations > 0 && samples.length === 0)
    say(`all ${iterations} iterations failed in the script: ${firstError(output)}`);
  else if (summary && Math.abs(thrown) > underWay)
    say(`samples of ${sampled} of ${iterations} iterations: ${firstError(output)}`);
  if (samples.length > 0 && Math.abs(count('http_reqs') - samples.length) > underWay)
    say(`${samples.length} samples of ${count('http_reqs')} requests`);
  if (dropped > 0) say(`it dropped ${dropped} iterations: not enough VUs for this rate and latency`);
  if (sampled < asked.requests * minShareOfRequests)
    say(`${sampled} requests were sent, ${Math.round(asked.requests)} were asked for`);
  if (exitCode === 99 && problems.length === 0 && !stopped) say('a threshold of its script was crossed');
  const whole = samples.filter((sample) => hostTime(sample) + sample.durationMs < (asked.stoppedAtMs ?? Infinity));
  return { pod: asked.pod, exitCode, samples: whole, dropped, summary, output, problems };
}

function parseSummary(text: string): K6Summary | undefined {
  if (text.trim() === '') return undefined;
  try {
    const value = JSON.parse(text) as K6Summary;
    return typeof value.metrics === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}

function firstError(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /error|panic|exception/i.test(line)) ?? lines.at(-1) ?? 'it said nothing')
    .trim()
    .slice(0, 300);
}
