import { detectDocker } from './docker-engine.ts';
import { embedded } from './embedded/index.ts';
import type { Cluster } from './provider.ts';

/** Every kind of cluster, in the order `auto` prefers them. A new one is a folder of its own and a line here. */
export const clusters: readonly Cluster[] = [embedded];

/** Those that will join: `doctor` says so, and what of them this machine has. */
export const plannedClusters: readonly { name: string; title: string; outlook: () => Promise<string> }[] = [
  { name: 'kind', title: 'Kubernetes in Docker', outlook: () => detectDocker() },
  { name: 'k3s', title: 'k3s in a container', outlook: () => detectDocker() },
  {
    name: 'existing',
    title: 'a cluster that is there already, by its kubeconfig',
    outlook: async () => 'it will need --kubeconfig and --context',
  },
];

/** What `--cluster` takes. */
export const clusterChoices: readonly string[] = ['auto', ...clusters.map(({ name }) => name)];
