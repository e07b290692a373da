import { MeshproofError } from '../base/errors.ts';
import type { RunningCluster } from '../clusters/provider.ts';

/** @throws MeshproofError MESHPROOF_LAB_STALE when a cluster that is there has other than the nodes that are asked for */
export async function checkNodes(
  cluster: Pick<RunningCluster, 'name' | 'nodes'>,
  asked: number | undefined,
): Promise<void> {
  if (asked === undefined) return;
  const { length } = await cluster.nodes();
  if (length === asked) return;
  throw new MeshproofError(
    'MESHPROOF_LAB_STALE',
    `The lab ${cluster.name} has ${length} ${length === 1 ? 'node' : 'nodes'}, ${asked} are asked for`,
    `Leave --nodes out, or make it anew with \`./bin/meshproof up --lab ${cluster.name} --nodes ${asked} --recreate\`.`,
  );
}
