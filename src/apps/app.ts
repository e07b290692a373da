import type { ImageMap } from '../images/image.ts';
import type { KubeObject, PodRef } from '../kube/types.ts';
import type { ToolName } from '../tools/tool.ts';

export type AppProtocol = 'http' | 'grpc' | 'tcp';

/** A request that proves that a service reaches its data, not only that it listens. It can be repeated for ever. */
export interface DataCall {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. */
  path: string;
  headers?: Record<string, string> | undefined;
  body?: string | undefined;
  expectStatus: number;
  /** Text that the body holds only if the data was asked for. */
  expectBody?: string | undefined;
  /** A JavaScript regular expression that the body matches. */
  expectPattern?: string | undefined;
  /** What the body has at least, as JSON: mappings may have more fields. */
  expectJson?: unknown;
}

/** A route of a service that the app file names: faults and policies can be limited to it. */
export interface AppRoute {
  name: string;
  /** Requests whose path starts with this belong to the route. */
  pathPrefix: string;
  call: DataCall;
}

/** What a service calls. `paths`: the paths it asks for there, where the app file says so; one that ends in `*` stands for all that begin so. */
export interface AppCall {
  service: string;
  paths?: readonly string[] | undefined;
}

export interface AppService {
  name: string;
  /** Of its Kubernetes Service. */
  port: number;
  /** On which its container listens. */
  containerPort: number;
  protocol: AppProtocol;
  /** Labels of its pods. */
  selector: Readonly<Record<string, string>>;
  /** Name of its container, for probes and logs. */
  container: string;
  /** Service account: its identity in a mesh. */
  account: string;
  /** Undefined for gRPC and TCP. */
  call?: DataCall | undefined;
  /** A command in its container that succeeds when the service works; for gRPC and TCP. */
  probe?: readonly string[] | undefined;
  /** Further calls, sent in turn with `call` where all of a service's traffic is wanted. */
  alsoCalls: readonly DataCall[];
  /** Paths with `{token}` in them: they bring the planted token further, e.g. to a database. */
  plant: readonly string[];
  routes: readonly AppRoute[];
  calls: readonly AppCall[];
}

/** A caller and a callee, by service name. */
export interface AppEdge {
  source: string;
  destination: string;
}

/** A command in a service's container that an experiment may run. */
export interface AppCommand {
  service: string;
  command: readonly string[];
}

/** Where an image of an app comes from. Paths are absolute. */
export type ImageSource =
  | { kind: 'archive'; file: string }
  | { kind: 'registry'; ref: string }
  | ({ kind: 'node'; main: string; nodeOptions: readonly string[] } & ProgramImage)
  | ({ kind: 'tool'; tool: ToolName } & ProgramImage);

/** What images that meshproof assembles have in common. */
export interface ProgramImage {
  args: readonly string[];
  /** Path in the image -> file or folder. */
  files: Readonly<Record<string, string>>;
  env: Readonly<Record<string, string>>;
  user: number;
}

/** An application under test, as its app file says. */
export interface App {
  id: string;
  title: string;
  /** Where it runs in the mesh; its unmeshed twin runs in `<namespace>-plain`. */
  namespace: string;
  services: readonly AppService[];
  /** Every call between its services that is declared (`calls`). */
  edges: readonly AppEdge[];
  /** Ends old connections, so that captures see new ones from their start; undefined where none are kept. */
  reconnect?: AppCommand | undefined;
  /** Changes one answer on purpose, for a control that must notice it, and takes the change back. */
  change?: { do: AppCommand; undo: AppCommand } | undefined;
  /** k6 script of the app's users, absolute; undefined: its data calls are the load. */
  loadScript?: string | undefined;
  /**
   * The app with the ports and protocols that its file leaves to its Services: from Services and workloads of its namespace.
   * Until then those are 0 and `tcp`. Undefined: nothing is left to look up.
   *
   * @throws MeshproofError MESHPROOF_APP_INVALID for a service that cannot be found
   */
  resolve?: ((objects: readonly KubeObject[]) => App) | undefined;
  /** Images to bring to the cluster, by what the manifests call them; undefined name: those an archive holds. */
  images?: readonly AppImage[] | undefined;
  /**
   * Its objects, unmeshed, in the order in which they are to be applied; undefined: it runs already and meshproof deploys
   * nothing. Secrets with random values are made anew at each call.
   */
  manifests?: ((options: ManifestOptions) => Promise<KubeObject[]>) | undefined;
}

export interface AppImage {
  /** What the manifests call it; undefined: archives keep the names that are in them. */
  name?: string | undefined;
  source: ImageSource;
}

export interface ManifestOptions {
  namespace: string;
  /** At most this many of each workload; default: as its manifest says. */
  replicas?: number | undefined;
  /** What the images became in this lab, by the names that manifests use. */
  images?: ImageMap | undefined;
}

/** An app in a namespace of a lab. */
export interface RunningApp {
  readonly app: App;
  readonly namespace: string;
  readonly meshed: boolean;
  /** Ready pods of a service. */
  pods(service: string): Promise<PodRef[]>;
  /**
   * Rolled out, and every replica of every service answered its data call from inside its pod.
   *
   * @throws MeshproofError MESHPROOF_WORKLOAD_NOT_READY with the service and the reason
   */
  answering(options: {
    timeoutMs: number;
    detail?: ((text: string) => void) | undefined;
    signal?: AbortSignal | undefined;
  }): Promise<void>;
}
