import type { KubeObject, PodRef } from '../kube/types.ts';

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
}

/** A route of a service that the app file names: faults and policies can be limited to it. */
export interface AppRoute {
  name: string;
  /** Requests whose path starts with this belong to the route. */
  pathPrefix: string;
  call: DataCall;
}

/** What a service calls. `paths`: the path prefixes it uses there, where the app file says so. */
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
  /** Undefined for TCP. */
  call?: DataCall | undefined;
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
  /**
   * Its objects, unmeshed, in the order in which they are to be applied; undefined: it runs already and meshproof deploys
   * nothing. Secrets with random values are made anew at each call.
   */
  manifests?: ((options: { namespace: string; replicas?: number | undefined }) => Promise<KubeObject[]>) | undefined;
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
