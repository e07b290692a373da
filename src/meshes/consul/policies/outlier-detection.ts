import { defaultsOf, type ConfigEntry } from '../config-entry.ts';
import type { ConsulRenderer } from './renderer.ts';

/** A setting of those who call: it goes into the defaults of every service. */
export const outlierDetection: ConsulRenderer<'outlier-detection'> = {
  render: (policy, entries) =>
    entries.services.map((caller) =>
      withOverride(defaultsOf(entries, caller), policy.service, policy.consecutiveErrors),
    ),
  inForce(policy, { config }) {
    const upstream = config.upstreams.get(policy.service);
    if (!upstream) return undefined;
    return {
      has: { ejectsAfterErrors: upstream.ejectsAfter5xx ?? 'unknown' },
      wants: { ejectsAfterErrors: policy.consecutiveErrors },
    };
  },
};

interface UpstreamConfig {
  Defaults?: Record<string, unknown>;
  Overrides?: { Name: string; [field: string]: unknown }[];
}

function withOverride(entry: ConfigEntry, service: string, consecutiveErrors: number): ConfigEntry {
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
