import type { Progress } from '../base/progress.ts';
import type { ImageArchive } from '../images/image.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';
import type { Toolbox } from '../tools/tool.ts';

/** Why a provider can or cannot be used on this machine; shown for each, whatever is chosen. */
export interface Detection {
  provider: string;
  usable: boolean;
  reason: string;
  /** Root is all that is missing: the hint says so. */
  lacksRoot?: boolean | undefined;
}

export interface ClusterContext {
  toolbox: Toolbox;
  progress: Progress;
  signal: AbortSignal;
}

export interface ClusterSpec {
  /** Lab name: `[a-z0-9-]{1,24}`. */
  name: string;
  /** False for a lab left by `up`: it outlives the process that made it. */
  ownedByProcess: boolean;
  /** Default: 1. A provider that cannot have as many refuses. */
  nodes?: number | undefined;
}

/** What clusters of a provider can do beyond a kubeconfig. */
export interface ClusterCapabilities {
  /** Packets can be captured at pods without touching them (`RunningCluster.podNetwork`). */
  capture: boolean;
  /** `archive`: meshproof's own images are loaded into the nodes. `registry`: the nodes pull them. */
  images: 'archive' | 'registry';
  /** Programs of the host reach into the nodes. */
  nodeAccess: boolean;
  /** meshproof made the cluster and keeps its files: it can be listed, and deleted as a whole. */
  ownsState: boolean;
}

/**
 * An entry of the registry (`index.ts`): one kind of cluster. Light to import, for every command offers its name: what it
 * works with is loaded by `load`.
 */
export interface Cluster {
  /** As `--cluster` and reports have it. */
  readonly name: string;
  readonly title: string;
  readonly capabilities: ClusterCapabilities;
  load(): Promise<ClusterProvider>;
}

export function defineCluster(cluster: Cluster): Cluster {
  return cluster;
}

/** How a lab gets its Kubernetes. Started clusters are disposable; every state has its own type. */
export interface ClusterProvider {
  readonly name: string;
  detect(): Promise<Detection>;
  /** Decisions taken by probing this machine, for the report: `cgroups: v1, …`. */
  mechanisms(): Record<string, string>;
  /** Node Ready and API answering when it resolves. On failure nothing is left behind. */
  create(spec: ClusterSpec, context: ClusterContext): Promise<RunningCluster>;
  /** A cluster left by `up`, or undefined. */
  attach(name: string, context: ClusterContext): Promise<RunningCluster | undefined>;
  /**
   * Every cluster of this user, by name. Changes nothing.
   *
   * @param options.ask asks the API servers whether they are ready, which takes 2 s at most; else `running` is what the processes say
   */
  list(options: { ask: boolean }): Promise<ClusterSummary[]>;
  /** A cluster in any state, also half made or dead; one that is not there counts as deleted. */
  delete(name: string): Promise<void>;
  /** Deletes clusters whose owner died, and finishes deletions that were cut short. Returns the names. */
  reap(): Promise<string[]>;
  /** Everything on this machine that belongs to a cluster of this name, one line each; empty after a deletion. */
  remains(name: string): Promise<string[]>;
}

/** A cluster as `status` shows it. */
export interface ClusterSummary {
  name: string;
  provider: string;
  /**
   * `dead`: its processes are gone, or nobody is left who would end it; the next `up`, `run` or `down` removes it. `not answering`: its
   * processes live, and its API server does not say that it is ready.
   */
  state: 'creating' | 'running' | 'not answering' | 'dead';
  /** Why it is dead or not answering. */
  reason?: string | undefined;
  /** Left by `up`: it outlives the process that made it. */
  kept: boolean;
  createdAt?: string | undefined;
  kubernetesVersion?: string | undefined;
  kubeconfigPath: string;
  stateDir: string;
}

export interface NodeInfo {
  name: string;
  ip: string;
  kubeletVersion: string;
  kernelVersion: string;
  containerRuntime: string;
}

export interface RunningCluster extends AsyncDisposable {
  readonly name: string;
  readonly provider: string;
  readonly kubernetesVersion: string;
  /** Folder on the host for what meshproof keeps about it; goes with it. */
  readonly stateDir: string;
  readonly kubeconfigPath: string;
  readonly kube: KubeClient;
  nodes(): Promise<NodeInfo[]>;
  /** Loads, on every node, the images whose digest it does not have yet. */
  loadImages(archive: ImageArchive): Promise<void>;
  /** Idempotent; leaves nothing. */
  delete(): Promise<void>;
  /** What its deletion left on this machine, one line each. */
  remains(): Promise<string[]>;
  /** Optional capability: programs of the host run inside a pod's network namespace (captures without touching the pod). */
  readonly podNetwork?: PodNetworkAccess | undefined;
}

export interface PodNetworkAccess {
  /**
   * A host command line that runs `argv` in the pod's network namespace, as root, seeing the host's files.
   * The command dies with its process group.
   */
  command(pod: PodRef, argv: readonly string[]): Promise<string[]>;
}
