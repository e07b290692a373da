import type { Progress } from '../base/progress.ts';
import type { ImageMap } from '../images/image.ts';
import type { KubeClient, KubeObject, PodRef } from '../kube/types.ts';
import type { ProxySnapshot } from '../observe/telemetry/snapshot.ts';
import type { Policy } from '../policies/index.ts';
import type { Tool, ToolName } from '../tools/tool.ts';
import type { AppliedPolicies, PolicyPlan, PolicyRollback } from './policy-plan.ts';
import type { Interception, ProxyView, StartTrouble } from './proxy-view.ts';

/** How the mesh of a lab comes to be, where that is not left to its adapter. */
export interface MeshSetup {
  /** One that is there already is adopted: nothing of it is changed. */
  installed?: boolean | undefined;
  /** Which of several is adopted, or what the one that is installed is called. */
  revision?: string | undefined;
  /** In the words of its own installer. */
  profile?: string | undefined;
  /** Which of its `dialects` policies are written in; undefined: its usual one. */
  dialect?: string | undefined;
  /** Version of its makers' release that its programs and images are of; undefined: the programs that it is usually made of. */
  release?: string | undefined;
}

/** The installation of a mesh that a lab has, for its report. */
export interface MeshInstallation {
  /** It was there before: meshproof changed nothing of it. */
  adopted: boolean;
  namespace: string;
  revision?: string | undefined;
  /** Names that stand for its revision. */
  tags?: readonly string[] | undefined;
  profile?: string | undefined;
  trustDomain?: string | undefined;
  /** Which of its dialects policies are written in; left out: its usual one. */
  dialect?: string | undefined;
  /** It is its makers' own release, of this version. */
  release?: string | undefined;
}

export interface MeshContext {
  kube: KubeClient;
  images: ImageMap;
  setup?: MeshSetup | undefined;
  /** A guest in a cluster of somebody else's: only this namespace and the mesh's own are looked at, and nothing is written. */
  guest?: boolean | undefined;
  /** Of the application under test. */
  namespace: string;
  /** For programs that talk to the cluster themselves. */
  kubeconfigPath: string;
  /** One of the programs that its entry names. */
  tool: (name: ToolName) => Promise<Tool>;
  progress: Progress;
  signal: AbortSignal;
}

export interface MeshComponent {
  name: string;
  version: string;
  role: 'control-plane' | 'data-plane';
  ready: boolean;
  /** The part of its mesh that it is, by the program (`capabilities.parts` of the entry). */
  tool?: ToolName | undefined;
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

/** How a fault point gets between the sidecar and the app of a pod (docs/design.md, rules of the experiment). */
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
  sni?: string | undefined;
  /** Expected among the protocols that the client offers (ALPN), or undefined if it does not matter. */
  alpn?: string | undefined;
  clientIdentity: string;
  serverIdentity: string;
}

/** Something that a mesh's own checker found: health shows it as a check of its own, failed. */
export interface MeshFinding {
  /** With the checker's own code: `mesh/IST0101`. */
  id: string;
  title: string;
  observed: string;
  hint: string;
}

/** A look at what only this mesh has; health shows it beside the checks that every mesh gets. */
export interface MeshCheck {
  /** Stable, `mesh/…` or `certificates/…`. */
  id: string;
  title: string;
  category: 'mesh' | 'certificates';
  /** No problems and no findings: all is well, `fine` says what was seen. */
  look(): Promise<MeshLook>;
}

export interface MeshLook {
  problems: string[];
  findings?: MeshFinding[];
  /** What was found may pass by itself, as an update does that is under way: it is looked at again for a while. */
  passing?: boolean;
  fine: string;
  hint: string;
}

/**
 * For a mesh whose TLS hides certificates (1.3): its proxies write the secrets of the handshakes they take to a file in their own
 * pod, for the time of an experiment. Key logs are secrets: they are read into memory, used and deleted.
 */
export interface KeyLogs {
  /** Resolves when every proxy of the app writes. */
  start(): Promise<void>;
  /** What the proxy of a pod wrote, as a key log file has it. */
  read(pod: PodRef): Promise<string>;
  /** Nobody writes any more, and the files are gone. Safe to repeat. */
  stop(): Promise<void>;
}

/** What a sidecar tells its app of a caller, in a header of each request. */
export interface ForwardedHeader {
  /** Lower case. */
  name: string;
  /** Who called, and where the header says it, as whom the server was called; undefined for a value that says nothing. */
  read(value: string): { by?: string | undefined; uri: string } | undefined;
}

