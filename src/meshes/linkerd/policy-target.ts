import { stringify } from 'yaml';
import type { Json } from '../../base/json.ts';
import type { KubeClient, KubeObject } from '../../kube/types.ts';
import type { Policy } from '../../policies/index.ts';
import type { AdminPort } from '../admin-port.ts';
import { factsOr, readServiceFacts, replaced, type ServiceFacts } from '../custom-resources.ts';
import type { MeshedPod } from '../meshed-pod.ts';
import { rendererOf } from '../policy-renderer.ts';
import type { PolicyResource, PolicyTarget, ProxyLook } from '../policy-target.ts';
import { appPorts } from './app-ports.ts';
import type { Cli } from './cli.ts';
import { meshedPods } from './meshed-pod.ts';
import { labels } from './names.ts';
import { linkerdPolicies } from './policies/index.ts';
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
import { overridden } from './service-profiles.ts';

const renderers: LinkerdRenderers = linkerdPolicies;
/** What was read of a service, beside the resources. */
const facts = 'facts';

export interface TargetOptions {
  kube: KubeClient;
  admin: AdminPort;
  cli: Cli;
  namespace: string;
}

/** Policies are annotations of Services and custom resources in the app's namespace; who acts on them is asked of the control plane. */
export function linkerdPolicyTarget({ kube, admin, cli, namespace }: TargetOptions): PolicyTarget {
  const pathOf = (kind: Kind): string => {
    const { apiVersion, plural } = kinds[kind];
    return `/${apiVersion.includes('/') ? 'apis' : 'api'}/${apiVersion}/namespaces/${namespace}/${plural}`;
  };
  const objectPath = (kind: Kind, name: string): string => `${pathOf(kind)}/${objectName(kind, name)}`;

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
        ...(Object.keys(kinds) as Kind[]).map((kind) => readKind(kube, kind, pathOf(kind))),
        (async () =>
          [...(await readServiceFacts(kube, namespace))].map(
            ([service, own]) => [`${facts}/${service}`, own as unknown as Json] as const,
          ))(),
      ]);
      return new Map(lists.flat());
    },

    render(policies, current) {
      const rendered = renderPolicies(policies, {
        namespace,
        factsOf: (service) => factsOr(current.get(`${facts}/${service}`) as ServiceFacts | undefined, service),
        annotationsOf: (service) =>
          (current.get(resourceId('Service', service)) as Content | undefined)?.annotations ?? {},
      });
      return [...rendered].map(([id, value]) => ({ id, value }));
    },

    // What uses something goes before what allows it.
    pristine: (current) =>
      [...current]
        .filter(([id]) => !id.startsWith(`${facts}/`))
        .toSorted(([a], [b]) => rankOf(b) - rankOf(a))
        .flatMap(([id, value]): PolicyResource[] => {
          if (splitResourceId(id).kind !== 'Service') return [{ id, value: null }];
          const before = annotationsBefore((value as Content).annotations ?? {});
          return before === undefined ? [] : [{ id, value: { annotations: before } }];
        }),

    async write({ id, value }) {
      const { kind, name } = splitResourceId(id);
      const content = value as Content | null;
      if (kind === 'Service') return writeAnnotations(name, content);
      const path = objectPath(kind, name);
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
      const profiles = overridden(kube, namespace);
      return pods.map((pod) => ({
        podUid: pod.ref.uid,
        pod: pod.ref.name,
        service: pod.service,
        look: () => look(pod, { kube, admin, source, services, profiles }),
      }));
    },
  };
}

async function readKind(kube: KubeClient, kind: Kind, path: string): Promise<(readonly [string, Json])[]> {
  if (kind === 'Service') {
    return (await kube.list<KubeObject>(path)).map(({ metadata }) => [
      resourceId(kind, metadata.name),
      { annotations: policyAnnotations(metadata.annotations) },
    ]);
  }
  const own = await kube.list<KubeObject>(path, `${labels.managedBy}=meshproof`);
  return own.map((object) => {
    const { annotations } = object.metadata;
    const content: Content = { ...(annotations && { annotations }), spec: object.spec as Json };
    return [resourceId(kind, nameOf(kind, object)), content as Json];
  });
}

interface Around {
  kube: KubeClient;
  admin: AdminPort;
  source: PolicySource;
  services: ReadonlyMap<string, ServiceFacts>;
  /** Services whose policies a ServiceProfile switches off. */
  profiles: Promise<ReadonlySet<string>>;
}

async function look(pod: MeshedPod, { kube, admin, source, services, profiles }: Around): Promise<ProxyLook> {
  const { service } = pod;
  const factsOf = (name: string): ServiceFacts => factsOr(services.get(name), name);
  const outbound = (name: string) =>
    Promise.all((services.get(name)?.ports ?? []).map(({ port }) => source.outbound(name, port)));
  const inbound = async () => {
    const object = await kube.get<KubeObject>(`/api/v1/namespaces/${pod.ref.namespace}/pods/${pod.ref.name}`);
    return Promise.all(appPorts(object, services).map((port) => source.inbound(pod.ref, port)));
  };
  const state = await proxyState(admin, pod);
  const off = await profiles;
  return {
    async compare(policy: Policy) {
      const renderer = rendererOf(renderers, policy.kind);
      if (renderer === undefined) return undefined;
      const about = 'service' in policy ? policy.service : policy.to;
      const proxy: LinkerdProxy = {
        service,
        factsOf,
        outbound: await outbound(about),
        // Asked only where it matters: each answer is a call of its own.
        inbound: about === service ? await inbound() : [],
      };
      const found = renderer.inForce(policy, proxy);
      const overrules =
        found !== undefined && proxy.outbound.length > 0 && off.has(about) && policy.kind !== 'authorize';
      return overrules ? { ...found, has: `switched off by the ServiceProfile of ${about}` } : found;
    },
    async trace() {
      for (const name of services.keys()) {
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
