import type { Progress } from '../base/progress.ts';
import type { ImageArchive } from '../images/image.ts';
import type { KubeClient, PodRef } from '../kube/types.ts';
import type { Toolbox } from '../tools/tool.ts';

export type ClusterProviderName = 'embedded' | 'kind' | 'k3s' | 'existing';

/** Why a provider can or cannot be used on this machine; shown for each, whatever is chosen. */
export interface Detection {
  provider: ClusterProviderName;
  usable: boolean;
  reason: string;
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
}

/** How a lab gets its Kubernetes. Started clusters are disposable; every state has its own type. */
export interface ClusterProvider {
  readonly name: ClusterProviderName;
  detect(): Promise<Detection>;
  /** Node Ready and API answering when it resolves. On failure nothing is left behind. */
  create(spec: ClusterSpec, context: ClusterContext): Promise<RunningCluster>;
  /** A cluster left by `up`, or undefined. */
  attach(name: string, context: ClusterContext): Promise<RunningCluster | undefined>;
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
  readonly provider: ClusterProviderName;
  readonly kubernetesVersion: string;
  readonly kubeconfigPath: string;
  readonly kube: KubeClient;
  nodes(): Promise<NodeInfo[]>;
  /** Loads the images whose digest the node does not have yet. */
  loadImages(archive: ImageArchive): Promise<void>;
  /** Idempotent; leaves nothing. */
  delete(): Promise<void>;
  /** Optional capability: programs of the host run inside a pod's network namespace (captures without touching the pod). */
  readonly podNetwork?: PodNetworkAccess;
}

export interface PodNetworkAccess {
  /**
   * A host command line that runs `argv` in the pod's network namespace, as root, seeing the host's files.
   * The command dies with its process group.
   */
  command(pod: PodRef, argv: readonly string[]): Promise<string[]>;
}
