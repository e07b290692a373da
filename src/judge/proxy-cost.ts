import { hostTime, type Stamped } from '../base/host-time.ts';
import type { ContainerUsage } from '../observe/telemetry/resources.ts';

/** One run: its requests, and what containers used before and after. */
export interface MeasuredRun {
  samples: readonly Stamped[];
  before: readonly ContainerUsage[];
  after: readonly ContainerUsage[];
}

export interface ProxyCost {
  pod: string;
  /** CPU time for each thousand requests of the load. */
  cpuMsPer1000Requests: number;
  /** Working set, the most that was seen. */
  memoryBytes: number;
}

/**
 * Pure: what each proxy used. The kubelet measures CPU when it likes, so each proxy's requests are those that began between
 * its own two measurements; a run in which it was not measured twice does not count for it. What a proxy uses without any
 * request is in it. The most expensive first.
 *
 * @param container name of the proxies' container
 */
export function proxyCosts(runs: readonly MeasuredRun[], container: string): ProxyCost[] {
  const sums = new Map<string, { pod: string; cpuMs: number; requests: number; memoryBytes: number }>();
  for (const { samples, before, after } of runs) {
    const times = samples.map(hostTime);
    for (const now of after.filter((usage) => usage.container === container)) {
      const old = before.find(({ podUid, container: name }) => podUid === now.podUid && name === container);
      if (old === undefined || now.at <= old.at || now.cpuNanoseconds < old.cpuNanoseconds) continue;
      const sum = sums.get(now.podUid) ?? { pod: now.pod, cpuMs: 0, requests: 0, memoryBytes: 0 };
      sums.set(now.podUid, {
        ...sum,
        cpuMs: sum.cpuMs + (now.cpuNanoseconds - old.cpuNanoseconds) / 1e6,
        requests: sum.requests + times.filter((time) => time > old.at && time <= now.at).length,
        memoryBytes: Math.max(sum.memoryBytes, now.memoryBytes),
      });
    }
  }
  return [...sums.values()]
    .filter(({ requests }) => requests > 0)
    .map(({ pod, cpuMs, requests, memoryBytes }) => ({
      pod,
      cpuMsPer1000Requests: (cpuMs / requests) * 1000,
      memoryBytes,
    }))
    .sort((a, b) => b.cpuMsPer1000Requests - a.cpuMsPer1000Requests);
}
