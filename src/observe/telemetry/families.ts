import { parsePrometheus, type Sample } from './prometheus.ts';

export type MetricType =
  'counter' | 'gauge' | 'histogram' | 'gaugehistogram' | 'summary' | 'untyped' | 'unknown' | 'info' | 'stateset';

export interface MetricFamily {
  name: string;
  type: MetricType;
  help?: string;
  unit?: string;
  samples: Sample[];
}

/** Sample name endings that belong to a declared family. */
const suffixes: Partial<Record<MetricType, string[]>> = {
  counter: ['_total', '_created'],
  histogram: ['_bucket', '_sum', '_count', '_created'],
  gaugehistogram: ['_bucket', '_gsum', '_gcount'],
  summary: ['_sum', '_count', '_created'],
  info: ['_info'],
};

/**
 * Groups samples under their `# TYPE`; a sample without one is a family `untyped` of its own.
 *
 * @throws MeshproofError MESHPROOF_METRICS_UNREADABLE
 */
export function parseFamilies(text: string): Map<string, MetricFamily> {
  const families = new Map<string, MetricFamily>();
  const owner = new Map<string, MetricFamily>();
  const family = (name: string): MetricFamily => {
    let found = families.get(name);
    if (!found) families.set(name, (found = { name, type: 'untyped', samples: [] }));
    return found;
  };
  for (const [, keyword, name, rest] of text.matchAll(/^#[ \t]+(TYPE|HELP|UNIT)[ \t]+(\S+)[ \t]*(.*)$/gm)) {
    const found = family(unquoted(name!));
    if (keyword === 'HELP') found.help = rest!.replace(/\\(n|\\|")/g, (_, c: string) => (c === 'n' ? '\n' : c));
    else if (keyword === 'UNIT') found.unit = rest!.trim();
    else {
      found.type = rest!.trim() as MetricType;
      for (const suffix of suffixes[found.type] ?? []) owner.set(found.name + suffix, found);
    }
  }
  for (const sample of parsePrometheus(text)) {
    const own = families.get(sample.name);
    // Some exporters declare `x_count` as a metric of its own beside a histogram `x`: the exact name wins.
    (own ?? owner.get(sample.name) ?? family(sample.name)).samples.push(sample);
  }
  return families;
}

function unquoted(name: string): string {
  return name.startsWith('"') && name.endsWith('"')
    ? name.slice(1, -1).replace(/\\(n|\\|")/g, (_, c: string) => (c === 'n' ? '\n' : c))
    : name;
}
