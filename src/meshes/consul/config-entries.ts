import type { Policy } from '../../policies/index.ts';

/** A config entry as Consul's API has it; `Kind` and `Name` identify it. Only the mesh entry has no name. */
export interface ConfigEntry {
  Kind: string;
  Name?: string;
  [field: string]: unknown;
}

export interface EntryChange {
  kind: string;
  name: string;
  /** Undefined: the entry goes. */
  entry?: ConfigEntry;
}

/** Reads one entry that is in force, or undefined. */
export type EntryReader = (kind: string, name: string) => ConfigEntry | undefined;

/**
 * Policies as the config entries they need, in the order they must be written. What a policy does not speak of is kept
 * as it is in an entry that exists; a service's router is what this call says of retries and timeouts, nothing else.
 *
 * @param callers every service of the mesh: outlier detection is a setting of those who call
 */
export function renderPolicies(
  policies: readonly Policy[],
  current: EntryReader,
  callers: readonly string[],
): EntryChange[] {
  const changes = new Map<string, EntryChange>();
  const put = (entry: ConfigEntry): void => {
    changes.set(`${entry.Kind}/${entry.Name ?? entry.Kind}`, {
      kind: entry.Kind,
      name: entry.Name ?? entry.Kind,
      entry,
    });
  };
  const latest: EntryReader = (kind, name) => changes.get(`${kind}/${name}`)?.entry ?? current(kind, name);
  const defaultsOf = (name: string): ConfigEntry =>
    latest('service-defaults', name) ?? { Kind: 'service-defaults', Name: name, Protocol: 'http' };

  if (policies.some((policy) => policy.kind === 'mtls' && policy.mode === 'permissive')) {
    put({ ...(current('mesh', 'mesh') ?? { Kind: 'mesh' }), AllowEnablingPermissiveMutualTLS: true });
  }
  for (const policy of policies) {
    switch (policy.kind) {
      case 'retry':
      case 'timeout':
        break;
      case 'outlier-detection':
        for (const caller of callers)
          put(withOutlierDetection(defaultsOf(caller), policy.service, policy.consecutiveErrors));
        break;
      case 'authorize':
        put({ Kind: 'service-intentions', Name: policy.to, Sources: sourcesOf(policy.from) });
        break;
      case 'mtls':
        put({ ...defaultsOf(policy.service), MutualTLSMode: policy.mode });
        break;
    }
  }
  for (const service of routedServices(policies)) {
    const destination = routerDestination(policies, service);
    const entry =
      destination === undefined
        ? undefined
        : { Kind: 'service-router', Name: service, Routes: [{ Destination: destination }] };
    changes.set(`service-router/${service}`, { kind: 'service-router', name: service, ...(entry ? { entry } : {}) });
  }
  return [...changes.values()];
}

/** Services whose router a set of policies decides. */
export function routedServices(policies: readonly Policy[]): string[] {
  const named = policies.flatMap((policy) =>
    policy.kind === 'retry' || policy.kind === 'timeout' ? [policy.service] : [],
  );
  return [...new Set(named)];
}

/** Undefined when nothing is asked for: Consul retries nothing by itself. */
function routerDestination(policies: readonly Policy[], service: string): Record<string, unknown> | undefined {
  const destination: Record<string, unknown> = {};
  for (const policy of policies) {
    if (policy.kind === 'retry' && policy.service === service && policy.attempts > 0) {
      destination.NumRetries = policy.attempts;
      destination.RetryOnStatusCodes = policy.onStatus;
    }
    if (policy.kind === 'timeout' && policy.service === service) {
      // Consul has no word for "none": a negative time becomes Envoy's 0 s, and leaving it out Envoy's 15 s.
      destination.RequestTimeout = policy.timeoutMs === 0 ? '-1s' : `${policy.timeoutMs}ms`;
    }
  }
  return Object.keys(destination).length === 0 ? undefined : destination;
}

/** An empty list lets nobody in; Consul wants at least one source. */
function sourcesOf(from: readonly string[]): { Name: string; Action: 'allow' | 'deny' }[] {
  if (from.length === 0) return [{ Name: '*', Action: 'deny' }];
  return from.map((name) => ({ Name: name, Action: 'allow' }));
}

interface UpstreamConfig {
  Defaults?: Record<string, unknown>;
  Overrides?: { Name: string; [field: string]: unknown }[];
}

function withOutlierDetection(entry: ConfigEntry, service: string, consecutiveErrors: number): ConfigEntry {
  const upstream = (entry.UpstreamConfig ?? {}) as UpstreamConfig;
  const others = (upstream.Overrides ?? []).filter(({ Name }) => Name !== service);
  const check =
    consecutiveErrors === 0
      ? { EnforcingConsecutive5xx: 0 }
      : { MaxFailures: consecutiveErrors, EnforcingConsecutive5xx: 100, Interval: '1s' };
  return {
    ...entry,
    UpstreamConfig: { ...upstream, Overrides: [...others, { Name: service, PassiveHealthCheck: check }] },
  };
}
