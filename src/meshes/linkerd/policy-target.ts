import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';
import type { Json } from '../../base/json.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { Policy, PolicyKind } from '../../policies/index.ts';
import type { AdminPort } from '../admin-port.ts';
import { factsOr, readServiceFacts, replaced, type ServiceFacts } from '../custom-resources.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { rendererOf } from '../policy-renderer.ts';
import type { PolicyResource, PolicyTarget, ProxyLook } from '../policy-target.ts';
import { appPorts } from './app-ports.ts';
import type { Cli } from './cli.ts';
import { byProfiles, renderersIn } from './dialects.ts';
import { isOpaque } from './inject.ts';
import { meshedPods } from './meshed-pod.ts';
import { labels } from './names.ts';
import type { LinkerdProxy, LinkerdRenderers } from './policies/renderer.ts';
import { PolicySource } from './policy-source.ts';
import { proxyState } from './proxy-state.ts';
import { renderPolicies } from './render-policies.ts';
import {
  kinds,
  nameOf,
  objectName,
  rankOf,
  resourceId,
  splitResourceId,
  toObject,
  type Content,
  type Kind,
} from './resources.ts';
import { annotationPatch, annotationsBefore, policyAnnotations } from './service-annotations.ts';
import { contentBefore, plainProfile, profileAnnotations } from './service-profile/profile-resource.ts';
import { writeProfile } from './service-profile/write-profile.ts';
import { outlineOf, serviceProfiles, type FoundProfile } from './service-profiles.ts';

/** What was read of a service, beside the resources. */
const facts = 'facts';
/** What a ServiceProfile switches off where it is not said in one. */
const goesByProfile: readonly PolicyKind[] = ['retry', 'timeout', 'outlier-detection'];

export interface TargetOptions {
  kube: KubeClient;
  admin: AdminPort;
  cli: Cli;
  namespace: string;
  /** Of `linkerdDialects`; default: the usual one. */
  dialect?: string | undefined;
}

/**
 * Policies are annotations of Services and custom resources in the app's namespace; who acts on them is asked of the control plane.
 * Where they are ServiceProfiles every HTTP service has one, also without a policy: a proxy that has begun without goes on so.
 */
export function linkerdPolicyTarget({ kube, admin, cli, namespace, dialect }: TargetOptions): PolicyTarget {
  const renderers = renderersIn(dialect);
  const profiled = byProfiles(dialect);
  const pathOf = (kind: Kind): string => {
    const { apiVersion, plural } = kinds[kind];
    return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}/namespaces/${namespace}/${plural}`;
  };
  const objectPath = (kind: Kind, name: string): string => `${pathOf(kind)}/${objectName(kind, name, namespace)}`;

  const writeAnnotations = async (service: string, content: Content | null): Promise<void> => {
    const path = objectPath('Service', service);
    const { metadata } = await kube.get(path);
    const wanted = content?.annotations ?? {};
    await kube.patch(path, {
      metadata: { annotations: annotationPatch(policyAnnotations(metadata.annotations), wanted) },
    });
  };

  return {
    async read() {
      const lists = await Promise.all([
        ...(Object.keys(kinds) as Kind[]).map((kind) => readKind(kube, kind, { path: pathOf(kind), namespace })),
        (async () =>
          [...(await readServiceFacts(kube, namespace))].map(
            ([service, own]) => [`${facts}/${service}`, own as unknown as Json] as const,
          ))(),
      ]);
      return new Map(lists.flat());
    },

    render(policies, current) {
      const content = (kind: Kind, name: string): Content | null =>
        (current.get(resourceId(kind, name)) as Content | undefined) ?? null;
      const known = {
        namespace,
        factsOf: (service: string) => factsOr(current.get(`${facts}/${service}`) as ServiceFacts | undefined, service),
        annotationsOf: (service: string) => content('Service', service)?.annotations ?? {},
        profile: (service: string) => content('ServiceProfile', service),
      };
      const rendered = renderPolicies(policies, known, renderers);
      if (profiled) {
        for (const service of httpServices(current)) {
          const id = resourceId('ServiceProfile', service);
          if (!current.has(id) && !rendered.has(id)) rendered.set(id, plainProfile(service).content as Json);
        }
      }
      return [...rendered].map(([id, value]) => ({ id, value }));
    },

    // What uses something goes before what allows it.
    pristine: (current) =>
      [...current]
        .filter(([id]) => !id.startsWith(`${facts}/`))
        .toSorted(([a], [b]) => rankOf(b) - rankOf(a))
        .flatMap(([id, value]): PolicyResource[] => {
          const { kind, name } = splitResourceId(id);
          if (kind === 'Service') {
            const before = annotationsBefore((value as Content).annotations ?? {});
            return before === undefined ? [] : [{ id, value: { annotations: before } }];
          }
          if (kind !== 'ServiceProfile') return [{ id, value: null }];
          const before = contentBefore(value as Content);
          if (before === undefined) return [];
          return [{ id, value: (before ?? (profiled ? plainProfile(name).content : null)) as Json }];
        }),

    async write({ id, value }) {
      const { kind, name } = splitResourceId(id);
      const content = value as Content | null;
      if (kind === 'Service') return writeAnnotations(name, content);
      const path = objectPath(kind, name);
      if (kind === 'ServiceProfile') return writeProfile(kube, path, { name, content, namespace });
      if (content === null) return kube.delete(path);
      const fields = {
        '/spec': content.spec ?? null,
        ...(content.annotations && { '/metadata/annotations': content.annotations }),
      };
      if (!(await replaced(kube, path, fields))) await kube.create(toObject({ kind, name, content }, namespace));
    },

    toYaml({ id, value }) {
      const { kind, name } = splitResourceId(id);
      const content = value as Content | null;
      return content === null
        ? `# ${kind} of ${name}: none\n`
        : stringify(toObject({ kind, name, content }, namespace));
    },

    async proxies() {
      const [pods, services] = await Promise.all([
        meshedPods.running(kube, namespace),
        readServiceFacts(kube, namespace),
      ]);
      const source = new PolicySource(cli, namespace);
      const found = serviceProfiles(kube, namespace);
      return pods.map((pod) => ({
        podUid: pod.ref.uid,
        pod: pod.ref.name,
        service: pod.service,
        look: () => look(pod, { kube, admin, source, services, renderers, profiled, found }),
      }));
    },
  };
}

