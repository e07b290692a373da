import pLimit from 'p-limit';
import type { KubeClient } from '../../kube/types.ts';
import type { MeshCheck, MeshLook } from '../adapter.ts';
import type { EnvoyAdmin, ServerInfo } from '../envoy/admin.ts';
import { meshedPods } from './meshed-pod.ts';

/** What experiments need of every proxy (`ProxyConfig`). https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig */
export const proxySettings = {
  // Connections live on by old rules until they are drained: 45 s by default, and an experiment waits for them.
  drainDuration: '2s',
  // Istio keeps a few counters by default: retries, timeouts and TLS handshakes are not among them.
  proxyStatsMatcher: { inclusionRegexps: ['.*'] },
};
/** Policies are waited for longer than this, and not much. */
const longestDrainSeconds = 10;
const atOnce = 6;

/** Whether every proxy has them, by what it started with. */
export function proxySettingsCheck(options: { kube: KubeClient; admin: EnvoyAdmin; namespace: string }): MeshCheck {
  const { kube, admin, namespace } = options;
  return {
    id: 'mesh/proxy-settings',
    title: 'Every proxy keeps all counters, and lets go of old connections within seconds',
    category: 'mesh',
    async look() {
      const limit = pLimit(atOnce);
      const pods = await meshedPods.running(kube, namespace);
      const started = await Promise.all(
        pods.map(({ ref }) =>
          limit(async () => ({
            pod: ref.name,
            dump: await admin.json(ref, '/config_dump'),
            info: await admin.serverInfo(ref),
          })),
        ),
      );
      return judgeProxySettings(started);
    },
  };
}

/** Pure. */
export function judgeProxySettings(
  proxies: readonly { pod: string; dump: unknown; info: Pick<ServerInfo, 'command_line_options'> }[],
): MeshLook {
  const problems = proxies.flatMap(({ pod, dump, info }) => [
    ...(leftOut(dump) === undefined ? [] : [`${pod} leaves out counters: ${leftOut(dump)}`]),
    ...(drainSeconds(info) <= longestDrainSeconds ? [] : [`${pod} drains old connections for ${drainSeconds(info)} s`]),
  ]);
  return {
    problems,
    fine: `${proxies.length} proxies`,
    hint: 'Pods that meshproof deploys have the annotation proxy.istio.io/config for it; give it to your own: drainDuration 2s, proxyStatsMatcher.inclusionRegexps [.*].',
  };
}

interface Pattern {
  prefix?: string;
  suffix?: string;
  safe_regex?: { regex: string };
}
interface Bootstrap {
  stats_config?: { stats_matcher?: { inclusion_list?: { patterns?: Pattern[] } } };
}

/** One of each sort that claims rest on. */
const needed = [
  'cluster.outbound|80||web.shop.svc.cluster.local;.upstream_rq_retry_success',
  'cluster.outbound|80||web.shop.svc.cluster.local;.upstream_rq_timeout',
  'cluster.outbound|80||web.shop.svc.cluster.local;.ssl.handshake',
  'cluster.inbound|8080||;.upstream_rq_200',
  'http.inbound_0.0.0.0_8080;.rbac.denied',
  'listener.0.0.0.0_15006.downstream_cx_total',
];

/** Pure: by what a proxy started with, the first counter that is needed and not kept; undefined: all are. */
export function leftOut(dump: unknown): string | undefined {
  const { configs = [] } = dump as { configs?: { '@type'?: string; bootstrap?: Bootstrap }[] };
  const bootstrap = configs.find((config) => config['@type']?.endsWith('.BootstrapConfigDump'))?.bootstrap;
  if (bootstrap === undefined) return 'all, as far as it shows';
  const matcher = bootstrap.stats_config?.stats_matcher;
  if (matcher === undefined) return undefined;
  const patterns = matcher.inclusion_list?.patterns ?? [];
  return needed.find((name) => !patterns.some((pattern) => matches(pattern, name)));
}

function matches({ prefix, suffix, safe_regex: one }: Pattern, name: string): boolean {
  if (prefix !== undefined) return name.startsWith(prefix);
  if (suffix !== undefined) return name.endsWith(suffix);
  try {
    // RE2 has nothing that JavaScript lacks, as far as names of counters go; Envoy wants the whole name to match.
    return one !== undefined && new RegExp(`^(?:${one.regex})$`).test(name);
  } catch {
    return false;
  }
}

/** Envoy's own default is 600 s. */
function drainSeconds({ command_line_options: options }: Pick<ServerInfo, 'command_line_options'>): number {
  return Number.parseFloat(options?.drain_time ?? '600');
}
