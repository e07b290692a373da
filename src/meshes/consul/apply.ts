import pLimit from 'p-limit';
import { stringify } from 'yaml';
import { MeshproofError, messageOf } from '../../base/errors.ts';
import { pollUntil } from '../../base/poll.ts';
import { isHttpStatus } from '../../kube/kube-api-error.ts';
import { parseEnvoyCounters } from '../../observe/telemetry/envoy-histogram.ts';
import type { AppliedPolicies, MeshContext } from '../adapter.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import { readConfigDump, type ProxyConfig } from '../envoy/config-dump.ts';
import type { Policy } from '../../policies/index.ts';
import type { ConsulApi } from './api.ts';
import { callableServices, instances } from './catalog.ts';
import { renderPolicies, type ConfigEntry, type EntryChange } from './config-entries.ts';
import { injectedPods, type MeshedPod } from './meshed-pod.ts';
import { serviceOfCluster } from './names.ts';
import { lacking } from './propagation.ts';

const propagationTimeoutMs = 30_000;
const draining = ['listener_manager.total_filter_chains_draining', 'listener_manager.total_listeners_draining'];

export interface ApplyContext extends Pick<MeshContext, 'kube'> {
  /** Ends the wait for the policies to come into force. */
  signal: AbortSignal | undefined;
  api: ConsulApi;
  admin: EnvoyAdmin;
}

/** Writes the config entries of these policies and waits until every running proxy acts on them. */
export async function applyPolicies(context: ApplyContext, policies: readonly Policy[]): Promise<AppliedPolicies> {
  const { api, kube } = context;
  const current = await currentEntries(api);
  const pods = await injectedPods(kube);
  const registered = await instances(api);
  const defaults = [...current.values()].flatMap(({ Kind, Name }) =>
    Kind === 'service-defaults' && Name !== undefined ? [Name] : [],
  );
  const callers = [...new Set([...defaults, ...pods.map((pod) => pod.service)])].sort();
  const changes = renderPolicies(policies, (kind, name) => current.get(`${kind}/${name}`), callers);
  const before = await proxyConfigs(context, pods);
  const restore = async (): Promise<void> => {
    for (const { kind, name } of [...changes].reverse()) {
      const entry = current.get(`${kind}/${name}`);
      await write(api, { kind, name, ...(entry ? { entry } : {}) });
    }
  };
  const callable = callableServices(registered);
  try {
    for (const change of changes) await write(api, change);
    await waitForProxies(context, (pod, config) => lacking(config, pod.service, policies, callable));
  } catch (error) {
    // Half a set of policies is nobody's wish, and nobody could take it back later.
    await restore().catch((failed: unknown) => {
      throw new MeshproofError(
        'MESHPROOF_MESH_API',
        `${messageOf(error)}; and taking back what was written failed: ${messageOf(failed)}`,
        'Consul may hold half a set of policies (consul config list); `./bin/meshproof down` removes the lab.',
        { cause: error },
      );
    });
    throw error;
  }
  return {
    rendered: changes.map(toYaml).join('---\n'),
    undo: async () => {
      await restore();
      const wanted = new Map([...before].map(([uid, config]) => [uid, fingerprint(config)]));
      // Without the run's signal: taking back goes on after Ctrl-C and after --timeout.
      await waitForProxies({ ...context, signal: undefined }, (pod, config) => {
        const old = wanted.get(pod.ref.uid);
        return old === undefined || old === fingerprint(config)
          ? undefined
          : 'it still has policies that were taken back';
      });
    },
  };
}

async function write(api: ConsulApi, { kind, name, entry }: EntryChange): Promise<void> {
  if (entry) await api.put('/v1/config', entry);
  else await api.delete(`/v1/config/${kind}/${name}`);
}

const kinds = ['mesh', 'service-defaults', 'service-router', 'service-intentions'];

