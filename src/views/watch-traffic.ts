import type { Clock } from '../base/clock.ts';
import type { MeshAdapter } from '../meshes/adapter.ts';
import { snapshotDeltas, type ProxyDelta } from '../observe/telemetry/delta.ts';
import type { ProxySnapshot } from '../observe/telemetry/snapshot.ts';
import { askProxies } from './ask-proxies.ts';
import type { SeenPod } from './seen-pods.ts';

/** What the proxies of a namespace counted in a while. */
export interface Traffic {
  deltas: ProxyDelta[];
  before: ProxySnapshot[];
  /** The later look at each. */
  after: ProxySnapshot[];
  /** Proxies of which nothing can be said, and why. */
  problems: string[];
}

/** Two looks at every proxy, and the difference: what the golden signals of a report are made of. */
export async function watchTraffic(
  pods: readonly SeenPod[],
  mesh: Pick<MeshAdapter, 'metrics'>,
  { windowMs, clock, signal }: { windowMs: number; clock: Clock; signal: AbortSignal },
): Promise<Traffic> {
  const look = async (): Promise<{ snapshots: ProxySnapshot[]; problems: string[] }> => {
    const { answers, problems } = await askProxies(pods, (pod) => mesh.metrics(pod), signal);
    return { snapshots: answers.map(({ value }) => value), problems };
  };
  const before = await look();
  await clock.sleep(windowMs, signal);
  const after = await look();
  const { deltas, problems } = snapshotDeltas(before.snapshots, after.snapshots);
  // A proxy that could not be asked once says so itself; that it has no counterpart is the same news.
  const unasked = [...new Set([...before.problems, ...after.problems])];
  const silent = (problem: string): boolean =>
    unasked.some((one) => problem.includes(`/${one.slice(0, one.indexOf(':'))}:`));
  return {
    deltas,
    before: before.snapshots,
    after: after.snapshots,
    problems: [...unasked, ...problems.filter((problem) => !silent(problem))],
  };
}
