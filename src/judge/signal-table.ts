import type { Window } from '../base/window.ts';
import type { EvidencePath } from '../evidence/path.ts';
import type { EvidenceReader } from '../evidence/reader.ts';
import { phaseFigures } from '../load/figures.ts';
import { snapshotDeltas } from '../observe/telemetry/delta.ts';
import { goldenSignals, loadSignals, type GoldenSignals } from '../observe/telemetry/golden.ts';
import { coresUsed, type ContainerUsage } from '../observe/telemetry/resources.ts';
import { readSnapshots } from './counters.ts';
import type { LoadFacts } from './rules/load-rules.ts';
import { selectSamples } from './select-samples.ts';

/** What the golden signals of an arm are made of (`signals.json` in its folder): windows, and files beside it. */
export interface SignalSources {
  phase: string;
  /** Looks at the proxies at both ends (ProxySnapshot[]). */
  proxy: { before: EvidencePath; after: EvidencePath };
  load: EvidencePath;
  loadFacts: EvidencePath;
  /** Requests that started in it are k6's. */
  window: Window;
  /** Who sent them, and to which services. */
  client: string;
  targets: string[];
  /** What containers used (ContainerUsage[]), and the uids of each service's pods. */
  usage?: { before: EvidencePath; after: EvidencePath; pods: Record<string, string[]> } | undefined;
}

/** Rows of `signals[]` of report.json; a run and `report check` call it alike. */
export async function signalTable(
  { scenario, arm }: { scenario: string; arm: string },
  sources: SignalSources,
  evidence: EvidenceReader,
): Promise<GoldenSignals[]> {
  const { phase, proxy, load, window, client, targets, usage } = sources;
  const labels = { scenario, arm, phase };
  const [before, after] = await Promise.all([
    readSnapshots(proxy.before, evidence),
    readSnapshots(proxy.after, evidence),
  ]);
  const { droppedIterations } = await evidence.json<LoadFacts>(sources.loadFacts);
  const samples = await selectSamples({ load, window }, evidence);
  const used = usage && {
    pods: usage.pods,
    before: await evidence.json<ContainerUsage[]>(usage.before),
    after: await evidence.json<ContainerUsage[]>(usage.after),
  };
  return [
    ...goldenSignals({ ...labels, deltas: snapshotDeltas(before, after).deltas }).map((row) => withUsage(row, used)),
    ...targets.map((target) =>
      loadSignals({
        ...labels,
        source: client,
        destination: target,
        load: phaseFigures(
          samples.filter((sample) => sample.target === target),
          window,
          droppedIterations,
        ),
      }),
    ),
  ];
}

interface Used {
  pods: Record<string, string[]>;
  before: ContainerUsage[];
  after: ContainerUsage[];
}

/** The row of a service with the CPU and memory of its own containers, proxies among them, summed over its pods. */
function withUsage(signal: GoldenSignals, used: Used | undefined): GoldenSignals {
  if (used === undefined || signal.reporter !== 'server-proxy') return signal;
  const pods = new Set(used.pods[signal.destination] ?? []);
  const own = used.after.filter(({ podUid }) => pods.has(podUid));
  if (own.length === 0) return signal;
  const cores = own.map((now) => coresUsed(now, used.before)).filter((share) => share !== undefined);
  return {
    ...signal,
    saturation: {
      ...signal.saturation,
      podMemoryBytes: own.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
      ...(cores.length > 0 && { podCpuCores: Math.round(cores.reduce((sum, share) => sum + share, 0) * 1000) / 1000 }),
    },
  };
}