async function currentEntries(api: ConsulApi): Promise<Map<string, ConfigEntry>> {
  const lists = await Promise.all(kinds.map((kind) => api.get<ConfigEntry[]>(`/v1/config/${kind}`)));
  return new Map(lists.flatMap((list) => list ?? []).map((entry) => [keyOf(entry), withoutBookkeeping(entry)]));
}

function keyOf({ Kind, Name }: ConfigEntry): string {
  return `${Kind}/${Name ?? Kind}`;
}

/** Fields that Consul sets, and refuses or ignores when they are sent back. */
const bookkeeping = new Set(['CreateIndex', 'ModifyIndex', 'Hash', 'Precedence', 'LegacyID', 'Type']);

function withoutBookkeeping(entry: ConfigEntry): ConfigEntry {
  return JSON.parse(JSON.stringify(entry, (key, value) => (bookkeeping.has(key) ? undefined : value))) as ConfigEntry;
}

/**
 * Waits until no running proxy lacks anything, nor still lets old connections live by old rules: when a listener changes
 * its filter chains, connections of the old ones go on as before until they are drained.
 */
async function waitForProxies(
  context: ApplyContext,
  lacks: (pod: MeshedPod, config: ProxyConfig) => string | undefined,
): Promise<void> {
  const { kube, admin, signal } = context;
  const settled = new Set<string>();
  await pollUntil(
    async () => {
      const pods = (await injectedPods(kube)).filter(
        (pod) => pod.notRunning === undefined && !settled.has(pod.ref.uid),
      );
      const limit = pLimit(6);
      const lacking = async (pod: MeshedPod): Promise<string | undefined> => {
        const reason = lacks(pod, await proxyConfig(context, pod));
        if (reason !== undefined) return reason;
        const stats = parseEnvoyCounters(
          await admin.text(pod.ref, `/stats?format=json&filter=^(${draining.join('|')})$`),
        );
        if (draining.some((name) => (stats.get(name) ?? 0) > 0)) return 'old connections are drained';
        settled.add(pod.ref.uid);
        return undefined;
      };
      const reasons = await Promise.all(
        pods.map((pod) =>
          limit(async () => {
            try {
              const reason = await lacking(pod);
              return reason === undefined ? undefined : `${pod.ref.name}: ${reason}`;
            } catch (error) {
              if (isHttpStatus(error, 404)) return `${pod.ref.name}: it has just gone`;
              throw error;
            }
          }),
        ),
      );
      const reason = reasons.find((one) => one !== undefined);
      return reason === undefined ? { ready: true } : { pending: reason };
    },
    {
      what: 'every proxy has the policies',
      timeoutMs: propagationTimeoutMs,
      intervalMs: 200,
      signal,
      code: 'MESHPROOF_MESH_NOT_READY',
      hint: 'Look at the config entries (consul config list) and at the proxy named above (/config_dump on its admin port).',
    },
  );
}

async function proxyConfigs(context: ApplyContext, pods: readonly MeshedPod[]): Promise<Map<string, ProxyConfig>> {
  const limit = pLimit(6);
  const found = new Map<string, ProxyConfig>();
  await Promise.all(
    pods
      .filter((pod) => pod.notRunning === undefined)
      .map((pod) =>
        limit(async () => {
          // A pod that is just going away has nothing to compare with later.
          const config = await proxyConfig(context, pod).catch(() => undefined);
          if (config) found.set(pod.ref.uid, config);
        }),
      ),
  );
  return found;
}

async function proxyConfig({ admin }: ApplyContext, pod: MeshedPod): Promise<ProxyConfig> {
  return readConfigDump(await admin.json(pod.ref, '/config_dump'), serviceOfCluster);
}

/** Equal for proxies that treat their calls alike. */
function fingerprint(config: ProxyConfig): string {
  const upstreams = [...config.upstreams].sort(([a], [b]) => a.localeCompare(b));
  return JSON.stringify([upstreams, [...(config.callers ?? [])].sort(), config.permissive]);
}

function toYaml({ kind, name, entry }: EntryChange): string {
  return entry ? stringify(entry) : `# ${kind} ${name}: none\n`;
}
