import { clusters } from './index.ts';
import type { Cluster, ClusterProvider, ClusterSummary } from './provider.ts';

/** Labs of this user, whatever their cluster, by name (see `ClusterProvider.list`). */
export async function listLabs(
  options: { ask: boolean },
  entries: readonly Cluster[] = clusters,
): Promise<ClusterSummary[]> {
  const lists = await Promise.all((await load(entries)).map((provider) => provider.list(options)));
  return lists.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Deletes labs whose owner died, and finishes deletions that were cut short. Returns their names. */
export async function reapLabs(entries: readonly Cluster[] = clusters): Promise<string[]> {
  const names: string[] = [];
  for (const provider of await load(entries)) names.push(...(await provider.reap()));
  return names;
}

/** Deletes a lab in any state; a name that nobody has counts as deleted. */
export async function deleteLab(name: string, entries: readonly Cluster[] = clusters): Promise<void> {
  for (const provider of await load(entries)) await provider.delete(name);
}

/** Everything on this machine that belongs to a lab of this name, one line each; empty after a deletion. */
export async function labRemains(name: string, entries: readonly Cluster[] = clusters): Promise<string[]> {
  return (await Promise.all((await load(entries)).map((provider) => provider.remains(name)))).flat();
}

function load(entries: readonly Cluster[]): Promise<ClusterProvider[]> {
  return Promise.all(entries.map((entry) => entry.load()));
}
