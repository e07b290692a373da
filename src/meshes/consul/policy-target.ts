import { stringify } from 'yaml';
import type { Json } from '../../base/json.ts';
import type { KubeClient } from '../../kube/types.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { isDraining } from '../envoy/sidecar.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { rendererOf } from '../policy-renderer.ts';
import type { PolicyTarget, ProxyLook } from '../policy-target.ts';
import type { ConsulApi } from './api.ts';
import { callableServices, instances } from './catalog.ts';
import { entryId, entryKinds, splitEntryId, withoutBookkeeping, type ConfigEntry } from './config-entry.ts';
import { injectedPods } from './meshed-pod.ts';
import { consulPolicies } from './policies/index.ts';
import type { ConsulRenderers } from './policies/renderer.ts';
import { readProxyConfig, type ConsulProxy } from './proxy-config.ts';
import { inOrder, pristine, renderPolicies, type EntryMap } from './render-policies.ts';

/** Policies are Consul's config entries, and every sidecar shows in its configuration what it was told. */
export function consulPolicyTarget(options: { kube: KubeClient; api: ConsulApi; admin: EnvoyAdmin }): PolicyTarget {
  const { kube, api, admin } = options;
  return {
    async read() {
      const lists = await Promise.all(entryKinds.map((kind) => api.get<ConfigEntry[]>(`/v1/config/${kind}`)));
      return new Map(
        lists.flatMap((list) => list ?? []).map((entry) => [entryId(entry), withoutBookkeeping(entry) as Json]),
      );
    },

    render(policies, current, services) {
      const known = [...current.keys()].map(splitEntryId).filter(({ kind }) => kind === 'service-defaults');
      const all = [...new Set([...services, ...known.map(({ name }) => name)])].sort();
      return resources([...renderPolicies(policies, entries(current), all)]);
    },

    // What uses something goes before what allows it.
    pristine: (current) => resources(inOrder([...pristine(entries(current))]).reverse()),

    async write({ id, value }) {
      const { kind, name } = splitEntryId(id);
      if (value === null) await api.delete(`/v1/config/${kind}/${name}`);
      else await api.put('/v1/config', value);
    },

    toYaml({ id, value }) {
      const { kind, name } = splitEntryId(id);
      return value === null ? `# ${kind} ${name}: none\n` : stringify(value);
    },

    async proxies() {
      const [pods, registered] = await Promise.all([injectedPods(kube), instances(api)]);
      const callable = callableServices(registered);
      return pods
        .filter(({ notRunning }) => notRunning === undefined)
        .map((pod) => ({
          podUid: pod.ref.uid,
          pod: pod.ref.name,
          service: pod.service,
          look: () => look(admin, pod, callable),
        }));
    },
  };
}

async function look(admin: EnvoyAdmin, pod: MeshedPod, callable: ReadonlySet<string>): Promise<ProxyLook> {
  const config = readProxyConfig(await admin.json(pod.ref, '/config_dump'));
  const drains = await isDraining(admin, pod.ref);
  const proxy: ConsulProxy = { service: pod.service, config, callable };
  return {
    compare: (policy) => rendererOf<unknown, unknown, ConsulProxy>(renderers, policy.kind)?.inForce(policy, proxy),
    trace: () => traceOf(proxy),
    unsettled: config.rejected[0] ?? (drains ? 'old connections are drained' : undefined),
  };
}

const renderers: ConsulRenderers = consulPolicies;

/** Of a policy on how it calls others, or takes calls: a proxy nobody wrote a policy for has none. */
export function traceOf({ config }: ConsulProxy): string | undefined {
  if (config.permissive) return 'it still takes plaintext';
  for (const [service, { routes = [], ejectsAfter5xx = 0 }] of config.upstreams) {
    const told = routes.some(({ retries, timeoutMs }) => retries > 0 || timeoutMs !== undefined);
    if (told || routes.length > 1) return `it still has a route policy for ${service}`;
    if (ejectsAfter5xx > 0) return `it still ejects replicas of ${service}`;
  }
  return undefined;
}

function entries(current: ReadonlyMap<string, Json>): EntryMap {
  return new Map([...current].map(([id, value]) => [id, (value ?? undefined) as ConfigEntry | undefined]));
}

function resources(changes: readonly (readonly [string, ConfigEntry | undefined])[]) {
  return changes.map(([id, entry]) => ({ id, value: (entry ?? null) as Json }));
}
