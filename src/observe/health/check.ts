import type { Clock } from '../../base/clock.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { MeshAdapter } from '../../meshes/adapter.ts';
import type { HealthBaseline, HealthCheck } from './health.ts';
import type { PodJson } from './pod.ts';

export interface HealthOptions {
  kube: KubeClient;
  /** Without a mesh its checks are left out. */
  mesh?: MeshAdapter;
  /** Whose workloads are judged; all of them must exist and have workloads. */
  namespaces: readonly string[];
  /** Namespaces whose every pod must be in the mesh; default: all of `namespaces`. */
  meshedNamespaces?: readonly string[];
  /** A running container that has `nslookup` or `busybox`, and the services it must resolve: `name`, `name.namespace` or longer. */
  dnsProbe?: { namespace: string; pod: string; container?: string; names: readonly string[] };
  /**
   * An image with `busybox` in its path. With it two tiny pods and a Service are made for a few seconds, which proves
   * scheduling, the pod network, DNS and balancing over two endpoints.
   */
  probeImage?: string | undefined;
  /** Result of an earlier `takeHealth`: restarts and events are judged since then. */
  since?: { baseline: HealthBaseline } | undefined;
  /** What injections broke since the baseline: the rest is judged, and nothing else. */
  expected?: ExpectedDisruption | undefined;
  /** A mesh certificate must live longer than this, default 10 min. */
  minCertificateLeftMs?: number;
  /** A cluster CA must live longer than this, default 1 h. */
  minCaLeftMs?: number;
  /** Where the lab and its evidence are written, default the working directory. */
  diskPaths?: readonly string[];
  /** Default 1 GiB. */
  minDiskBytes?: number;
  /** How long a state that may pass by itself (an update under way, a connection being made) may last; default 10 s. */
  settleMs?: number;
  /** Budget of one check, default 60 s. */
  checkTimeoutMs?: number;
  /** Makes nothing: checks that would make an object are skipped, and say so. */
  readOnly?: boolean | undefined;
  signal?: AbortSignal;
  clock?: Clock;
}

/** What injections were going to break. Pods by uid. */
export interface ExpectedDisruption {
  restarts?: Readonly<Record<string, number>> | undefined;
  /** Pods that were made anew; with it, any other that is missing since the baseline is a finding. */
  replaced?: readonly string[] | undefined;
  /** Pods that cannot be reached, or are not ready, while an injection lasts. */
  unreachable?: readonly string[] | undefined;
}

/** What checks work with: the options and lists that several of them need, read once. */
export interface CheckContext extends HealthOptions {
  clock: Clock;
  signal: AbortSignal;
  pods(): Promise<PodJson[]>;
  nodes(): Promise<KubeObject[]>;
  events(): Promise<KubeObject[]>;
}

export type Finding = Pick<HealthCheck, 'status' | 'observed' | 'hint'>;

export interface Check extends Pick<HealthCheck, 'id' | 'title' | 'category'> {
  /** It makes short-lived objects to see what becomes of them. */
  makes?: true;
  /** `instead`: what was found has names of its own, and is shown in the place of this check. */
  run(context: CheckContext): Promise<Finding & { instead?: HealthCheck[] }>;
}

/** Fails with every problem named (the first twelve in full), else passes with what was seen. */
export function judged(problems: readonly string[], fine: string, hint: string): Finding {
  if (problems.length === 0) return { status: 'pass', observed: fine };
  const more = problems.length > 12 ? `; and ${problems.length - 12} more` : '';
  return { status: 'fail', observed: problems.slice(0, 12).join('; ') + more, hint };
}

/**
 * Looks until nothing is seen that may pass by itself, at most for `settleMs`: an update that is under way at the moment of the
 * look is no trouble, one that does not end is. What the last look saw.
 */
export async function settled<T>(
  look: () => Promise<T>,
  passing: (seen: T) => boolean,
  { clock, signal, settleMs = 10_000 }: Pick<CheckContext, 'clock' | 'signal' | 'settleMs'>,
): Promise<T> {
  const deadline = clock.monotonicMs() + settleMs;
  let seen = await look();
  while (passing(seen) && clock.monotonicMs() < deadline) {
    await clock.sleep(500, signal);
    seen = await look();
  }
  return seen;
}

/** Objects meshproof makes for its checks carry this label, so that no check judges another's probe. */
export const probeLabel = 'meshproof.dev/probe';
export const probePrefix = 'meshproof-probe-';

export function seconds(ms: number): string {
  return ms < 7_200_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 360_000) / 10} h`;
}