/** Those that speak HTTP for all that is known; a ServiceProfile of another one does nothing. */
function httpServices(current: ReadonlyMap<string, Json>): string[] {
  return [...current].flatMap(([id, value]) => {
    const [what, service = ''] = id.split('/');
    const { ports = [] } = value as unknown as Partial<ServiceFacts>;
    return what === facts && httpPorts({ ports }).length > 0 ? [service] : [];
  });
}

function httpPorts(known: Pick<ServiceFacts, 'ports'> | undefined): number[] {
  return (known?.ports ?? []).flatMap(({ port, appProtocol }) => (isOpaque(appProtocol) ? [] : [port]));
}

async function readKind(
  kube: KubeClient,
  kind: Kind,
  { path, namespace }: { path: string; namespace: string },
): Promise<(readonly [string, Json])[]> {
  // Those two may be the user's.
  const own = kind !== 'Service' && kind !== 'ServiceProfile';
  const objects = await kube.list<KubeObject>(path, own ? `${labels.managedBy}=meshproof` : undefined);
  return objects.flatMap((object) => {
    const name = nameOf(kind, object, namespace);
    return name === undefined ? [] : [[resourceId(kind, name), contentOf(kind, object) as Json] as const];
  });
}

function contentOf(kind: Kind, { metadata, spec }: KubeObject): Content {
  const { annotations } = metadata;
  if (kind === 'Service') return { annotations: policyAnnotations(annotations) };
  const kept = kind === 'ServiceProfile' ? profileAnnotations(annotations) : annotations && { annotations };
  return { ...kept, spec: spec as Json };
}

interface Around {
  kube: KubeClient;
  admin: AdminPort;
  source: PolicySource;
  services: ReadonlyMap<string, ServiceFacts>;
  renderers: LinkerdRenderers;
  /** Callers go by ServiceProfiles. */
  profiled: boolean;
  /** ServiceProfiles as they are in the cluster. */
  found: Promise<readonly FoundProfile[]>;
}

async function look(pod: MeshedPod, around: Around): Promise<ProxyLook> {
  const { kube, admin, source, services, renderers, profiled } = around;
  const { service } = pod;
  const factsOf = (name: string): ServiceFacts => factsOr(services.get(name), name);
  const outbound = (name: string) =>
    Promise.all((services.get(name)?.ports ?? []).map(({ port }) => source.outbound(name, port)));
  const inbound = async () => {
    const object = await kube.get<KubeObject>(`/api/v1/namespaces/${pod.ref.namespace}/pods/${pod.ref.name}`);
    return Promise.all(appPorts(object, services).map((port) => source.inbound(pod.ref, port)));
  };
  const profiles = (name: string) =>
    Promise.all(httpPorts(services.get(name)).map((port) => source.profile(name, port)));
  const state = await proxyState(admin, pod);
  const found = await around.found;
  const silenced = (name: string): boolean => !profiled && found.some((profile) => profile.service === name);
  return {
    async compare(policy: Policy) {
      const renderer = rendererOf(renderers, policy.kind);
      if (renderer === undefined) return undefined;
      const about = 'service' in policy ? policy.service : policy.to;
      const proxy: LinkerdProxy = {
        service,
        factsOf,
        outbound: await outbound(about),
        profiles: profiled ? await profiles(about) : [],
        // Asked only where it matters: each answer is a call of its own.
        inbound: about === service ? await inbound() : [],
      };
      const seen = renderer.inForce(policy, proxy);
      return seen !== undefined && goesByProfile.includes(policy.kind) && silenced(about)
        ? { ...seen, has: `switched off by the ServiceProfile of ${about}` }
        : seen;
    },
    async trace() {
      for (const name of services.keys()) {
        const said = found.find((profile) => profile.service === name)?.routes ?? [];
        const told = profiled ? await profiles(name) : [];
        if (told.some(({ routes }) => !isDeepStrictEqual(outlineOf(routes), said)))
          return `it still has a route policy for ${name}`;
        for (const { routes, ejectsAfterErrors } of await outbound(name)) {
          if (routes.some(({ httpRoute }) => httpRoute?.startsWith('meshproof-')))
            return `it still has a route policy for ${name}`;
          if (ejectsAfterErrors > 0) return `it still ejects replicas of ${name}`;
        }
      }
      return undefined;
    },
    unsettled: state.problem === undefined ? undefined : state.problem.detail,
  };
}
