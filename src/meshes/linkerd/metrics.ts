import { parsePrometheus, type Sample } from '../../observe/telemetry/prometheus.ts';

type Labels = Sample['labels'];

/** The text of a proxy's `/metrics`, by what is counted. */
export class Metrics {
  readonly samples: readonly Sample[];
  readonly #byName = new Map<string, Sample[]>();

  /** @throws MeshproofError MESHPROOF_METRICS_UNREADABLE */
  constructor(text: string) {
    this.samples = parsePrometheus(text);
    for (const sample of this.samples) {
      const same = this.#byName.get(sample.name);
      if (same === undefined) this.#byName.set(sample.name, [sample]);
      else same.push(sample);
    }
  }

  of(name: string, where: (labels: Labels) => boolean = () => true): Sample[] {
    return (this.#byName.get(name) ?? []).filter(({ labels }) => where(labels));
  }

  sum(name: string, where?: (labels: Labels) => boolean): number {
    return this.of(name, where).reduce((total, { value }) => total + value, 0);
  }

  /** Sums by what a label says, or what is made of several. @param names counters that never count the same */
  by(names: string | readonly string[], key: (labels: Labels) => string | undefined): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { labels, value } of [names].flat().flatMap((name) => this.of(name))) {
      const own = key(labels);
      if (own !== undefined && value > 0) sums[own] = (sums[own] ?? 0) + value;
    }
    return sums;
  }

  /** Epoch milliseconds at which the process began. */
  get startedAt(): number {
    return Math.round((this.of('process_start_time_seconds')[0]?.value ?? 0) * 1000);
  }

  get version(): string {
    return this.of('proxy_build_info')[0]?.labels['version'] ?? 'unknown';
  }
}
