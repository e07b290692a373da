/** Mesh-neutral policies; each adapter renders the mesh's own resources. Services are named as in Kubernetes. */
export type Policy = RetryPolicy | TimeoutPolicy | OutlierDetectionPolicy | AuthorizePolicy | MutualTlsPolicy;

/** `attempts` counts retries after the first try (Consul numRetries, Istio attempts); 0 switches default retries off. */
export interface RetryPolicy {
  kind: 'retry';
  service: string;
  attempts: number;
  onStatus: number[];
}

/** Total time of a request including its retries; `timeoutMs: 0` means none (a mesh's own default is switched off). */
export interface TimeoutPolicy {
  kind: 'timeout';
  service: string;
  timeoutMs: number;
}

/** Pinned explicitly in every arm: Consul's default ejects a replica after five errors in a row. */
export interface OutlierDetectionPolicy {
  kind: 'outlier-detection';
  service: string;
  /** 0 switches it off. */
  consecutiveErrors: number;
}

export interface AuthorizePolicy {
  kind: 'authorize';
  to: string;
  /** Services that may call; `*` for any meshed one. */
  from: string[];
}

export interface MutualTlsPolicy {
  kind: 'mtls';
  service: string;
  mode: 'strict' | 'permissive';
}