/** What `install` came upon. */
export interface Installed {
  /**
   * A control plane that was there had lost what it knew (its pod was replaced): the baseline was written again, and the pods
   * that it no longer knew are being replaced. The caller waits for the app.
   */
  recreated: boolean;
}

/**
 * A mesh in a lab. What a mesh may lack is an optional member, or a renderer that its entry does not have. What is read of a
 * mesh can be read without `install`, in a lab that another process made.
 */
export interface MeshAdapter {
  readonly name: string;
  readonly version: string;
  /** What a report must state, e.g. an unsupported proxy pair. */
  readonly caveats: string[];
  /** Left out by a mesh that is installed in one way only. @throws when one that is to be adopted is not there */
  installation?(): Promise<MeshInstallation>;
  /**
   * Control plane ready when it resolves. Again on a lab that has one: finds it, and mends what it lost.
   *
   * @param baseline the policies a lab begins with (who may call whom): written before it resolves, and again where they were lost
   * @param meanwhile is called as soon as `inject` may be: where pods that come up before the control plane wait for it, that is
   * before it is ready
   */
  install(baseline?: readonly Policy[], meanwhile?: () => Promise<unknown>): Promise<Installed>;
  /** Turns plain manifests into meshed ones (labels, or sidecars where the mesh has no webhook). Pure. */
  inject(objects: KubeObject[], options: { namespace: string }): KubeObject[];
  components(): Promise<MeshComponent[]>;
  /** Looks once at every pod that should be meshed. */
  sidecarProblems(namespaces: string[]): Promise<SidecarProblem[]>;
  /** Checks of this mesh alone. */
  healthChecks(): MeshCheck[];
  /** What these policies come down to, of any number of services; nothing is written before `apply`. */
  plan(policies: readonly Policy[]): Promise<PolicyPlan>;
  /** `plan` and its `apply` in one, for who keeps no record. */
  apply(policies: readonly Policy[]): Promise<AppliedPolicies>;
  /** Takes policies back from what a plan wrote down, also in another process; safe to repeat. */
  restorePolicies(rollback: PolicyRollback): Promise<void>;
  /** Back to nothing but these, whatever a run that died has left. @param baseline who may call whom */
  resetPolicies(baseline: readonly Policy[]): Promise<void>;
  metrics(pod: PodRef): Promise<ProxySnapshot>;
  /**
   * The metrics of its own that this mesh has beside its proxies' counters, by the name that its users know them by; `none` says why
   * proxies of this installation have none, if they have none. Undefined: it has only the counters.
   */
  readonly meshMetrics?: { name: string; none?: string | undefined } | undefined;
  /** SPIFFE or DNS identity expected for a service. */
  identityOf(service: string): Promise<string>;
  wireExpectation(source: string, destination: string): Promise<WireExpectation>;
  /** Name of the container that is the proxy. */
  readonly sidecarContainer: string;
  appPath(pod: PodRef): AppPath;
  /** Undefined for a mesh that has no rules in the pod. */
  readonly interception?: Interception | undefined;
  /** Why the proxy of a pod does not come up, by the pod's status; undefined when it does, or only needs its time. Pure. */
  startTrouble(pod: KubeObject): StartTrouble | undefined;
  /** @throws when the proxy cannot be asked */
  proxyView(pod: PodRef): Promise<ProxyView>;
  /** What the proxy was told, reduced to what is worth keeping and without secrets. */
  proxyConfig(pod: PodRef): Promise<object>;
  /**
   * Ends the sidecar's process and waits for its successor: forces fresh TLS handshakes under a running capture.
   *
   * @returns restarts that the kubelet counts for it: none where the container goes on
   */
  restartSidecar(pod: PodRef): Promise<{ restarts: number }>;
  /** Undefined for a mesh whose certificates are seen on the wire, or that cannot write key logs. */
  readonly keyLogs?: KeyLogs | undefined;
  /** Undefined for a mesh that shows certificates on the wire, or whose sidecars tell their apps nothing. */
  readonly forwardedHeader?: ForwardedHeader | undefined;
  /**
   * By identity how many TLS connections the proxy has taken from whom it proved to be that; the empty one: who proved nothing.
   * Undefined for a mesh whose proxies do not count that.
   */
  peers?(pod: PodRef): Promise<Record<string, number>>;
  /** Leaf certificates the proxy holds now. */
  certificates(pod: PodRef): Promise<{ identity: string; notBefore: number; notAfter: number }[]>;
}
