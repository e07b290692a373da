import type { Stamped } from '../base/host-time.ts';
import type { ClockOffset } from '../kube/clock-offset.ts';

/** One request as k6 saw it. */
export interface LoadSample extends Stamped {
  /** Sent as `x-meshproof-request-id`, so that the ledger can be joined. */
  requestId: string;
  durationMs: number;
  /** 0 when no answer came (connection error, client timeout). */
  status: number;
  /** k6 error_code, 0 when none. */
  errorCode: number;
  /** Name of the target, e.g. `trips`. */
  target: string;
  /** Every k6 check of the response held (status and body). */
  ok: boolean;
  /** How long after its time in the open model it began; undefined where a script does not say. */
  lateMs?: number | undefined;
}

export interface LoadTarget {
  name: string;
  method?: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  url: string;
  headers?: Record<string, string>;
  body?: string;
  /** A status the check accepts; default 200. */
  expectStatus?: number;
  /** Text the body must contain (trip point handlers answer 200 with an error inside). */
  expectBody?: string | undefined;
  /** A regular expression that the body must match. */
  expectPattern?: string | undefined;
  /** What the body must have at least, as JSON. */
  expectJson?: unknown;
}

export interface LoadSpec {
  /** Name of the load pod's service identity in the mesh. */
  client: string;
  namespace: string;
  targets: LoadTarget[];
  /** A k6 script of the app's own instead of the targets in turn: it sends to services that the targets name. */
  script?: string | undefined;
  /** Open model: arrivals a second over all targets (round robin), whatever the service does. */
  rps: number;
  durationMs: number;
  maxVUs: number;
  /** Client-side timeout of a request. */
  requestTimeoutMs: number;
  /**
   * Unguessable text for a capture to look for. It goes into the header `x-meshproof-planted-token`, into the query
   * (`?planted-token=…`, or wherever the url says `{token}`), and into the body wherever that says `{token}`.
   */
  plantedToken?: string;
  /** Load pods that share it, each with every n-th arrival; default 1. About 20 requests/s per calling proxy. */
  pods?: number;
  /** Pods that no load has used before: their proxies have no connections and no TLS sessions to go on with. */
  freshPods?: boolean;
  /** A new connection for every request. Default: connections are kept, as real clients do; the sidecar balances per request. */
  noConnectionReuse?: boolean;
}

/** The clock of a load pod against ours, as evidence. */
export interface PodClock extends ClockOffset {
  pod: string;
  /** What its samples are moved by: nothing where the offset is within the error of its measurement. */
  aheadMs: number;
}

/** Load that is ready to go: pods are up and meshed, nothing has been sent (captures can be started now). */
export interface PreparedLoad extends AsyncDisposable {
  readonly pods: import('../kube/types.ts').PodRef[];
  /** Their clocks, measured just now. */
  readonly clocks: readonly PodClock[];
  /** Opens the gate; resolves when the first request was sent. */
  start(): Promise<RunningLoad>;
  /**
   * All went well for whoever asked: on disposal the pods are kept for later loads, unless the load itself had a problem or
   * was broken off. Without this call they are removed.
   */
  keepPods(): void;
}

export interface RunningLoad {
  /** Epoch ms by our clock. */
  readonly startedAt: number;
  /** Requests seen so far, for progress. */
  progress(): Promise<number>;
  /** k6 ended: samples and what k6 itself reported. */
  finish(): Promise<LoadResult>;
  /** The same, but k6 is told to end at once: what was asked for is then what its rate makes of the time it ran. */
  finishNow(): Promise<LoadResult>;
  stop(): Promise<void>;
}

export interface LoadResult {
  samples: LoadSample[];
  exitCode: number;
  droppedIterations: number;
  /** k6's own summary and output, as evidence. */
  summary: string;
  /** Not empty: k6 did not do what it was asked to; the arm is `invalid`. */
  problems: string[];
}
