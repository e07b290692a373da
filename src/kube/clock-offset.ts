import { Writable } from 'node:stream';
import { systemClock, type Clock } from '../base/clock.ts';
import { MeshproofError } from '../base/errors.ts';
import type { KubeClient } from './types.ts';

/** One question for the time: sent and answered by our clock, answered with theirs. All in ms, the first and last epoch. */
export interface ClockSample {
  sentAt: number;
  roundTripMs: number;
  remoteAt: number;
  /** How coarse the remote answer is: it names the beginning of a step of this length. */
  resolutionMs: number;
}

/** How far a container's clock is ahead of ours (negative: behind), with the bound of its error. */
export interface ClockOffset {
  offsetMs: number;
  uncertaintyMs: number;
  /** Of the sample that it was taken from. */
  roundTripMs: number;
  samples: number;
}

export interface ClockOffsetOptions {
  samples?: number | undefined;
  clock?: Clock | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
  /** A shell in the image, with date, and adjtimex where its date knows no fractions (busybox). */
  shell?: readonly string[] | undefined;
}

/** Our own wall clock counts whole ms: its time is that to half a step. */
const ownResolutionMs = 1;

/**
 * The sample with the shortest round trip, as NTP takes it (RFC 5905, 10): the remote clock was read at some moment of
 * it, so half of it bounds the error, whichever way took longer.
 */
export function estimateOffset(samples: readonly ClockSample[]): ClockOffset | undefined {
  const errorOf = ({ roundTripMs, resolutionMs }: ClockSample): number =>
    roundTripMs / 2 + resolutionMs / 2 + ownResolutionMs / 2;
  const [best] = [...samples].sort((a, b) => errorOf(a) - errorOf(b));
  if (best === undefined) return undefined;
  const ours = best.sentAt + ownResolutionMs / 2 + best.roundTripMs / 2;
  return {
    offsetMs: best.remoteAt + best.resolutionMs / 2 - ours,
    uncertaintyMs: errorOf(best),
    roundTripMs: best.roundTripMs,
    samples: samples.length,
  };
}

/** What times by that clock are moved by; what is within the error of the measurement cannot be told from nothing. */
export function aheadOf({ offsetMs, uncertaintyMs }: ClockOffset): number {
  return Math.abs(offsetMs) <= uncertaintyMs ? 0 : Math.round(offsetMs * 1000) / 1000;
}

/** Time to the ns, to the µs where date knows none (busybox), to the second where there is nothing better. */
const script = `
micros() { adjtimex 2>/dev/null | awk '/tv_sec/ {s=$2} /tv_usec/ {u=$2; ok=1} END {if (ok) printf "%d.%06d\\n", s, u}'; }
while read -r _; do
  now=$(date +%s.%N)
  case $now in *N*) now=$(micros) ;; esac
  echo "\${now:-$(date +%s)}"
done`;

/**
 * Measures a container's clock against ours over one exec stream: one line there, one line back, several times. Each
 * measurement is some ms long, so that the offset is known to a few of them.
 *
 * @throws KubeApiError, MESHPROOF_KUBE_TIMEOUT as exec; MESHPROOF_KUBE_API when the answer is no time.
 */
export async function measureClockOffset(
  kube: KubeClient,
  pod: { namespace: string; name: string },
  container: string,
  options: ClockOffsetOptions = {},
): Promise<ClockOffset> {
  const { samples: wanted = 8, clock = systemClock, timeoutMs = 15_000, signal, shell = ['busybox', 'sh'] } = options;
  const samples: ClockSample[] = [];
  const answers = new Answers();
  const questions = async function* (): AsyncGenerator<string> {
    while (samples.length < wanted) {
      const sentAt = clock.now();
      const from = clock.monotonicMs();
      yield '\n';
      const answer = await answers.next();
      samples.push({ sentAt, roundTripMs: clock.monotonicMs() - from, ...readTime(answer, pod) });
    }
  };
  const { stderr } = await kube.exec(pod, [...shell, '-c', script], {
    container,
    stdin: questions(),
    stdout: answers,
    timeoutMs,
    signal,
  });
  const offset = estimateOffset(samples);
  if (offset === undefined || samples.length < wanted) throw noTime(pod, stderr.trim() || 'it ended early');
  return offset;
}

function readTime(
  line: string,
  pod: { namespace: string; name: string },
): Pick<ClockSample, 'remoteAt' | 'resolutionMs'> {
  const [, seconds, fraction = ''] = /^(\d+)(?:\.(\d+))?$/.exec(line.trim()) ?? [];
  if (seconds === undefined) throw noTime(pod, line);
  return { remoteAt: Number(`${seconds}.${fraction || 0}`) * 1000, resolutionMs: fraction === '' ? 1000 : 0 };
}

function noTime(pod: { namespace: string; name: string }, said: string): MeshproofError {
  return new MeshproofError(
    'MESHPROOF_KUBE_API',
    `the clock of ${pod.namespace}/${pod.name} cannot be read: ${said.slice(0, 200)}`,
    'The image needs a shell with date.',
  );
}

/** Lines of standard output, one at a time. */
class Answers extends Writable {
  #rest = '';
  readonly #lines: string[] = [];
  #waiting: ((line: string) => void) | undefined;

  next(): Promise<string> {
    const line = this.#lines.shift();
    if (line !== undefined) return Promise.resolve(line);
    return new Promise((resolve) => (this.#waiting = resolve));
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const lines = (this.#rest + chunk.toString()).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      if (this.#waiting === undefined) this.#lines.push(line);
      else this.#waiting(line);
      this.#waiting = undefined;
    }
    done();
  }
}
