import { MeshproofError } from '../base/errors.ts';
import { clusters, plannedClusters } from './index.ts';
import type { Cluster, ClusterProvider, Detection } from './provider.ts';

/** Every kind of cluster with why it can or cannot be used here. Takes 3 s at most. */
export async function detectProviders(
  entries: readonly Cluster[] = clusters,
  planned: typeof plannedClusters = plannedClusters,
): Promise<Detection[]> {
  return Promise.all([
    ...entries.map(async (entry) => (await entry.load()).detect()),
    ...planned.map(async ({ name, outlook }) => ({
      provider: name,
      usable: false,
      reason: `not built yet; ${await outlook()}`,
    })),
  ]);
}

export interface Choice {
  provider: ClusterProvider;
  /** Decisions taken by probing this machine, for the report: `cgroups: v1, …`. */
  mechanisms: Record<string, string>;
}

/**
 * The provider asked for, or for `auto` the first usable one.
 *
 * @throws MeshproofError MESHPROOF_CLUSTER_UNAVAILABLE with the reason of every provider, MESHPROOF_NOT_ROOT when root
 * is all that is missing.
 */
export async function chooseProvider(
  requested: string,
  detections: readonly Detection[],
  entries: readonly Cluster[] = clusters,
): Promise<Choice> {
  const usable = entries.find(
    ({ name }) =>
      (requested === 'auto' || requested === name) &&
      detections.some((detection) => detection.provider === name && detection.usable),
  );
  if (usable) {
    const provider = await usable.load();
    return { provider, mechanisms: provider.mechanisms() };
  }
  const asked = detections.filter(({ provider }) => requested === 'auto' || provider === requested);
  const reasons = asked.map(({ provider, reason }) => `${provider}: ${reason}`).join('\n  ');
  const needsRoot = asked.some(({ lacksRoot }) => lacksRoot);
  throw new MeshproofError(
    needsRoot ? 'MESHPROOF_NOT_ROOT' : 'MESHPROOF_CLUSTER_UNAVAILABLE',
    `No cluster can be made on this machine:\n  ${reasons || `${requested}: unknown provider`}`,
    needsRoot
      ? 'Run it with sudo, or as root in a --privileged container.'
      : 'Run `meshproof doctor` for what is missing.',
  );
}
