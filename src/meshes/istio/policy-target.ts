import { stringify } from 'yaml';
import type { Json } from '../../base/json.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import { factsOr, readServiceFacts, replaced, type ServiceFacts } from '../custom-resources.ts';
import type { EnvoyAdmin } from '../envoy/admin.ts';
import type { Route } from '../envoy/config-dump.ts';
import { isDraining } from '../envoy/sidecar.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { rendererOf } from '../policy-renderer.ts';
import type { PolicyTarget, ProxyLook } from '../policy-target.ts';
import { meshedPods } from './meshed-pod.ts';
import { labels } from './names.ts';
import type { Told } from './dialects.ts';
import type { IstioProxy, IstioRenderers } from './policies/renderer.ts';
import { readProxyConfig } from './proxy-config.ts';
import { renderResources } from './render-policies.ts';
import { kinds, nameOf, rankOf, resourceId, splitResourceId, toObject, type Kind } from './resources.ts';

/** What was read of a service, beside the resources. */
const facts = 'facts';

/** Policies are custom resources in the app's namespace, and every sidecar shows in its configuration what it was told. */
export function istioPolicyTarget(options: {
  kube: KubeClient;
  admin: EnvoyAdmin;
  namespace: string;
  trustDomain: string;
  told: Told;
}): PolicyTarget {
  const { kube, admin, namespace, trustDomain } = options;
  const { renderers, kinds: spoken } = options.told;
  const pathOf = (kind: Kind): string =>
    `/apis/${kinds[kind].apiVersion}/namespaces/${namespace}/${kinds[kind].plural}`;
  return {
    async read() {
      const lists = await Promise.all([
        ...spoken.map(async (kind) =>
          (await kube.list<KubeObject>(pathOf(kind), `${labels.managedBy}=meshproof,!${labels.baseline}`)).map(
            (object) => [resourceId(kind, nameOf(object)), object.spec as Json] as const,
          ),
        ),
        (async () =>
          [...(await readServiceFacts(kube, namespace))].map(
            ([service, own]) => [`${facts}/${service}`, own as unknown as Json] as const,
          ))(),
      ]);
      return new Map(lists.flat());
    },

    render(policies, current) {
      const factsOf = (service: string): ServiceFacts =>
        factsOr(current.get(`${facts}/${service}`) as ServiceFacts | undefined, service);
      return renderResources(policies, { namespace, trustDomain, factsOf }, renderers).map(
        ({ kind, name, spec, note }) => ({ id: resourceId(kind, name), value: spec, note }),
      );
    },

    // What uses something goes before what allows it.
    pristine: (current) =>
      [...current.keys()]
        .filter((id) => !id.startsWith(`${facts}/`))
        .toSorted((a, b) => rankOf(b) - rankOf(a))
        .map((id) => ({ id, value: null })),

    async write({ id, value }) {
      const { kind, name } = splitResourceId(id);
      const object = toObject({ kind, name, spec: value }, namespace);
      const path = `${pathOf(kind)}/${object.metadata.name}`;
      if (value === null) await kube.delete(path);
      else if (!(await replaced(kube, path, { '/spec': value }))) await kube.create(object);
    },

    toYaml({ id, value, note }) {
      const { kind, name } = splitResourceId(id);
      if (value === null) return `# ${kind} of ${name}: none\n`;
      const why = note === undefined ? '' : `# A ${kind}, since ${note}.\n`;
      return why + stringify(toObject({ kind, name, spec: value }, namespace));
    },

    async proxies() {
      const [pods, read] = await Promise.all([meshedPods.running(kube, namespace), readServiceFacts(kube, namespace)]);
      return pods.map((pod) => ({
        podUid: pod.ref.uid,
        pod: pod.ref.name,
        service: pod.service,
        look: () => look({ admin, pod, trustDomain, renderers }, (service) => factsOr(read.get(service), service)),
      }));
    },
  };
}

async function look(
  {
    admin,
    pod: { ref, service },
    trustDomain,
    renderers,
  }: { admin: EnvoyAdmin; pod: MeshedPod; trustDomain: string; renderers: IstioRenderers },
  factsOfService: (service: string) => ServiceFacts,
): Promise<ProxyLook> {
  const config = readProxyConfig(await admin.json(ref, '/config_dump'), ref.namespace, trustDomain);
  const proxy: IstioProxy = { service, config, factsOf: factsOfService };
  return {
    compare: (policy) => rendererOf(renderers, policy.kind)?.inForce(policy, proxy),
    trace: () => traceOf(proxy),
    unsettled: config.rejected[0] ?? ((await isDraining(admin, ref)) ? 'old connections are drained' : undefined),
  };
}

/** Of a policy on how it calls others, or takes calls: a proxy nobody wrote a policy for has none. */
export function traceOf({ config }: IstioProxy): string | undefined {
  if (config.permissive) return 'it still takes plaintext';
  for (const [service, { ports, ejectsAfter5xx }] of config.upstreams) {
    if (ports.flat().some(isOurs)) return `it still has a route policy for ${service}`;
    if (ejectsAfter5xx > 0) return `it still ejects replicas of ${service}`;
  }
  return undefined;
}

/** By what Istio notes of a VirtualService, and calls a rule of an HTTPRoute: `<namespace>.<name>.<position>`. */
function isOurs({ name = '', notes }: Route): boolean {
  return (
    String(notes?.['istio']?.['config'] ?? '').includes('/virtual-service/meshproof-') ||
    /^[^.]+\.meshproof-/.test(name)
  );
}
