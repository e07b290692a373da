import { percent, plural, some } from '../../base/words.ts';
import type { EvidencePath } from '../../evidence/path.ts';
import type { EvidenceReader } from '../../evidence/reader.ts';
import { snapshotDeltas } from '../../observe/telemetry/delta.ts';
import { coresUsed, type ContainerUsage } from '../../observe/telemetry/resources.ts';
import { readSnapshots } from '../counters.ts';
import { invalid, passIf, type RulesFor } from '../rule.ts';

export interface SaturationBounds {
  /** Of a container's limit, or of its node where it has none. */
  memoryShare: number;
  cpuShare: number;
  /** Requests that a proxy refused because too many waited. */
  pendingOverflow: number;
}

export interface SaturationRules {
  /**
   * No container of these pods, app or proxy, used more of what it may use than the bounds, and no proxy's queue ran over.
   * Files of ContainerUsage[] and of ProxySnapshot[], at both looks.
   */
  'saturation-within': {
    usage: { before: EvidencePath; after: EvidencePath };
    proxy: { before: EvidencePath; after: EvidencePath };
    services: string[];
    bounds: SaturationBounds;
  };
}

/** What one container used of what it may; without CPU where that was not measured in between. */
function containerLoads(before: readonly ContainerUsage[], after: readonly ContainerUsage[]) {
  return after.map((now) => {
    const cores = coresUsed(now, before);
    return {
      name: `${now.pod}/${now.container}`,
      memoryShare: now.memoryBytes / now.memoryLimitBytes,
      cpuShare: cores === undefined ? undefined : cores / now.cpuLimitCores,
    };
  });
}

export const saturationRules: RulesFor<SaturationRules> = {
  'saturation-within': {
    expected: ({ bounds }) =>
      `each container at most ${percent(bounds.memoryShare)} of its memory and ${percent(bounds.cpuShare)} of its CPU, at most ${plural(bounds.pendingOverflow, 'request')} refused because of a full queue`,
    judge: async (inputs, evidence) => {
      const proxies = await proxiesOf(inputs, evidence);
      const pods = new Set(proxies.after.map(({ podUid }) => podUid));
      const [before, after] = await Promise.all(
        [inputs.usage.before, inputs.usage.after].map(async (path) =>
          (await evidence.json<ContainerUsage[]>(path)).filter(({ podUid }) => pods.has(podUid)),
        ),
      );
      const loads = containerLoads(before ?? [], after ?? []);
      const { deltas, problems } = snapshotDeltas(proxies.before, proxies.after);
      const { memoryShare, cpuShare, pendingOverflow } = inputs.bounds;
      const full = [
        ...loads
          .filter((load) => load.memoryShare > memoryShare)
          .map((load) => `${load.name}: ${percent(load.memoryShare)} of its memory`),
        ...loads
          .filter((load) => load.cpuShare !== undefined && load.cpuShare > cpuShare)
          .map((load) => `${load.name}: ${percent(load.cpuShare ?? 0)} of its CPU`),
        ...deltas
          .filter(({ saturation }) => saturation.pendingOverflow > pendingOverflow)
          .map(
            ({ pod, saturation }) =>
              `${pod}: ${plural(saturation.pendingOverflow, 'request')} refused, the queue was full`,
          ),
      ];
      if (full.length > 0) return passIf(false, some(full, 5));
      const [problem] = problems;
      if (problem !== undefined) return invalid(problem);
      const missing = [...pods].filter((pod) => !(after ?? []).some(({ podUid }) => podUid === pod));
      if (missing.length > 0 || pods.size === 0)
        return invalid(`the kubelet told nothing of ${plural(missing.length, 'pod')} of ${pods.size}`);
      const measured = loads.flatMap((load) => (load.cpuShare === undefined ? [] : [load.cpuShare]));
      if (measured.length === 0) return invalid('the kubelet measured no CPU between the two looks');
      return passIf(
        true,
        `${plural(loads.length, 'container')}: at most ${percent(Math.max(...loads.map((load) => load.memoryShare)))} of memory, ${percent(Math.max(...measured))} of CPU, no queue ran over`,
      );
    },
  },
};

async function proxiesOf({ proxy, services }: SaturationRules['saturation-within'], evidence: EvidenceReader) {
  const [before, after] = await Promise.all(
    [proxy.before, proxy.after].map(async (path) =>
      (await readSnapshots(path, evidence)).filter(({ service }) => services.includes(service)),
    ),
  );
  return { before: before ?? [], after: after ?? [] };
}
