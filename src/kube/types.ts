import type { Writable } from 'node:stream';
import type { ObjectName } from './discovery.ts';
import type { ServedCertificate } from './pod-tls.ts';

/** Raw JSON objects: typed models silently drop fields they do not know (client-node issue 2825), so none are used for writes. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  // Everything else is the API's own JSON.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [field: string]: any;
}

export interface ObjectMeta {
  name: string;
  namespace?: string;
  uid?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string;
  deletionTimestamp?: string;
  ownerReferences?: { kind: string; name: string; uid: string }[];
}

/** A pod chosen by uid: a terminating pod may still carry the same labels. */
export interface PodRef {
  namespace: string;
  name: string;
  uid: string;
  ip: string;
  node: string;
}

export interface ExecResult {
  stdout: string;
  stderr: string;
  exitCode: number;
}

export interface ExecOptions {
  container?: string | undefined;
  /** Pieces are sent as they come; the program's input ends after the last one. */
  stdin?: string | AsyncIterable<string> | undefined;
  /** Where standard output goes instead of into the result; a slow reader slows the program down. It is not ended. */
  stdout?: Writable | undefined;
  timeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** The objects of a list path as they change, for waits: see followed-list.ts. */
export interface FollowedList<T = KubeObject> extends Disposable {
  /** Its objects now, without a request as long as the API server tells of changes. @throws KubeApiError as `list` */
  current(): Promise<T[]>;
  /** Resolves when something has changed since `current`; after a watch that broke nothing tells, so look now and then. */
  changed(): Promise<void>;
}

/** JSON in, JSON out, over one keep-alive agent; every call has a deadline. Implemented in client.ts. */
export interface KubeClient {
  /** GET of an API path, e.g. `/api/v1/nodes`. @throws KubeApiError */
  get<T = KubeObject>(path: string, options?: { timeoutMs?: number | undefined }): Promise<T>;
  /** Text of an API path (logs, metrics, pod proxy). */
  getText(path: string, options?: { timeoutMs?: number | undefined }): Promise<string>;
  /** Items of a list path, with an optional label selector. */
  list<T = KubeObject>(path: string, labelSelector?: string): Promise<T[]>;
  /** The same list, kept up to date by a watch until it is disposed of; selectors go into the path. */
  follow<T extends KubeObject = KubeObject>(path: string): FollowedList<T>;
  /**
   * Server-side apply, field manager `meshproof`: namespaces and custom resource definitions first, the rest in order. An
   * object whose kind is defined in the same set waits for it. Repeated for a few seconds where the API server stumbles.
   */
  apply(objects: KubeObject[]): Promise<void>;
  create(object: KubeObject): Promise<KubeObject>;
  /** Merge patch unless told; `subresource` e.g. `ephemeralcontainers`. */
  patch(path: string, body: unknown, type?: 'merge' | 'json' | 'strategic' | 'apply'): Promise<KubeObject>;
  /** NotFound counts as success. Repeated as `apply`. */
  delete(
    path: string,
    options?: { gracePeriodSeconds?: number; propagation?: 'Foreground' | 'Background' },
  ): Promise<void>;
  /** Runs a program in a container; settles once, also when the websocket dies. */
  exec(pod: { namespace: string; name: string }, argv: string[], options?: ExecOptions): Promise<ExecResult>;
  /** HTTP to 127.0.0.1:port/path inside the pod through port-forward (GET unless told): reaches admin ports bound to loopback. */
  podHttp(
    pod: { namespace: string; name: string },
    port: number,
    path: string,
    options?: { method?: string; timeoutMs?: number | undefined; headers?: Record<string, string>; body?: string },
  ): Promise<{ status: number; body: string }>;
  /** The leaf certificate that 127.0.0.1:port inside the pod serves to a client that asks for this name (SNI), unverified. */
  podCertificate(
    pod: { namespace: string; name: string },
    port: number,
    serverName: string,
  ): Promise<ServedCertificate>;
  /** API path of an object, for get, patch and delete, as the API server lists its kinds. @throws KubeApiError 404 for an unknown kind */
  pathOf(object: ObjectName): Promise<string>;
  close(): void;
}
