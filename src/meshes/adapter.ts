import type { Progress } from '../base/progress.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import type { ProxySnapshot } from '../observe/telemetry/snapshot.ts';
import type { Policy } from '../policies/index.ts';

export type MeshName = 'consul' | 'istio' | 'linkerd';

export interface MeshContext {
  kube: KubeClient;
  images: ImageMap;
  progress: Progress;
  signal: AbortSignal;
}

export interface MeshComponent {
  name: string;
  version: string;
  role: 'control-plane' | 'data-plane';
  ready: boolean;
}

/** Why a pod is not (yet) properly in the mesh; empty list = all is well. */
export interface SidecarProblem {
  pod: string;
  namespace: string;
  /** Service the pod belongs to, where known. */
  service: string;
  problem: 'no-sidecar' | 'not-connected' | 'not-in-sync' | 'not-ready';
  detail: string;
}

/** How a fault point gets between the sidecar and the app of a pod (design, rule 3). */
export interface AppPath {
  /** The sidecar's uid: only its connections are redirected. */
  sidecarUid: number;
  /** Interface of the way to the app. */
  outInterface: 'lo';
}

/** What the wire should show of a connection to a service through this mesh. */
export interface WireExpectation {
  /** Port seen on the wire at the server pod. */
  port: number;
  /** Lowest TLS version that counts, e.g. `1.2`. */
  minTlsVersion: '1.2' | '1.3';
  /** Whether certificates are visible in packets (TLS 1.2), so that mutuality is provable from them alone. */
  identitiesOnWire: boolean;
  /** Expected SNI, or undefined if the mesh sends none. */
  sni?: string;
  clientIdentity: string;
  serverIdentity: string;
}

/** The core every mesh has. What a mesh may lack is an optional interface beside this one, never an exception. */
export interface MeshAdapter {
  readonly name: MeshName;
  /** Version of the mesh and caveats a report must state (e.g. an unsupported proxy pair). */
  readonly version: string;
  readonly caveats: string[];
  /** Control plane ready when it resolves. */
  install(): Promise<void>;
  /** Turns plain manifests into meshed ones (labels, or sidecars where the mesh has no webhook). Pure. */
  inject(objects: KubeObject[], options: { namespace: string }): KubeObject[];
  components(): Promise<MeshComponent[]>;
  /** Looks once at every pod that should be meshed. */
  sidecarProblems(namespaces: string[]): Promise<SidecarProblem[]>;
  /**
   * Makes these policies the ones in force for the services they name, and waits until every proxy of the namespaces
   * given at install has them. Returns what was rendered (evidence, as YAML) and how to take it back.
   */
  apply(policies: Policy[]): Promise<AppliedPolicies>;
  metrics(pod: PodRef): Promise<ProxySnapshot>;
  /** Raw metrics text of a pod's proxy, as evidence. */
  rawMetrics(pod: PodRef): Promise<string>;
  /** SPIFFE or DNS identity expected for a service. */
  identityOf(service: string): Promise<string>;
  wireExpectation(source: string, destination: string): Promise<WireExpectation>;
  /** Names of the container(s) and uid of the sidecar, for restarts and fault points. */
  readonly sidecarContainer: string;
  appPath(pod: PodRef): AppPath;
  /** Ends the sidecar's process, so that kubelet restarts it in place: forces fresh TLS handshakes under a running capture. */
  restartSidecar(pod: PodRef): Promise<void>;
  /** Leaf certificates the proxy holds now. */
  certificates(pod: PodRef): Promise<{ identity: string; notBefore: number; notAfter: number }[]>;
  uninstall(): Promise<void>;
}

export interface AppliedPolicies {
  rendered: string;
  undo(): Promise<void>;
}
