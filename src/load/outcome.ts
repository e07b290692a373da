import { readLogBlock, logEvents } from '../kube/log-block.ts';
import type { LoadSample } from './load.ts';
import { minShareOfRequests } from './plan.ts';
import { parseSamples } from './samples.ts';

/** What one k6 process did, from its container's log. */
export interface K6Outcome {
  pod: string;
  exitCode: number;
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

/** True once everything of the run is in the log. */
export function isComplete(log: string): boolean {
  return readLogBlock(log, 'output') !== undefined;
}

/**
 * Reads a finished load container's log. k6's exit code is not believed: it is 0 when every iteration throws (grafana/k6
 * issue 6480). What counts is one sample for every arrival that was asked for.
 */
export function readOutcome(
  log: string,
  asked: { pod: string; idPrefix: string; targets: readonly { name: string }[]; requests: number },
): K6Outcome {
  const exited = logEvents(log).find((event) => event.event === 'exited');
  const exitCode = Number(exited?.fields['code'] ?? -1);
  const samples = parseSamples(readLogBlock(log, 'samples') ?? '', asked.idPrefix, asked.targets);
  const summary = parseSummary(readLogBlock(log, 'summary'));
  const output = readLogBlock(log, 'output') ?? log.slice(-2000);
  const count = (metric: string): number => summary?.metrics[metric]?.values['count'] ?? 0;
  const iterations = count('iterations');
  const dropped = count('dropped_iterations');

  const problems: string[] = [];
  const say = (problem: string): unknown => problems.push(`k6 in ${asked.pod}: ${problem}`);
  if (!exited) say('it did not end by itself');
  else if (!ranToTheEnd.includes(exitCode)) say(`it ended with exit code ${exitCode}: ${firstError(output)}`);
  if (!summary) say('it wrote no summary');
  // An app's own script may send several requests in one iteration: `12`, `12.1`, `12.2`.
  const sampled = new Set(samples.map(({ requestId }) => requestId.replace(/\.\d+$/, ''))).size;
  const thrown = iterations - sampled;
  if (iterations > 0 && samples.length === 0)
    say(`all ${iterations} iterations failed in the script: ${firstError(output)}`);
  else if (summary && thrown !== 0) say(`samples of ${sampled} of ${iterations} iterations: ${firstError(output)}`);
  if (samples.length > 0 && count('http_reqs') !== samples.length)
    say(`${samples.length} samples of ${count('http_reqs')} requests`);
  if (dropped > 0) say(`it dropped ${dropped} iterations: not enough VUs for this rate and latency`);
  if (sampled < asked.requests * minShareOfRequests)
    say(`${sampled} requests were sent, ${Math.round(asked.requests)} were asked for`);
  if (exitCode === 99 && problems.length === 0) say('a threshold of its script was crossed');
  return { pod: asked.pod, exitCode, samples, dropped, summary, output, problems };
}

function parseSummary(text: string | undefined): K6Summary | undefined {
  if (text === undefined || text.trim() === '') return undefined;
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
